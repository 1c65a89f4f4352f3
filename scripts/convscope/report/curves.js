// The values of curves: point at a plot, or focus it and use the arrow keys. Without scripts the
// figures are whole, and the tables hold their numbers.
for (const figure of document.querySelectorAll("[data-curves]")) {
  const { width, height, plots } = JSON.parse(document.getElementById(figure.dataset.curves).textContent);
  const make = (name, parent) => {
    const element = document.createElement("div");
    element.className = name;
    parent.append(element);
    return element;
  };
  const cursor = make("cursor", figure);
  const box = make("values", figure);
  cursor.hidden = box.hidden = true;
  const percent = (part, whole) => `${(100 * part) / whole}%`;
  const spell = (number) => (number === null ? "–" : String(number).replace("-", "−"));

  const hide = () => { cursor.hidden = box.hidden = true; };
  const show = (plot, probe, place) => {
    const amounts = plot.lines[0].amounts;
    const amount = amounts[place];
    const [low, high] = plot.limits;
    const x = plot.left + (plot.width * (amount - low)) / (high - low || 1);
    Object.assign(cursor.style, { left: percent(x, width), top: percent(plot.top, height), height: percent(plot.height, height) });
    box.replaceChildren();
    const title = document.createElement("strong");
    title.textContent = `${plot.unit}: ${spell(amount)}`;
    box.append(title);
    for (const line of plot.lines) {
      const row = make("value", box);
      make("swatch", row).style.background = line.colour;
      const name = document.createElement("span");
      name.textContent = line.name;
      const value = document.createElement("span");
      value.className = "number";
      value.textContent = spell(line.values[place]);
      row.append(name, value);
    }
    // On the side where more of the figure is in view.
    const view = figure.closest(".scroll").getBoundingClientRect();
    const edges = figure.getBoundingClientRect();
    const right = edges.left + (edges.width * x) / width < view.left + view.width / 2;
    Object.assign(box.style, {
      left: right ? `calc(${percent(x, width)} + 0.75rem)` : "auto",
      right: right ? "auto" : `calc(${percent(width - x, width)} + 0.75rem)`,
      top: percent(plot.top, height),
    });
    cursor.hidden = box.hidden = false;
    probe.dataset.place = place;
    probe.setAttribute("aria-valuenow", amount);
    const values = plot.lines.map((line) => `${line.name} ${spell(line.values[place])}`);
    probe.setAttribute("aria-valuetext", `${plot.unit}: ${spell(amount)}; ${values.join(", ")}`);
  };

  for (const plot of plots) {
    const amounts = plot.lines[0].amounts;
    const probe = make("probe", figure);
    Object.assign(probe.style, {
      left: percent(plot.left, width), top: percent(plot.top, height),
      width: percent(plot.width, width), height: percent(plot.height, height),
    });
    const described = {
      role: "slider", tabindex: "0", "aria-label": plot.name, "aria-valuemin": amounts[0],
      "aria-valuemax": amounts[amounts.length - 1], "aria-valuenow": amounts[0],
    };
    for (const [name, value] of Object.entries(described)) probe.setAttribute(name, value);
    const point = (event) => {
      const edges = probe.getBoundingClientRect();
      const [low, high] = plot.limits;
      const wanted = low + ((high - low) * (event.clientX - edges.left)) / edges.width;
      const away = amounts.map((amount) => Math.abs(amount - wanted));
      show(plot, probe, away.indexOf(Math.min(...away)));
    };
    probe.addEventListener("pointermove", point);
    probe.addEventListener("pointerdown", point);
    probe.addEventListener("pointerleave", hide);
    probe.addEventListener("blur", hide);
    probe.addEventListener("focus", () => show(plot, probe, Number(probe.dataset.place ?? 0)));
    probe.addEventListener("keydown", (event) => {
      const now = Number(probe.dataset.place ?? 0);
      const last = amounts.length - 1;
      const places = { ArrowLeft: now - 1, ArrowDown: now - 1, ArrowRight: now + 1, ArrowUp: now + 1, Home: 0, End: last };
      if (event.key === "Escape") hide();
      if (!(event.key in places)) return;
      event.preventDefault();
      show(plot, probe, Math.max(0, Math.min(last, places[event.key])));
    });
  }
}
