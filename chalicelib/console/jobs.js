// All jobs, newest first; those that run move by themselves.

import {get} from "./api.js";
import {fill, h} from "./dom.js";
import {count} from "./format.js";
import * as live from "./live.js";
import {badge, Pager, progressOf, statusBadge, table, time} from "./widgets.js";

const STATUSES = ["uploading", "pending", "uploaded", "processing", "completed", "error", "cancelled"];
const PIPELINES = ["leads", "products", "prices", "images"];

export async function show({root, query, signal}) {
  const chosen = {status: query.get("status") || "", pipeline: query.get("pipeline") || ""};
  const list = h("div");
  const pager = new Pager(load);
  let jobs = [];
  let cursor = null;

  fill(root, h("div.head", {}, h("h1", {}, "Jobs"), select("Status", STATUSES, "status"), select("Pipeline", PIPELINES, "pipeline"),
    h("a.button.primary", {href: "#/drop"}, "Drop a file")), list, pager.element);
  live.events.addEventListener("job", (event) => hear(event.detail), {signal});
  await load("");

  async function load(from) {
    const page = await get("status", {limit: 20, cursor: from, ...chosen}, {signal});
    page.jobs.forEach(live.follow);
    [jobs, cursor] = [page.jobs, page.cursor];
    draw();
  }

  function hear(job) {
    const place = jobs.findIndex((each) => each.jobId === job.jobId);
    const isNew = place < 0 && pager.trail.length === 1 && (!jobs.length || job.createdAt > jobs[0].createdAt);
    if (isNew && matches(job)) jobs = [job, ...jobs];
    else if (place >= 0) jobs[place] = job;
    else return;
    draw();
  }

  function matches(job) {
    return (!chosen.status || job.status === chosen.status) && (!chosen.pipeline || job.pipeline === chosen.pipeline);
  }

  function draw() {
    const focused = document.activeElement?.closest?.("a")?.getAttribute("href");
    fill(list, table({caption: "Jobs", rows: jobs.map((job) => live.last(job.jobId) ?? job), empty: "No jobs yet. Drop a file to make one.", columns: [
      {title: "File", header: true, class: "cell", cell: (job) => h("a", {href: `#/jobs/${job.jobId}`}, job.metadata.fileName)},
      {title: "Pipeline", tight: true, cell: (job) => badge(job.pipeline)},
      {title: "Status", tight: true, cell: statusBadge},
      {title: "Progress", class: "cell", cell: (job) => (live.isLive(job) ? progressOf(job) : h("span.quiet", {}, job.userMessage))},
      {title: "Rows", number: true, cell: (job) => count(job.rows.total)},
      {title: "New", number: true, cell: (job) => count(job.rows.new)},
      {title: "Rejected", number: true, cell: (job) => h(job.rows.rejected ? "span.warn" : "span", {}, count(job.rows.rejected))},
      {title: "Dropped", tight: true, cell: (job) => time(job.createdAt)}]}));
    pager.draw(jobs.length, cursor, "jobs");
    if (focused) list.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  }

  function select(label, words, name) {
    return h("label", {}, h("span.hidden-text", {}, label), h("select", {"aria-label": label, onchange: (event) => {
      chosen[name] = event.target.value;
      pager.reset();
      load("");
    }}, h("option", {value: ""}, `Any ${label.toLowerCase()}`), words.map((word) => h("option", {value: word, selected: chosen[name] === word}, word))));
  }
}
