// One product: the file's own columns beside what a provider said, and where that came from.

import {open} from "./dialogs.js";
import {h} from "./dom.js";
import {badge, facts, time} from "./widgets.js";

/** What each source of data means. */
export const SOURCES = {
  real_data: "asked of the provider",
  cache: "the provider's answer to an earlier question",
  mock_data: "made up, because the provider could not be asked",
  not_found: "the provider does not know it",
};

/** Where a product's data came from, and when. */
export function provenance({source, enrichedAt}) {
  if (source === "none") return h("span.quiet", {}, "not enriched");
  return h("div.row", {title: SOURCES[source]}, badge(source), h("span.quiet", {}, time(enrichedAt)));
}

export function showProduct(product) {
  const {row, warnings, _worksheet} = product;
  const part = (title, content, none) => h("section", {}, h("h3", {}, title),
    Object.keys(content ?? {}).length ? facts(Object.entries(content).map(([name, value]) => [name.replace(/^keepa_/, "").replaceAll("_", " "), shown(value)])) : h("p.quiet", {}, none));
  const dialog = open(product.name || product.productId, [
    h("div.row", {}, provenance(product), h("span.quiet", {}, [SOURCES[product.source], _worksheet, row && `row ${row}`].filter(Boolean).join(" · "))),
    warnings.length ? h("ul.note.warn", {}, warnings.map((each) => h("li", {}, each.replace("INVALID_CODE", "this is no such code; it is kept as text")))) : null,
    h("div.sides", {}, part("Columns of the file", product.originalData, "None."), part("Enriched data", product.enrichedData, "None; the product is as the file has it.")),
    h("div.row.end", {}, h("a.button", {href: `#/jobs/${product.jobId}`, onclick: () => dialog.close()}, "Job that wrote it"),
      h("button", {type: "button", onclick: () => dialog.close()}, "Close"))], {wide: true});
}

function shown(value) {
  if (value === null || value === "") return null;
  if (Array.isArray(value)) return value.length ? value.map((each) => h("div", {}, shown(each))) : null;
  if (typeof value === "object") return h("code", {}, JSON.stringify(value));
  return /^https?:\/\/\S+$/i.test(value) ? linked(value) : String(value);
}

/** The page may load pictures of its own origin only; other addresses are links. */
function linked(address) {
  const ours = URL.canParse(address) && new URL(address).origin === location.origin;
  return ours ? h("img.preview", {src: address, alt: "Picture of the product"}) : h("a", {href: address, target: "_blank", rel: "noopener noreferrer"}, address);
}
