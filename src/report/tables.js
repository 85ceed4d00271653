// Tables sort by the column whose head is pressed, tables made later too.
(() => {
  "use strict";
  const key = (row, column) => {
    const cell = row.cells[column];
    if (!("v" in cell.dataset)) return cell.textContent;
    return cell.dataset.v === "" ? NaN : Number(cell.dataset.v);
  };
  const compare = (a, b, sign) => {
    if (typeof a === "string" || typeof b === "string") return sign * String(a).localeCompare(String(b), "en");
    if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);  // missing last, either way
    return sign * (a - b);
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("table.sortable thead button");
    if (!button) return;
    const table = button.closest("table");
    const head = button.closest("th");
    const descending = head.getAttribute("aria-sort") !== "descending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const rows = [...table.tBodies[0].rows].map((row) => [key(row, head.cellIndex), row]);
    rows.sort((a, b) => compare(a[0], b[0], descending ? -1 : 1));
    table.tBodies[0].append(...rows.map((pair) => pair[1]));
  });
})();
