// A text filter for long tables; without scripts the field stays hidden and the table is whole.
for (const field of document.querySelectorAll("input[data-filters]")) {
  const table = document.getElementById(field.dataset.filters).querySelector("table");
  const groups = Array.from(table.tBodies, (body) => [body, body.textContent.toLowerCase()]);
  const count = field.parentElement.querySelector("output");
  field.closest("form").hidden = false;
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const [body, text] of groups) {
      body.hidden = !words.every((word) => text.includes(word));
      shown += body.hidden ? 0 : 1;
    }
    count.value = words.length ? `${shown} of ${groups.length} images` : "";
  });
}
