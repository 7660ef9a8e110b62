// The leads: a table by cursor with filters, kept in the address so that what one sees can be sent to somebody.

import {get, isAbort} from "./api.js";
import {announce, fill, h} from "./dom.js";
import {count, plural} from "./format.js";
import {openLead} from "./lead.js";
import {FIELDS, leadsAddress, nameOf, SORTS, usual} from "./lead_fields.js";
import {erasePerson} from "./leads_erase.js";
import {exportLeads} from "./leads_export.js";
import {filterBar} from "./leads_filter.js";
import * as live from "./live.js";
import {actionButton, col, Pager, problem, table, time} from "./widgets.js";

const SIZES = [25, 50, 100];
const FURTHER = 10000;

export async function show({root, rest, query, signal}) {
  const asked = askedBy(query);
  let page = {leads: [], cursor: null, read: 0};
  let marked = "";
  let turn = 0;
  let busy = false;
  const list = h("div", {}, h("p.empty", {}, "Looking …"));
  const search = h("div");
  const total = h("span.quiet", {role: "status"});
  const pager = new Pager((cursor) => load(cursor));
  const tail = h("div", {}, search, pager.element);
  const size = h("select", {"aria-label": "Leads a page", onchange: (event) => { asked.size = Number(event.target.value); begin(); }},
    SIZES.map((number) => h("option", {value: number, selected: number === asked.size}, `${number} a page`)));

  fill(root, h("div.head", {}, h("h1", {}, "Leads"),
    h("button", {type: "button", "aria-haspopup": "dialog", onclick: () => exportLeads(asked)}, "Export …"),
    h("button", {type: "button", "aria-haspopup": "dialog", onclick: () => erasePerson().then((done) => done && load())}, "Erase a person …")),
  h("div.stack", {}, filterBar(asked.filters, begin), list, tail), h("div.row", {}, h("div", {}, size), actionButton("Count", countAll, {label: "Count the leads"}), total));
  tail.addEventListener("click", (event) => busy && event.stopPropagation(), {capture: true});
  live.events.addEventListener("ended", (event) => event.detail.pipeline === "leads" && load(pager.trail.at(-1), page.read), {signal});
  await load("");
  if (rest && !signal.aborted) edit(rest);

  /** From the first page on, with what is asked now. */
  function begin() {
    history.pushState(null, "", leadsAddress(asked));
    fill(total);
    pager.reset();
    load("");
  }

  /** The page at `cursor`, which may be short where a filter leaves out much; `reach` leads are looked at for it. */
  async function load(cursor = pager.trail.at(-1), reach = 1) {
    await look({leads: [], cursor, read: 0}, reach);
  }

  /** Look on from `state` until the page is full, the leads end, or `reach` leads were read. A newer look ends an older. */
  async function look(state, reach) {
    const mine = turn += 1;
    busy = true;
    try {
      do {
        const {leads, pagination} = await get("leads", {...wanted(), pageSize: asked.size - state.leads.length, cursor: state.cursor}, {signal});
        if (mine !== turn) return false;
        state = {leads: [...state.leads, ...leads], cursor: pagination.cursor, read: state.read + pagination.leadsRead};
        if (state.read >= page.read || !state.cursor) draw(state);
      } while (state.cursor && state.leads.length < asked.size && state.read < reach);
      draw(state);
    } catch (error) {
      if (isAbort(error) || mine !== turn) return false;
      fill(search, problem(error), h("button", {type: "button", onclick: () => load()}, "Try again"));
    }
    busy = false;
    return true;
  }

  function wanted() {
    return {sortBy: asked.sort, sortOrder: asked.order, ...Object.fromEntries(Object.entries(asked.filters).map(([field, text]) => [`filter_${field}`, text]))};
  }

  function draw(state) {
    page = state;
    const filtered = Object.keys(asked.filters).length > 0;
    keepingPlace(root, () => {
      fill(list, table({caption: "Leads", rows: page.leads, columns: columns(), sorting: {by: asked.sort, order: asked.order, change: sort},
        chosen: (lead) => lead.leadId === marked, empty: empty(filtered)}));
      pager.draw(page.leads.length, page.cursor, page.leads.length === 1 ? "lead" : "leads");
    });
    fill(search, filtered && page.cursor && page.leads.length < asked.size && h("div.note.row", {role: "status"},
      h("span.grow", {}, `Looked at ${plural(page.read, "lead")}, ${count(page.leads.length)} found so far.`), actionButton("Look further", further, {kind: "small"})));
  }

  function empty(filtered) {
    if (page.cursor) return "None among these yet.";
    return filtered ? "No lead has all that. Remove a filter." : ["No leads yet. ", h("a", {href: "#/drop"}, "Drop a spreadsheet"), " to make some."];
  }

  async function further() {
    if (!await look(page, page.read + FURTHER)) return;
    announce(`${plural(page.leads.length, "lead")} found.`);
    (search.querySelector("button") ?? list.querySelector(".frame"))?.focus();
  }

  function columns() {
    return [
      {...col("Name", link, "header cell"), sort: "lastName"}, {...col("Company", "company", "cell"), sort: "company"}, col("Title", "title", "cell"),
      {...col("E-mail", "email", "cell"), sort: "email"}, col("Phone", "phone", "tight"), col("Industry", "industry", "cell"),
      col("File", "sourceFile", "cell"), {...col("Updated", (lead) => time(lead.updatedAt), "tight"), sort: "updatedAt"}];
  }

  function link(lead) {
    return h("a", {href: leadsAddress(asked, lead.leadId), onclick: (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      edit(lead.leadId);
    }}, nameOf(lead));
  }

  function sort(by, order) {
    Object.assign(asked, {sort: by, order: by === asked.sort ? order : usual(by).order});
    begin();
  }

  /** Open a lead over the list; afterwards the list shows what became of it, and the keyboard is where it was. */
  async function edit(leadId) {
    history.replaceState(null, "", leadsAddress(asked, leadId));
    const place = Math.max(0, page.leads.findIndex((lead) => lead.leadId === leadId));
    const {saved, gone, erased} = await openLead(leadId, {signal});
    if (signal.aborted) return;
    history.replaceState(null, "", leadsAddress(asked));
    marked = saved ? leadId : "";
    if (erased) await load();
    else draw({...page, leads: page.leads.filter((lead) => !(gone && lead.leadId === leadId)).map((lead) => (saved && lead.leadId === leadId ? saved : lead))});
    const links = [...list.querySelectorAll("tbody a")];
    const same = page.leads.findIndex((lead) => lead.leadId === leadId);
    (links[same < 0 ? Math.min(place, links.length - 1) : same] ?? root.querySelector("h1")).focus();
  }

  async function countAll() {
    const {pagination} = await get("leads", {...wanted(), page: 1, pageSize: 1}, {signal});
    fill(total, pagination.totalCount === null ? `More than ${count(FURTHER)} leads to count` : plural(pagination.totalCount, "lead"));
  }
}

function askedBy(query) {
  const size = Number(query.get("size"));
  const sort = SORTS.includes(query.get("sort")) ? query.get("sort") : usual().sort;
  return {filters: Object.fromEntries([...query].filter(([name, text]) => name in FIELDS && text.trim())), sort,
    order: ["asc", "desc"].includes(query.get("order")) ? query.get("order") : usual(sort).order,
    size: SIZES.includes(size) ? size : usual().size};
}

/** Draw table and pager anew without moving the keyboard or what is scrolled to. */
function keepingPlace(root, redraw) {
  const frame = () => root.querySelector(".frame");
  const key = (stop) => stop.getAttribute("href") ?? (stop.matches("button") ? stop.firstChild.textContent : "frame");
  const stop = document.activeElement.closest(".frame, thead button, tbody a, .pager button");
  const wanted = stop && root.contains(stop) && key(stop);
  const scrolled = frame()?.scrollLeft;
  redraw();
  if (frame()) frame().scrollLeft = scrolled;
  if (wanted) ([...root.querySelectorAll("thead button, tbody a, .pager button:enabled")].find((each) => key(each) === wanted) ?? frame())?.focus({preventScroll: true});
}
