// An answer of the chat: its sentence, the query that was run, and what that found.

import {h} from "./dom.js";
import {count, plural} from "./format.js";
import {FIELDS, leadsAddress, nameOf} from "./lead_fields.js";
import {badge, col, table} from "./widgets.js";

const EXACT = ["contains", "on"];
const CLOSE = ["words", "equals", "startsWith", "endsWith", "domain"];

export function answerView(answer, choices) {
  const {structured: query, rows, groups} = answer;
  return h("div.card.stack", {}, h("p", {}, answer.type !== "success" && [badge(answer.type === "error" ? "not possible" : "please say it otherwise", "warn"), " "], answer.response), choices,
    rows.length > 0 && table({caption: `Leads found: ${answer.query}`, rows, columns: LEAD}), groups.length > 0 && bars(answer),
    query && ran(answer), h("p.quiet", {}, `Read by ${answer.provider === "grammar" ? "the built-in grammar" : answer.provider}`,
      query && `, looked at ${plural(answer.lookedAt, "lead")}${answer.complete ? "" : ", not all"}`));
}

const LEAD = [col("Name", (lead) => h("a", {href: leadsAddress({}, lead.leadId)}, nameOf(lead)), "header cell"), col("Company", "company", "cell"),
  col("Title", "title", "cell"), col("E-mail", "email", "cell"), col("Phone", "phone", "tight")];

function bars({query: question, structured: query, groups, withoutKey: without}) {
  const most = Math.max(...groups.map((group) => group.count));
  const link = ({key}) => (query.groupBy in FIELDS && !query.filters.length ? h("a", {href: leadsAddress({filters: {[query.groupBy]: key}})}, key) : key);
  return [table({caption: `Leads counted: ${question}`, rows: groups, columns: [col("Group", link, "header cell"), col("Leads", (group) => count(group.count), "number"),
    col("Beside the largest", (group) => h("progress", {max: most, value: group.count, "aria-label": `${group.key}: ${group.count}`}), "cell")]}),
  without > 0 && h("p.quiet", {}, `${plural(without, "lead")} without a value.`)];
}

/** The query in words, exactly as it was run, and the way to the table of leads where that can show the same. */
function ran({structured: query, interpretation}) {
  const filters = tableFilters(query);
  return h("details", {}, h("summary", {}, `Ran: ${interpretation}`),
    h("div.stack", {}, h("pre", {tabindex: 0, "aria-label": "Query"}, JSON.stringify(query, null, 2)),
      filters && h("p", {}, h("a", {href: leadsAddress({filters: filters.on})}, filters.exact ? "Show in the leads table" : "Show the nearest in the leads table"))));
}

/** The filters of the leads table that come to the same, or nearly (`exact` is false); null where there are none. */
export function tableFilters({filters}) {
  const on = {};
  let exact = true;
  for (const {field, op, values, not} of filters) {
    const single = op === "words" ? values[0]?.split(" ").length === 1 : true;
    if (not || values.length !== 1 || !single || field in on || !(field in FIELDS) || ![...EXACT, ...CLOSE].includes(op)) return null;
    on[field] = values[0];
    exact &&= EXACT.includes(op);
  }
  return {on, exact};
}
