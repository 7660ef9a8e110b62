// Catalogues: which there are, with how many products and whether they were enriched.

import {get} from "./api.js";
import {fill, h} from "./dom.js";
import {count} from "./format.js";
import {Pager, table, time} from "./widgets.js";

export async function show({root, rest, query, signal}) {
  if (rest) return (await import("./products_catalogue.js")).show({root, id: rest, query, signal});
  const list = h("div", {"aria-busy": "true"}, h("p.quiet", {}, "Loading."));
  const pager = new Pager(load);
  fill(root, h("div.head", {}, h("h1", {}, "Products"), h("a.button.primary", {href: "#/drop"}, "Drop a catalogue")),
    h("p.quiet", {}, "A dropped catalogue becomes products, one a row. Enriching puts a provider's data beside them, and says where each came from."),
    list, pager.element);
  await load("");

  async function load(from) {
    const page = await get("catalogs", {limit: 20, cursor: from}, {signal});
    list.removeAttribute("aria-busy");
    fill(list, table({caption: "Catalogues", rows: page.catalogs, empty: "No catalogues yet. Drop a file of products to make one.", columns: [
      {title: "Catalogue", header: true, class: "cell", cell: (each) => h("a", {href: `#/products/${each.catalogId}`}, each.name)},
      {title: "File", class: "cell", cell: (each) => each.filename},
      {title: "About", class: "cell", cell: (each) => each.description},
      {title: "Products", number: true, cell: (each) => count(each.products)},
      {title: "Enriched", tight: true, cell: (each) => (each.trackingId ? h("a", {href: `#/jobs/${each.trackingId}`}, "job") : h("span.quiet", {}, "not yet"))},
      {title: "Imported", tight: true, cell: (each) => time(each.createdAt)}]}));
    pager.draw(page.catalogs.length, page.cursor, "catalogues");
  }
}
