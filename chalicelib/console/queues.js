// The work queues for operators: what waits, what it means, what was redriven, and how the stage is set.

import {get, isAbort} from "./api.js";
import {fill, h} from "./dom.js";
import {count, duration, moment} from "./format.js";
import {wait} from "./live.js";
import {isOperator} from "./session.js";
import {badge, problem, table, tabs, time} from "./widgets.js";

const EVERY_MS = 4000;
const TONES = {normal: "good", busy: "live", backlog: "bad", light: "good", high: "live", full: "warn"};

export async function show({root, rest, query, signal}) {
  if (!isOperator()) {
    return fill(root, h("div.head", {}, h("h1", {}, "Queues")), h("p.empty", {}, "The queues are for operators. Your token does not carry that role; whoever runs this stage can give it to you."));
  }
  if (rest) return (await import("./dead_letters.js")).show({root, name: rest, signal});
  const live = h("div", {}, h("p.quiet", {}, "Loading."));
  const asOf = h("span.quiet", {});
  let answer = null;
  let draw = null;
  const tab = (id, title, drawn) => ({id, title, draw(panel) {
    draw = drawn;
    fill(panel, live);
    if (answer) drawn(live, answer);
  }});
  fill(root, h("div.head", {}, h("h1", {}, "Queues"), asOf), tabs("Queues", [tab("queues", "Queues", drawQueues), tab("redrives", "Redrives", drawRedrives),
    {id: "config", title: "Configuration", draw(panel) {
      draw = null;
      drawConfig(panel, signal);
    }}], query.get("tab") || "queues"));
  for (;;) {
    try {
      answer = await get("queues", {}, {signal});
      fill(asOf, `as of ${moment(answer.asOf)}`);
      redraw();
    } catch (error) {
      if (isAbort(error)) return;
      fill(asOf, problem(error));
    }
    await wait(EVERY_MS, signal).catch(() => {});
    if (signal.aborted) return;
  }

  /** Keep the focus where it is: links are told apart by their address. */
  function redraw() {
    const focused = live.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    draw?.(live, answer);
    if (focused) live.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  }
}

function drawQueues(element, {queues}) {
  fill(element, table({caption: "Queues", rows: queues, columns: [
    {title: "Queue", header: true, cell: (each) => [h("a", {href: `#/queues/${each.name}`}, each.name), h("div.quiet.carries", {}, each.carries)]},
    {title: "State", tight: true, cell: (each) => badge(each.level, TONES[each.level])},
    {title: "Waiting", number: true, cell: (each) => count(each.depth.visible)},
    {title: "In flight", number: true, cell: (each) => count(each.depth.inFlight)},
    {title: "Delayed", number: true, cell: (each) => count(each.depth.delayed)},
    {title: "Workers at most", number: true, cell: (each) => (each.maximumConcurrency ? [count(each.maximumConcurrency), " ", badge(each.concurrencyLevel, TONES[each.concurrencyLevel])] : h("span.quiet", {}, "the account's"))},
    {title: "Dead", number: true, cell: ({name, deadLetters}) => h("a", {href: `#/queues/${name}?dead`, class: deadLetters.visible + deadLetters.inFlight ? "bad" : ""}, count(deadLetters.visible + deadLetters.inFlight))}]}),
  h("div.cards.plain", {}, queues.map((each) => h("section.card", {}, h("h2", {}, each.name), each.words.map((line) => h("p", {}, line)),
    h("p.quiet", {}, `Hidden for ${duration(each.visibilityTimeout)} while worked on, kept ${Math.round(each.retentionSeconds / 86400)} days, dead after ${each.receivesBeforeDead ?? "no number of"} receives.`)))));
}

function drawRedrives(element, {redrives}) {
  fill(element, table({caption: "Redrives", rows: redrives, empty: "Nobody has redriven anything this month or last.", columns: [
    {title: "When", header: true, tight: true, cell: (each) => time(each.createdAt)},
    {title: "Queue", tight: true, cell: (each) => h("a", {href: `#/queues/${each.queue}`}, each.queue)},
    {title: "By", class: "cell", cell: (each) => each.by},
    {title: "Asked for", tight: true, cell: (each) => each.asked},
    {title: "Status", tight: true, cell: (each) => [badge(each.interrupted ? "interrupted" : each.status, each.interrupted ? "warn" : undefined), each.cause ? h("div.quiet", {}, each.cause) : null]},
    {title: "Moved", number: true, cell: (each) => `${count(each.moved)} of ${count(each.deadBefore)}`},
    {title: "Became", class: "cell", cell: (each) => Object.entries(each.fates).map(([fate, number]) => `${number} ${fate.replaceAll("_", " ")}`).join(", ")},
    {title: "Jobs", number: true, cell: (each) => count(each.jobCount)},
    {title: "Request", class: "mono", cell: (each) => each.requestId}]}));
}

async function drawConfig(panel, signal) {
  try {
    const told = await get("config", {}, {signal});
    const box = h("input", {type: "search", "aria-label": "Find a setting", placeholder: "find a setting", oninput: () => list()});
    const rows = h("div");
    fill(panel, h("div.head", {}, h("p.quiet", {}, `${told.app}, stage ${told.stage}, commit ${told.commit || "unknown"}. Secrets are never shown.`), h("div", {}, box)), rows);
    list();

    function list() {
      const wanted = box.value.toLowerCase();
      fill(rows, table({caption: "Settings", rows: told.settings.filter((each) => `${each.names} ${each.meaning}`.toLowerCase().includes(wanted)), empty: "No setting is called so.", columns: [
        {title: "Name", header: true, class: "mono", cell: (each) => each.names.map((name) => h("div", {}, name))},
        {title: "Value", class: "cell", cell: ({secret, value}) => (secret ? badge(secret.present ? `set${secret.reference ? ` in ${secret.reference}` : ""}` : "not set", secret.present ? "good" : "") : h("code", {}, String(value ?? "–")))},
        {title: "Default", class: "cell", cell: (each) => (each.secret ? null : each.value === each.default ? h("span.quiet", {}, "the same") : h("code", {}, String(each.default ?? "–")))},
        {title: "Meaning", cell: (each) => each.meaning}]}));
    }
  } catch (error) {
    if (!isAbort(error)) fill(panel, problem(error));
  }
}
