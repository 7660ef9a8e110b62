// The work queues, for operators: what waits, what that means, what was redriven, and how the stage is set.

import {get, isAbort} from "./api.js";
import {fill, h} from "./dom.js";
import {count, moment, plural} from "./format.js";
import {wait} from "./live.js";
import {isOperator} from "./session.js";
import {badge, col, problem, table, tabs, time} from "./widgets.js";

const EVERY_MS = 4000;
const TONES = {normal: "good", busy: "live", backlog: "bad", light: "good", high: "live", full: "warn"};

export async function show({root, rest, query, signal}) {
  if (!isOperator()) return fill(root, h("div.head", {}, h("h1", {}, "Queues")), h("p.empty", {}, "The queues are for operators, and your token does not carry that role."));
  if (rest) return (await import("./dead_letters.js")).show({root, name: rest, signal});
  const asOf = h("div.quiet", {}, "Loading.");
  let answer = null;
  let shown = {panel: null, draw: drawQueues};
  const tab = (id, title, draw) => ({id, title, draw(panel) {
    shown = {panel, draw};
    if (answer) fill(panel, draw(answer));
  }});
  fill(root, h("div.head", {}, h("h1", {}, "Queues"), asOf), tabs("Queues", [tab("queues", "Queues", drawQueues), tab("redrives", "Redrives", drawRedrives), {id: "config", title: "Configuration", draw(panel) {
    shown = {panel: null};
    drawConfig(panel, signal).catch((error) => isAbort(error) || fill(panel, problem(error)));
  }}], query.get("tab") || "queues"));
  await look();
  keepLooking();

  async function look() {
    await get("queues", {}, {signal}).then(redraw).catch((error) => isAbort(error) || fill(asOf, problem(error)));
  }

  async function keepLooking() {
    while (!signal.aborted) {
      await wait(EVERY_MS, signal).catch(() => {});
      if (!signal.aborted) await look();
    }
  }

  /** The focus stays where it is: links are told apart by their address. */
  function redraw(now) {
    answer = now;
    fill(asOf, `as of ${moment(now.asOf)}`);
    const {panel, draw} = shown;
    if (!panel) return;
    const focused = panel.contains(document.activeElement) && document.activeElement.getAttribute("href");
    fill(panel, draw(now));
    if (focused) panel.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  }
}

function drawQueues({queues}) {
  const level = (word) => word && badge(word, TONES[word] ?? "");
  const dead = ({deadLetters}) => deadLetters.visible + deadLetters.inFlight;
  return [table({caption: "Queues", rows: queues, columns: [
    col("Queue", "name", "header"), col("State", (each) => level(each.level), "tight"), col("Waiting", (each) => count(each.depth.visible), "number"),
    col("In flight", (each) => count(each.depth.inFlight), "number"), col("Delayed", (each) => count(each.depth.delayed), "number"),
    col("Workers at most", (each) => [each.maximumConcurrency ?? "no bound", " ", level(each.concurrencyLevel)], "number tight"),
    col("Dead letters", (each) => h("a", {href: `#/queues/${each.name}`, class: dead(each) ? "bad" : "", "aria-label": `${plural(dead(each), "dead letter")} of ${each.name}`}, count(dead(each))), "number")]}),
  h("div.cards.plain", {}, queues.map((each) => h("section.card", {}, h("h2", {}, each.name), h("p.quiet", {}, `Carries ${each.carries}.`), each.words.map((line) => h("p", {}, line)))))];
}

function drawRedrives({redrives}) {
  return table({caption: "Redrives", rows: redrives, empty: "Nobody has redriven anything this month or last.", columns: [
    col("When", (each) => time(each.createdAt), "header tight"), col("Queue", "queue", "tight"), col("By", "by", "cell"), col("Asked for", "asked", "tight"),
    col("Status", (each) => [each.interrupted ? badge("interrupted", "warn") : badge(each.status), " ", each.cause], "tight"), col("Moved", (each) => `${count(each.moved)} of ${count(each.deadBefore)}`, "number"),
    col("What became of them", (each) => Object.entries(each.fates).map(([fate, number]) => `${number} ${fate.replaceAll("_", " ")}`).join(", "), "cell"),
    col("Jobs", (each) => count(each.jobCount), "number"), col("Request", "requestId", "mono")]});
}

async function drawConfig(panel, signal) {
  const {app, stage, commit, settings} = await get("config", {}, {signal});
  fill(panel, h("p.quiet", {}, `${app}, stage ${stage}, commit ${commit || "unknown"}. Of a secret only this is told: whether there is one.`), table({caption: "Settings", rows: settings, columns: [
    col("Name", (each) => each.names.map((name) => h("div", {}, name)), "header mono"),
    col("Value", ({secret, value}) => (secret ? badge(secret.present ? `secret, set ${secret.reference ?? ""}` : "secret, not set", secret.present ? "good" : "") : h("code", {}, String(value ?? "")))),
    col("Default", (each) => h("code", {}, each.value === each.default ? "" : String(each.default ?? ""))), col("Meaning", "meaning", "wide")]}));
}
