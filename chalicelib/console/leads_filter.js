// The bar that filters leads: a field and a text, and a chip for each filter that is on.

import {announce, fill, h} from "./dom.js";
import {FIELDS} from "./lead_fields.js";

/** Filters on `filters`, a plain object that it changes; `change()` hears of it. */
export function filterBar(filters, change) {
  const field = h("select", {"aria-label": "Field", name: "field"},
    Object.entries(FIELDS).map(([name, title]) => h("option", {value: name, selected: name === "company"}, title)));
  const text = h("input", {type: "search", "aria-label": "Contains", name: "text", placeholder: "contains …", maxlength: 200, autocomplete: "off"});
  const chips = h("div.row", {role: "group", "aria-label": "Filters that are on"});
  const form = h("form.row", {role: "search", "aria-label": "Filter leads"}, h("div", {}, field), h("div.grow.least", {}, text),
    h("button", {type: "submit"}, "Add filter"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!text.value.trim()) return text.focus();
    filters[field.value] = text.value.trim();
    text.value = "";
    changed(`Filter added: ${FIELDS[field.value]}.`);
  });
  draw();
  return h("div.stack", {}, form, chips);

  function draw() {
    const on = Object.entries(filters);
    chips.hidden = !on.length;
    fill(chips, on.map(([name, value]) => {
      const words = `${FIELDS[name]} contains “${value}”`;
      return h("button.chip", {type: "button", "aria-label": `Remove filter: ${words}`, onclick: () => drop(name)}, words, h("span", {"aria-hidden": "true"}, "×"));
    }), on.length > 1 && h("button.link", {type: "button", onclick: () => drop(...Object.keys(filters))}, "Remove all"));
  }

  function drop(...names) {
    for (const name of names) delete filters[name];
    changed("Filter removed.");
    (chips.querySelector("button") ?? text).focus();
  }

  function changed(words) {
    draw();
    announce(words);
    change();
  }
}
