// One job: how far it is, what can be done about it, and the account of every row.

import {get, post} from "./api.js";
import {confirm} from "./dialogs.js";
import {announce, fill, h, toast} from "./dom.js";
import {bytes, count, plural, usd} from "./format.js";
import {drawBatches, drawDuplicates, drawSheets} from "./job_report.js";
import {drawEvents, drawRejects, drawSuspects} from "./job_rows.js";
import * as live from "./live.js";
import {isOperator} from "./session.js";
import {actionButton, badge, progressOf, statusBadge, tabs, time} from "./widgets.js";

const OUTCOMES = ["pending", "new", "updated", "unchanged", "superseded", "rejected", "cancelled", "failed"];
const RESULTS = {
  leads: () => ["#/leads", "Leads"],
  products: (job) => [`#/products/${job.metadata.options.catalog ?? job.jobId}`, "Products"],
  prices: (job) => [`#/prices/${job.jobId}`, "Results"],
  images: () => ["#/images", "Images"],
};

export async function show({root, rest: jobId, query, signal}) {
  let job = await get(`status/${jobId}`, {}, {signal});
  const head = h("div.head");
  const summary = h("div.stack");
  const moved = new EventTarget();
  const context = {jobId, signal, moved, job: () => job};
  const panels = tabs("About this job", [
    {id: "sheets", title: "Report", draw: (panel) => drawSheets(panel, context)},
    {id: "rejects", title: "Rejects", draw: (panel) => drawRejects(panel, context)},
    {id: "batches", title: "Batches", draw: (panel) => drawBatches(panel, context)},
    ...(job.pipeline === "leads" ? [
      {id: "duplicates", title: "Duplicates", draw: (panel) => drawDuplicates(panel, context)},
      {id: "suspects", title: "Suspects", draw: (panel) => drawSuspects(panel, context)}] : []),
    {id: "events", title: "Events", draw: (panel) => drawEvents(panel, context)},
  ], query.get("tab") || "sheets");
  fill(root, head, summary, panels);
  draw();
  live.follow(job);
  live.events.addEventListener("job", ({detail}) => {
    if (detail.jobId !== jobId) return;
    job = detail;
    draw();
    moved.dispatchEvent(new Event("job"));
  }, {signal});

  function draw() {
    const focused = document.activeElement?.dataset?.action;
    fill(head, h("h1", {tabindex: -1}, job.metadata.fileName), ...buttons());
    fill(summary, h("div.card.stack", {}, h("div.row", {}, statusBadge(job), badge(job.pipeline), time(job.createdAt), h("span", {}, job.userMessage)),
      live.isLive(job) && !job.undo ? progressOf(job) : null,
      job.error ? h("p.error", {}, `${job.error.code}: ${job.error.message}`) : null,
      tallies(), facts()));
    if (focused) head.querySelector(`[data-action="${focused}"]`)?.focus();
  }

  function tallies() {
    const shown = OUTCOMES.filter((name) => job.rows[name] > 0 || name === "new");
    return h("ul.tallies", {"aria-label": "Rows by outcome"}, h("li", {}, h("b", {}, count(job.rows.total)), h("span", {}, "rows")),
      shown.map((name) => h("li", {}, h("b", {class: name === "failed" ? "bad" : ""}, count(job.rows[name])), h("span", {}, name))));
  }

  function facts() {
    const {metadata, progress, cost, corrections, undo} = job;
    const known = [
      ["Batches", progress.totalBatches ? `${count(progress.completedBatches)} of ${count(progress.totalBatches)} done${progress.failedBatches ? `, ${progress.failedBatches} failed` : ""}` : null],
      ["Run", job.run > 1 ? String(job.run) : null],
      ["File", `${bytes(metadata.fileSize)}${metadata.sha256 ? `, SHA-256 ${metadata.sha256.slice(0, 16)}…` : ""}`],
      ["Same file as", job.duplicateOf ? h("a", {href: `#/jobs/${job.duplicateOf}`}, job.duplicateOf) : null],
      ["Corrects", corrections?.parentJobId ? h("a", {href: `#/jobs/${corrections.parentJobId}`}, corrections.parentJobId) : null],
      ["Corrected", corrections && !corrections.parentJobId && corrections.corrected ? `${count(corrections.corrected)} rejects came back corrected, ${count(corrections.open)} are open` : null],
      ["Undo", undo ? `${undo.state}: ${count(undo.removed)} removed, ${count(undo.restored)} restored, ${count(undo.kept)} kept` : null],
      ["Cost", `${usd(cost.estimatedUsd)} estimated${cost.providerCalls ? `, ${plural(cost.providerCalls, "provider call")}` : ""}`],
    ].filter(([, value]) => value);
    return h("dl.facts", {}, known.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
  }

  function buttons() {
    const offered = job.recovery.options.map((option) => option.action).filter((action) => action !== "rejects")
      .filter((action) => action !== "force-complete" || isOperator());
    const [href, word] = RESULTS[job.pipeline]?.(job) ?? [];
    return [...offered.map((action) => actionFor(action)), href && job.rows.total ? h("a.button", {href}, word) : null];
  }

  function actionFor(action) {
    const words = {cancel: "Cancel", resume: "Resume", retry: "Retry failed", undo: "Undo", "force-complete": "Force complete"};
    const button = actionButton(words[action] ?? action, () => ask(action), {kind: ["undo", "force-complete"].includes(action) ? "danger" : ""});
    button.dataset.action = action;
    return button;
  }

  async function ask(action) {
    const chosen = QUESTIONS[action] ? await QUESTIONS[action](job, (body) => post(`status/${jobId}/${action}`, body)) : await post(`status/${jobId}/${action}`);
    if (!chosen) return;
    toast(chosen.message ?? chosen.userMessage);
    announce(chosen.message ?? chosen.userMessage);
    job = await get(`status/${jobId}`, {}, {signal});
    live.follow(job);
    draw();
  }
}

/** What is asked before something is done; `go(body)` does it. */
const QUESTIONS = {
  cancel: (job, go) => confirm("Cancel this job?", {verb: "Cancel the job", danger: true, action: () => go({}),
    text: `Rows that are done stay; ${plural(job.rows.pending, "row")} will not be worked on. The job can be resumed.`}),
  undo: (job, go) => confirm("Undo this job?", {verb: "Undo it", danger: true, action: () => go({}),
    text: `What the job created is removed and what it overwrote is restored (${count(job.rows.new)} new, ${count(job.rows.updated)} updated). What was changed since stays and is listed.`}),
  "force-complete": (job, go) => confirm("Force this job to its end?", {verb: "Force complete", danger: true, type: "force", action: () => go({}),
    text: `${plural(job.rows.pending, "row")} will count as failed. The report names them; a batch that finishes after all corrects that.`}),
  resume: (job, go) => {
    if (!job.paused) return go({});
    const calls = h("input", {type: "number", min: 1, inputmode: "numeric"});
    const money = h("input", {type: "number", min: 0.01, step: 0.01, inputmode: "decimal"});
    return confirm("Resume this job?", {verb: "Resume", text: "It is paused. New caps replace its own; empty ones leave them as they are.",
      fields: h("div.fields", {}, h("label", {}, "Most AI calls", calls), h("label", {}, "Most US dollars", money)),
      action: () => go({...(calls.value && {maxAiCalls: Number(calls.value)}), ...(money.value && {maxUsd: Number(money.value)})})});
  },
};
