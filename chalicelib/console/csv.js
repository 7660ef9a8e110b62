// CSV as the app writes it (RFC 4180, perhaps with a BOM). Pure.

/** The first `most` rows of `text` as arrays of texts. */
export function csvRows(text, most = Infinity) {
  const rows = [];
  const cells = /("(?:[^"]|"")*"|[^,\r\n]*)(,|\r?\n|$)/gy;
  cells.lastIndex = text.startsWith("\ufeff") ? 1 : 0;
  let row = [];
  while (cells.lastIndex < text.length && rows.length < most) {
    const [, cell, end] = cells.exec(text) ?? [null, "", ""];
    row.push(cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell);
    if (end === ",") {
      if (cells.lastIndex === text.length) row.push("");
      else continue;
    }
    rows.push(row);
    row = [];
    if (end === "") break;
  }
  return rows;
}
