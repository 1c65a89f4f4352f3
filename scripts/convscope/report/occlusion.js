// The values of cells: point at a map, or focus it and use the arrow keys. Without scripts the
// figures are whole as pictures.
for (const figure of document.querySelectorAll("[data-occlusion]")) {
  const data = JSON.parse(document.getElementById(figure.dataset.occlusion).textContent);
  const { width, height, grid } = data;
  const [patchHeight, patchWidth] = grid.patch;
  const make = (name) => {
    const element = document.createElement("div");
    element.className = name;
    figure.append(element);
    return element;
  };
  const at = (element, left, top, wide, high) => {
    const percent = (part, whole) => `${(100 * part) / whole}%`;
    Object.assign(element.style, {
      left: percent(left, width), top: percent(top, height),
      width: percent(wide, width), height: percent(high, height),
    });
  };
  const patches = data.outlined.map(() => make("patch"));
  const cells = data.pointed.map(() => make("cell"));
  const box = make("values");
  const said = make("said-cell");
  said.setAttribute("role", "status");
  const hide = () => { for (const element of [...patches, ...cells, box]) element.hidden = true; };
  hide();
  let row = data.lowest[0];
  let column = data.lowest[1];

  // Where a cell begins and ends along one side, within the outermost centres.
  const span = (starts, patch, place) => {
    if (starts.length === 1) return [starts[0], starts[0] + patch];
    const step = starts[1] - starts[0];
    const centre = (index) => starts[index] + patch / 2;
    const last = starts.length - 1;
    return [Math.max(centre(place) - step / 2, centre(0) - 0.5), Math.min(centre(place) + step / 2, centre(last) + 0.5)];
  };
  // The place of a pixel's cell, or null where nothing was measured.
  const cellAt = (starts, patch, pixel) => {
    const found = starts.findIndex((_, place) => {
      const [first, end] = span(starts, patch, place);
      return pixel >= first && pixel < end;
    });
    return found < 0 ? null : found;
  };

  const show = (index) => {
    const top = grid.rows[row];
    const left = grid.columns[column];
    data.outlined.forEach(([x, y, wide, high], place) => {
      const [across, down] = [wide / grid.image[1], high / grid.image[0]];
      at(patches[place], x + left * across, y + top * down, patchWidth * across, patchHeight * down);
    });
    const rows = span(grid.rows, patchHeight, row);
    const columns = span(grid.columns, patchWidth, column);
    data.pointed.forEach(([x, y, wide, high], place) => {
      const [across, down] = [wide / grid.image[1], high / grid.image[0]];
      at(cells[place], x + columns[0] * across, y + rows[0] * down, (columns[1] - columns[0]) * across, (rows[1] - rows[0]) * down);
    });
    const lines = [
      `${data.name}: ${data.probabilities[row][column].toFixed(4)} (clean ${data.clean.toFixed(4)})`,
      `most probable: ${data.classes[data.classMap[row][column]]}`,
      `cell ${row}, ${column}; patch on rows ${top}–${top + patchHeight - 1}, columns ${left}–${left + patchWidth - 1}`,
    ];
    box.replaceChildren(...lines.map((text, place) => {
      const line = document.createElement("div");
      if (!place) line.style.fontWeight = "600";
      line.textContent = text;
      return line;
    }));
    said.textContent = lines.join("; ");
    // Above the map, so that no map is hidden.
    const [x, y, wide] = data.pointed[index];
    const before = x > width / 2;
    Object.assign(box.style, {
      left: before ? "auto" : `${(100 * x) / width}%`,
      right: before ? `${(100 * (width - x - wide)) / width}%` : "auto",
      bottom: `calc(${(100 * (height - y)) / height}% + 0.4rem)`,
    });
    for (const element of [...patches, ...cells, box]) element.hidden = false;
  };

  data.pointed.forEach((panel, index) => {
    const probe = make("probe");
    at(probe, ...panel);
    const point = (event) => {
      const edges = probe.getBoundingClientRect();
      const down = cellAt(grid.rows, patchHeight, (grid.image[0] * (event.clientY - edges.top)) / edges.height);
      const across = cellAt(grid.columns, patchWidth, (grid.image[1] * (event.clientX - edges.left)) / edges.width);
      if (down === null || across === null) { hide(); return; }
      [row, column] = [down, across];
      show(index);
    };
    probe.addEventListener("pointermove", point);
    probe.addEventListener("pointerdown", point);
    probe.addEventListener("pointerleave", hide);
    if (index) return;
    // One stop for the keyboard in each figure; all maps mark the same cell.
    probe.tabIndex = 0;
    probe.setAttribute("role", "application");
    probe.setAttribute("aria-label", `Map of ${data.name}, ${data.network}: arrow keys move the patch`);
    probe.addEventListener("focus", () => show(index));
    probe.addEventListener("blur", hide);
    probe.addEventListener("keydown", (event) => {
      const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
      if (event.key === "Escape") hide();
      if (!(event.key in moves)) return;
      event.preventDefault();
      const within = (value, count) => Math.max(0, Math.min(count - 1, value));
      row = within(row + moves[event.key][0], grid.rows.length);
      column = within(column + moves[event.key][1], grid.columns.length);
      show(index);
    });
  });
}
