// Elements from code. Text becomes text nodes and nothing is ever parsed as HTML, so no cell of a file can become markup.

const SVG = "http://www.w3.org/2000/svg";

/** `h("a.button", {href: "#/jobs", onclick: go}, "Jobs", [more])`; null, undefined and false are left out everywhere. */
export function h(what, attributes = {}, ...children) {
  const [tag, ...classes] = what.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes)) set(element, name, value);
  element.append(...flat(children));
  return element;
}

function set(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (name === "class") element.classList.add(...value.split(" ").filter(Boolean));
  else if (name === "dataset") Object.assign(element.dataset, value);
  else if (["value", "checked", "disabled", "selected", "indeterminate", "multiple"].includes(name)) element[name] = value;
  else element.setAttribute(name, value === true ? "" : String(value));
}

function flat(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

/** Put `children` in the place of whatever `element` holds. */
export function fill(element, ...children) {
  element.replaceChildren(...flat(children));
  return element;
}

/** A pictogram of one path on a 16 by 16 grid, hidden from screen readers: words stand beside it. */
export function icon(path) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [name, value] of Object.entries({viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true",
    fill: "none", stroke: "currentColor", "stroke-width": 1.5, "stroke-linecap": "round"})) svg.setAttribute(name, value);
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

/** Say something to those who do not see it appear. */
export function announce(text) {
  document.getElementById("announcer").textContent = text;
}

/** A note in the corner; errors stay longer. `link` is {href, text}. */
export function toast(text, {kind = "", link = null} = {}) {
  const note = h(`div.toast${kind ? "." + kind : ""}`, {}, text, " ", link && h("a", {href: link.href}, link.text));
  document.getElementById("toasts").append(note);
  setTimeout(() => note.remove(), kind === "bad" ? 12000 : 6000);
}

let unique = 0;

/** An id that nothing else on the page has. */
export function uniqueId(prefix) {
  unique += 1;
  return `${prefix}-${unique}`;
}
