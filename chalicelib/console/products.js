// Catalogues: which there are, with how many products and whether they were enriched.

import {get} from "./api.js";
import {fill, h} from "./dom.js";
import {count} from "./format.js";
import {col, Pager, table, time} from "./widgets.js";

export async function show({root, rest, query, signal}) {
  if (rest) return (await import("./catalogue.js")).show({root, id: rest, query, signal});
  const list = h("div", {}, h("p.quiet", {}, "Loading."));
  const pager = new Pager(load);
  fill(root, h("div.head", {}, h("h1", {}, "Products"), h("a.button.primary", {href: "#/drop"}, "Drop a catalogue")), list, pager.element);
  await load("");

  async function load(from) {
    const {catalogs, cursor} = await get("catalogs", {cursor: from}, {signal});
    fill(list, table({caption: "Catalogues", rows: catalogs, empty: "No catalogues yet. Drop a file of products to make one.", columns: [
      col("Catalogue", (each) => h("a", {href: `#/products/${each.catalogId}`}, each.name), "header cell"),
      col("File", "filename", "cell"), col("About", "description", "cell"), col("Products", (each) => count(each.products), "number"),
      col("Enriched", (each) => each.trackingId && h("a", {href: `#/jobs/${each.trackingId}`}, "job"), "tight"),
      col("Imported", (each) => time(each.createdAt), "tight")]}));
    pager.draw(catalogs.length, cursor, "catalogues");
  }
}
