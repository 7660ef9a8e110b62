// Questions that stop everything else: the browser's own dialog element, which keeps the focus and closes on Escape.

import {fill, h, uniqueId} from "./dom.js";

/** Show `children` under `title` until closed; answers {element, body, close, closed}. */
export function open(title, children, {wide = false} = {}) {
  const id = uniqueId("dialog");
  const body = h("div.stack", {}, children);
  const element = h(`dialog${wide ? ".wide" : ""}`, {"aria-labelledby": id}, h("h2", {id}, title), body);
  document.body.append(element);
  const closed = new Promise((resolve) => element.addEventListener("close", () => {
    element.remove();
    resolve(element.returnValue);
  }, {once: true}));
  element.showModal();
  return {element, body, close: (value = "") => element.close(value), closed};
}

/**
 * Ask before something is done. With `type` the person must type that text first.
 * `action` runs while the dialog is open; what it throws is shown there. Answers what `action` answered, or null.
 */
export async function confirm(title, {text, verb, danger = false, type = "", fields = [], action}) {
  let result = null;
  const problem = h("div", {role: "alert"});
  const typed = type && h("input", {autocomplete: "off", "aria-label": `Type ${type} to confirm`});
  const go = h(`button${danger ? ".danger" : ".primary"}`, {type: "submit", disabled: Boolean(type)}, verb);
  typed?.addEventListener?.("input", () => { go.disabled = typed.value !== type; });
  const form = h("form.stack", {}, [text].flat().map((line) => typeof line === "string" ? h("p", {}, line) : line), fields,
    typed && h("label", {}, `Type ${type} to confirm`, typed), problem,
    h("div.row.end", {}, h("button", {type: "button", onclick: () => dialog.close()}, "Not now"), go));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    go.disabled = true;
    try {
      result = await action();
      dialog.close();
    } catch (error) {
      fill(problem, h("p.error", {}, error.message));
      go.disabled = false;
    }
  });
  const dialog = open(title, form);
  await dialog.closed;
  return result;
}
