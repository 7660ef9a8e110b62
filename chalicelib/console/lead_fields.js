// The fields of a lead in words. Pure.

/** Those that a person can change. */
export const CONTENT = {firstName: "First name", lastName: "Last name", name: "Whole name", email: "E-mail", phone: "Phone",
  company: "Company", title: "Title", industry: "Industry", source: "Source", remarks: "Remarks"};

/** Those that a list can be filtered by. */
export const FIELDS = {...CONTENT, sourceFile: "Source file", _worksheet: "Worksheet", row: "Row", jobId: "Job",
  createdAt: "Created (UTC)", updatedAt: "Updated (UTC)"};

/** Those that a list can be sorted by. */
export const SORTS = ["updatedAt", "lastName", "email", "company"];

/** What to call a lead by. */
export function nameOf(lead) {
  return lead.name || [lead.firstName, lead.lastName].filter(Boolean).join(" ") || lead.email || lead.company || "(no name)";
}

/** The fields whose text differs, as a PATCH wants them: an empty text clears a field. */
export function changesOf(before, after) {
  return Object.fromEntries(Object.keys(CONTENT).filter((field) => field in after && after[field].trim() !== (before[field] ?? ""))
    .map((field) => [field, after[field].trim() || null]));
}

/** How the list is asked for where the address does not say. */
export function usual(sort = "updatedAt") {
  return {sort: "updatedAt", order: sort === "updatedAt" ? "desc" : "asc", size: 50};
}

/** The address of a list of leads, with one of them opened if `leadId` says so. */
export function leadsAddress({filters = {}, sort = "", order = "", size = 0}, leadId = "") {
  const asked = Object.entries({...filters, sort, order, size}).filter(([name, value]) => value && value !== usual(sort || undefined)[name]);
  const text = new URLSearchParams(asked).toString();
  return `#/leads${leadId ? `/${encodeURIComponent(leadId)}` : ""}${text ? `?${text}` : ""}`;
}
