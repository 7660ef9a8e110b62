// Matching what is unmatched again, with another price list or method.

import {get, post} from "./api.js";
import {confirm} from "./dialogs.js";
import {h} from "./dom.js";

/** Answers the server's answer, or null where nothing was asked. */
export async function askToRematch(base, signal) {
  const [known, told] = await Promise.all([get("price-lists", {limit: 200}, {signal}), get("api/price-matching/matching-methods", {}, {signal})]);
  const usual = () => h("option", {value: ""}, "that of the job");
  const versions = known.priceLists.flatMap((list) => list.versions).filter((each) => each.status === "completed");
  const list = h("select", {}, usual(), versions.map((each) => h("option", {value: each.listId}, `${each.name}, version ${each.number}`)));
  const method = h("select", {}, usual(), told.methods.map((each) => h("option", {value: each.method, disabled: !each.available}, each.method, each.available ? "" : " (not set up here)")));
  return confirm("Match the unmatched rows again", {text: "Rows that have an item or a rate stay as they are.", verb: "Match again", fields: [h("label", {}, "Price list", list), h("label", {}, "Method", method)],
    action: () => post(`${base}/rematch`, {listId: list.value || null, method: method.value || null})});
}
