// What a pipeline may be told beside its file, as fields of a form. Empty fields are left to the app.

import {get} from "./api.js";
import {h, uniqueId} from "./dom.js";

const DEDUPE = {"": "overwrite it (default)", fill_blanks: "fill its blanks only", skip: "keep it as it is"};

/** Price lists and matching methods that can be chosen: {lists, methods}. */
export async function choices(signal) {
  const [{priceLists}, {methods}] = await Promise.all([
    get("price-lists", {limit: 200}, {signal}), get("api/price-matching/matching-methods", {}, {signal})]);
  return {lists: priceLists, methods};
}

/** The fields for `pipeline`; `set(name, value)` hears of changes. */
export function fieldsOf(pipeline, chosen, {lists, methods}, set) {
  const input = (label, name, more = {}) => h("label", {}, label, h("input", {value: chosen[name] ?? "", dataset: {key: name}, ...more,
    onchange: ({target}) => { if (target.reportValidity()) set(name, target.type === "number" && target.value ? Number(target.value) : target.value.trim()); }}));
  const number = (label, name, more) => input(label, name, {type: "number", min: 1, placeholder: "no limit", ...more});
  const select = (label, name, entries) => h("label", {}, label, h("select", {dataset: {key: name}, onchange: (event) => set(name, event.target.value)},
    entries.map(([value, text, disabled = false]) => h("option", {value, disabled, selected: (chosen[name] ?? "") === value}, text))));
  const header = number("Header in row", "headerRow", {placeholder: "found by itself", max: 1048576});
  const caps = () => [number("Most AI calls", "maxAiCalls"), number("Most USD for AI", "maxUsd", {min: 0.01, step: 0.01})];
  return h("div.fields", {}, {
    leads: () => [select("A lead that is there already", "dedupe", Object.entries(DEDUPE)), ...caps(), header],
    products: () => [input("Name of the catalogue", "name", {placeholder: "the file’s name", maxlength: 200}), header],
    prices: () => [select("What it is", "kind", [["", "a bill to match"], ["list", "a price list"]]), ...(chosen.kind === "list" ? list() : bill()), header],
    images: () => [input("Into the folder", "folder", {placeholder: "weddings/2026", pattern: "[^\\\\/]+(/[^\\\\/]+)*", maxlength: 500})],
  }[pipeline]());

  function list() {
    const id = uniqueId("lists");
    return [input("Name of the list", "priceList", {list: id, placeholder: "the file’s name", maxlength: 100}), h("datalist", {id}, lists.map(({name}) => h("option", {value: name})))];
  }

  function bill() {
    const versions = lists.flatMap(({name, versions: all}) => all.filter((each) => each.status === "completed")
      .map((each) => [each.listId, `${name}, version ${each.number}`]));
    return [select("Match with", "listId", [["", versions.length ? "the newest list" : "no list yet", false], ...versions]),
      select("Method", "method", methods.map(({method, available}, place) => [place ? method : "", `${method}${available ? "" : " (not set up)"}`, !available])), ...caps()];
  }
}
