// API keys for programs: made here, shown once, revoked here.

import {get, post, remove} from "./api.js";
import {confirm, open} from "./dialogs.js";
import {announce, fill, h, toast} from "./dom.js";
import {moment} from "./format.js";
import {claims} from "./session.js";
import {badge, col, problem, table, time} from "./widgets.js";

const LONGEST_DAYS = 366;
const USUAL_DAYS = 90;

export async function show({root, signal}) {
  const list = h("div", {}, h("p.quiet", {}, "Loading …"));
  fill(root, h("div.head", {}, h("h1", {}, "API keys"), h("button.primary", {type: "button", "aria-haspopup": "dialog", onclick: make}, "Make a key …")),
    h("p.quiet", {}, "A program sends its key as X-Api-Key. It acts for your organisation, with at most your roles."), list);
  await load();

  async function load() {
    try {
      draw((await get("api-keys", {}, {signal})).keys);
    } catch (error) {
      if (!signal.aborted) fill(list, problem(error));
    }
  }

  function draw(keys) {
    fill(list, table({caption: "API keys", rows: keys, empty: "No keys yet.", columns: [
      col("Name", "name", "header cell"), col("Roles", (key) => key.roles.map((role) => badge(role)), "tight"), col("Made by", "createdBy", "cell"),
      col("Made", (key) => time(key.createdAt), "tight"), col("Expires", (key) => moment(key.expiresAt), "tight"),
      col("Last used", (key) => key.lastUsedDay ?? "never", "tight"), col("", (key) => h("button.danger.small", {type: "button", "aria-label": `Revoke ${key.name}`, onclick: () => revoke(key)}, "Revoke"))]}));
  }

  async function make() {
    const name = h("input", {name: "name", required: true, maxlength: 100, autocomplete: "off"});
    const days = h("input", {name: "days", type: "number", required: true, min: 1, max: LONGEST_DAYS, value: USUAL_DAYS});
    const {roles} = claims();
    const boxes = roles.map((role) => h("input", {type: "checkbox", value: role, checked: role === "user" || roles.length === 1}));
    const made = await confirm("Make an API key", {verb: "Make", text: [], fields: [h("label", {}, "Name, such as what uses it", name),
      h("fieldset", {}, h("legend", {}, "Roles"), h("div.row", {}, boxes.map((box) => h("label.check", {}, box, box.value)))), h("label", {}, "Days until it expires", days)],
    action: () => post("api-keys", {name: name.value.trim(), expiresInDays: Number(days.value), roles: boxes.filter((box) => box.checked).map((box) => box.value)})});
    if (!made) return;
    await tell(made);
    await load();
  }

  async function revoke(key) {
    const revoked = await confirm(`Revoke ${key.name}?`, {verb: "Revoke", danger: true, text: "Programs that use it are refused from now on. It cannot be taken back.",
      action: () => remove(`api-keys/${key.id}`).then(() => true)});
    if (!revoked) return;
    toast("The key was revoked.", {kind: "good"});
    await load();
    root.querySelector("h1").focus();
  }
}

/** Show the key once. It is nowhere else, so the dialog closes by its button only. */
async function tell({name, key}) {
  const shown = h("input.mono", {readonly: true, value: key, "aria-label": `Key ${name}`, onfocus: () => shown.select()});
  const copy = h("button", {type: "button", onclick: async () => {
    shown.select();
    await navigator.clipboard?.writeText(key).catch(() => document.execCommand("copy"));
    copy.textContent = "Copied";
    announce("The key was copied.");
  }}, "Copy");
  const dialog = open("Copy the key now", [h("p", {}, "It is shown this once and cannot be shown again."), h("div.row", {}, h("div.grow", {}, shown), copy),
    h("div.row.end", {}, h("button.primary", {type: "button", onclick: () => dialog.close()}, "I have it"))]);
  dialog.element.addEventListener("cancel", (event) => event.preventDefault());
  await dialog.closed;
}
