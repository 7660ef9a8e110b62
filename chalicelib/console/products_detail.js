// One product: the file's own columns beside what the provider said, with where both came from.

import {open} from "./dialogs.js";
import {h} from "./dom.js";
import {moment} from "./format.js";
import {facts, linked, provenance, SOURCES} from "./products_sources.js";

const READ_AS = ["name", "description", "category", "brand", "sku", "upc", "asin", "price", "currency", "quantity", "unit", "image"];

export function showProduct(product) {
  const dialog = open(product.name || product.sku || product.productId, [
    h("div.row", {}, provenance(product), h("span.quiet", {}, SOURCES[product.source] ?? "nobody has enriched it yet")),
    product.warnings.length ? h("div.note.warn", {}, h("ul", {}, product.warnings.map((each) => h("li", {}, warning(each))))) : null,
    h("div.sides", {}, [
      part("Columns of the file", place(product), facts(product.originalData)),
      part("Read as", "the names that all catalogues share", facts(Object.fromEntries(READ_AS.map((name) => [name, product[name]])))),
      part("Enriched data", product.enrichedAt ? `as of ${moment(product.enrichedAt)}` : "", facts(product.enrichedData, label))]),
    h("div.row.end", {}, h("a.button", {href: `#/jobs/${product.jobId}`, onclick: () => dialog.close()}, "Job that wrote it"),
      h("button", {type: "button", onclick: () => dialog.close()}, "Close"))], {wide: true});
}

function part(title, note, content) {
  return h("section", {}, h("h3", {}, title), note ? h("p.quiet", {}, note) : null, content);
}

function place(product) {
  return [product._worksheet, product.row ? `row ${product.row}` : ""].filter(Boolean).join(", ");
}

/** `upc: INVALID_CODE` as a sentence. */
function warning(text) {
  const [field, told] = text.split(": ");
  return told === "INVALID_CODE" ? `${field}: this is no such code; it was kept as text.` : linked(text);
}

function label(key) {
  return key.replace(/^keepa_/, "").replaceAll("_", " ");
}
