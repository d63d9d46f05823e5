"use strict";
// Sorts a table by the column whose heading is pressed; cells without a value stay last.
function sort(table, index, rising) {
  const key = (row) => {
    const cell = row.cells[index];
    const text = cell.dataset.value ?? cell.textContent;
    return text === "" ? null : cell.classList.contains("number") ? Number(text) : text;
  };
  const order = (one, other) => {
    const [a, b] = [key(one), key(other)];
    if (a === null || b === null) return (a === null) - (b === null);
    const less = typeof a === "number" ? a - b : a.localeCompare(b, undefined, { numeric: true });
    return rising ? less : -less;
  };
  const body = table.tBodies[0];
  body.append(...Array.from(body.rows).sort(order));
}

for (const button of document.querySelectorAll("thead button")) {
  button.addEventListener("click", () => {
    const heading = button.closest("th");
    const table = heading.closest("table");
    const rising = heading.getAttribute("aria-sort") !== "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", rising ? "ascending" : "descending");
    sort(table, heading.cellIndex, rising);
  });
}
