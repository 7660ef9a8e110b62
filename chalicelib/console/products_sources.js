// Where a product's data came from, in words, and data as people read it.

import {h} from "./dom.js";
import {badge, time} from "./widgets.js";

/** By the source's name: what it means. */
export const SOURCES = {
  real_data: "asked of the provider",
  cache: "asked of the provider for an earlier product with the same code",
  mock_data: "made up, because the provider could not be asked",
  not_found: "the provider does not know it",
};

export function sourceBadge(source) {
  return source === "none" ? h("span.quiet", {}, "not enriched") : h("span", {title: SOURCES[source]}, badge(source));
}

/** The badge of a product with when its data was asked for. */
export function provenance(product) {
  const {source, enrichedAt} = product;
  return h("div.row", {}, sourceBadge(source), enrichedAt ? h("span.quiet", {}, time(enrichedAt)) : null);
}

/** A mapping as a list of facts; `label` makes names out of keys. */
export function facts(content, label = (key) => key) {
  const given = Object.entries(content ?? {}).filter(([, value]) => !isEmpty(value));
  if (!given.length) return h("p.quiet", {}, "Nothing.");
  return h("dl.facts", {}, given.map(([key, value]) => [h("dt", {}, label(key)), h("dd", {}, shown(value))]));
}

/** A text that is an address as a link; the page may load pictures from nowhere but its own origin and bucket. */
export function linked(text) {
  if (!/^https?:\/\/\S+$/i.test(text)) return text;
  const local = new URL(text).origin === location.origin;
  return local ? h("img.preview", {src: text, alt: "The product's picture", loading: "lazy"})
    : h("a", {href: text, target: "_blank", rel: "noopener noreferrer"}, text);
}

function shown(value) {
  if (Array.isArray(value)) return value.map((each) => h("div", {}, shown(each)));
  if (value !== null && typeof value === "object") return h("code", {}, JSON.stringify(value));
  return typeof value === "string" ? linked(value) : String(value);
}

function isEmpty(value) {
  return value === null || value === undefined || value === "" || (Array.isArray(value) && !value.length);
}
