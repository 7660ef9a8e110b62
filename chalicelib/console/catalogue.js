// One catalogue: its products with where their data came from, and its enrichment.

import {filledPage, get} from "./api.js";
import {fill, h} from "./dom.js";
import {count, plural} from "./format.js";
import {enrich, follow} from "./enrichment.js";
import {provenance, showProduct, SOURCES} from "./product.js";
import {actionButton, badge, col, Pager, table, time} from "./widgets.js";

export async function show({root, id, query, signal}) {
  let source = query.get("source") || "";
  const catalogue = await get(`catalogs/${id}`, {}, {signal});
  const place = `catalogs/${catalogue.catalogId}`;
  const panel = h("div");
  const list = h("div");
  const pager = new Pager(load);
  const filter = h("select", {"aria-label": "Source of the data", onchange: () => {
    source = filter.value;
    pager.reset();
    load("");
  }}, h("option", {value: ""}, "Any source"), Object.keys(SOURCES).map((name) => h("option", {value: name, selected: source === name}, name.replace("_", " "))));
  fill(root, h("div.head", {}, h("h1", {}, catalogue.name), badge(catalogue.status), catalogue.statusUrl ? h("a.button", {href: `#/jobs/${catalogue.catalogId}`}, "Import job") : null,
    actionButton("Enrich", begin, {kind: "primary"})),
  h("p.quiet", {}, h("a", {href: "#/products"}, "Products"), ` / ${[catalogue.filename, ...catalogue.sheets, plural(catalogue.products, "product"), `${count(catalogue.rejected)} rejected`].filter(Boolean).join(" · ")} · `, time(catalogue.createdAt)),
  catalogue.description ? h("p", {}, catalogue.description) : null, panel, h("div.head", {}, h("h2", {}, "Products"), filter), list, pager.element);
  await Promise.all([load(""), watch("")]);

  async function load(from) {
    const page = await filledPage(`${place}/products`, "products", {query: {limit: 50, source, cursor: from}, signal});
    fill(list, table({caption: "Products", rows: page.items, empty: source ? "No product's data came from there." : "No products are stored yet.", columns: [
      col("Row", (each) => h("span", {title: each._worksheet}, count(each.row)), "number"),
      col("Product", (each) => h("button.link", {type: "button", "aria-haspopup": "dialog", onclick: () => showProduct(each)}, each.name || each.sku || each.productId), "header cell"),
      col("Brand", "brand"), col("SKU", "sku", "mono tight"), col("Code", (each) => each.upc || each.asin, "mono tight"),
      col("Price", (each) => each.price && `${each.price} ${each.currency ?? ""}`, "number tight"),
      col("The provider's title", (each) => each.enrichedData?.keepa_title, "cell"), col("Source", provenance, "tight"),
      col("Notes", (each) => each.warnings.length ? badge(plural(each.warnings.length, "warning"), "warn") : null, "tight")]}));
    pager.draw(page.items.length, page.cursor, "products");
  }

  async function begin() {
    const begun = await enrich(catalogue, signal);
    if (begun) await watch(begun.note, true);
  }

  async function watch(note, begun = false) {
    if (await follow(panel, catalogue.catalogId, {note, signal}) || begun) await load(pager.trail.at(-1));
  }
}
