// One catalogue: its products with where their data came from, and its enrichment.

import {filledPage, get} from "./api.js";
import {fill, h} from "./dom.js";
import {count} from "./format.js";
import {showProduct} from "./products_detail.js";
import {askToEnrich, EnrichmentPanel} from "./products_enrich.js";
import {provenance, SOURCES} from "./products_sources.js";
import {actionButton, badge, Pager, statusBadge, table, time} from "./widgets.js";

const RUNS = "An enrichment of this catalogue runs already, so no other was begun. This is how far it is; ask again when it has ended.";

export async function show({root, id, query, signal}) {
  let catalogue = await get(`catalogs/${id}`, {}, {signal});
  let source = query.get("source") || "";
  const facts = h("ul.tallies");
  const list = h("div");
  const pager = new Pager(load);
  const panel = new EnrichmentPanel(catalogue.catalogId, {signal, ended: refresh});
  fill(root, h("div.head", {}, h("h1", {}, catalogue.name), catalogue.status === "undone" ? badge("undone", "warn") : statusBadge(catalogue),
    catalogue.statusUrl ? h("a.button", {href: `#/jobs/${catalogue.catalogId}`}, "Import job") : null,
    actionButton("Enrich", enrich, {kind: "primary"})),
  h("p.quiet", {}, h("a", {href: "#/products"}, "Products"), ` / ${[catalogue.filename, ...catalogue.sheets].filter(Boolean).join(" · ")} · `, time(catalogue.createdAt)),
  catalogue.description ? h("p", {}, catalogue.description) : null,
  h("div.stack", {}, facts, panel.element),
  h("div.head", {}, h("h2", {}, "Products"), sourceFilter()), list, pager.element);
  drawFacts();
  await Promise.all([load(""), panel.follow()]);

  async function load(from) {
    const page = await filledPage(`catalogs/${catalogue.catalogId}/products`, "products", {query: {limit: 50, source, cursor: from}, signal});
    fill(list, table({caption: `Products of ${catalogue.name}`, rows: page.items, columns: columns(),
      empty: source ? "No product's data came from there." : "No products are stored yet."}));
    pager.draw(page.items.length, page.cursor, "products");
  }

  async function refresh() {
    catalogue = await get(`catalogs/${catalogue.catalogId}`, {}, {signal});
    drawFacts();
    await load(pager.trail.at(-1));
  }

  async function enrich() {
    const answer = await askToEnrich(catalogue, signal);
    if (!answer) return;
    await panel.follow(answer.running ? RUNS : "");
    await refresh();
  }

  function drawFacts() {
    const {products, rejected, sources} = catalogue;
    fill(facts, [[products, "products"], [rejected, "rejected rows"], ...Object.keys(SOURCES).map((name) => [sources[name], name.replace("_", " ")])]
      .filter(([number, word]) => number || word === "products").map(([number, word]) => h("li", {}, h("b", {}, count(number)), h("span", {}, word))));
  }

  function sourceFilter() {
    return h("select", {"aria-label": "Source of the data", onchange: (event) => {
      source = event.target.value;
      pager.reset();
      load("");
    }}, h("option", {value: ""}, "Any source"),
    Object.entries(SOURCES).map(([name, meaning]) => h("option", {value: name, selected: source === name}, `${name.replace("_", " ")}: ${meaning}`)));
  }
}

function columns() {
  const text = (title, name, more = {}) => ({title, cell: (product) => product[name], ...more});
  return [
    {title: "Row", number: true, cell: (product) => h("span", {title: product._worksheet}, product.row ? count(product.row) : "–")},
    {title: "Product", header: true, class: "cell", cell: (product) => h("button.link", {type: "button", "aria-haspopup": "dialog", onclick: () => showProduct(product)},
      product.name || product.description || product.sku || product.upc || product.asin || product.productId)},
    text("Brand", "brand"), text("SKU", "sku", {class: "mono"}),
    {title: "Code", class: "mono", cell: (product) => product.upc || product.asin},
    {title: "Price", number: true, tight: true, cell: (product) => product.price && [product.price, " ", product.currency]},
    {title: "In the provider's words", class: "cell", cell: (product) => product.enrichedData?.keepa_title},
    {title: "Source", tight: true, cell: provenance},
    {title: "Notes", tight: true, cell: (product) => product.warnings.length ? badge(product.warnings.length === 1 ? "1 warning" : `${product.warnings.length} warnings`, "warn") : null}];
}
