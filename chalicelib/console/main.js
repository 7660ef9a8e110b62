// The frame around all pages: who is signed in, where we are, what runs.

import {get, isAbort} from "./api.js";
import {open} from "./dialogs.js";
import {announce, fill, h, toast} from "./dom.js";
import * as live from "./live.js";
import * as session from "./session.js";
import {problem} from "./widgets.js";

const PAGES = [
  {path: "drop", title: "Drop", view: () => import("./drop.js")},
  {path: "jobs", title: "Jobs", view: (rest) => (rest ? import("./job.js") : import("./jobs.js"))},
  {path: "leads", title: "Leads", view: () => import("./leads.js")},
  {path: "products", title: "Products", view: () => import("./products.js")},
  {path: "prices", title: "Prices", view: () => import("./prices.js")},
  {path: "images", title: "Images", view: () => import("./images.js")},
  {path: "chat", title: "Chat", view: () => import("./chat.js")},
  {path: "queues", title: "Queues", view: () => import("./queues.js"), operators: true},
  {path: "keys", title: "Keys", view: () => import("./keys.js"), hidden: true},
];
const THEME = "dropmill.theme";

let leaving = new AbortController();

document.documentElement.dataset.theme = localStorage.getItem(THEME) || "";
addEventListener("hashchange", () => takeTokenFromAddress() || go());
session.onChange(begin);
live.events.addEventListener("job", drawNav);
live.events.addEventListener("ended", (event) => tellEnd(event.detail));
document.querySelector("[data-skip]").addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("main").focus();
});
if (!takeTokenFromAddress()) begin();

/**
 * `make run` prints an address that signs in by itself. Only the local stack's page takes it: elsewhere a link must not
 * sign anybody in. Answers whether the page is drawn anew for that.
 */
function takeTokenFromAddress() {
  const found = /^#token=([\w.-]+)$/.exec(location.hash);
  if (!found) return false;
  history.replaceState(null, "", "#/drop");
  const taken = document.documentElement.dataset.local === "true";
  if (taken) session.signIn(found[1], {keep: true});
  return taken;
}

function begin() {
  if (session.token()) live.start();
  else live.stop();
  drawNav();
  drawWho();
  go();
}

/** Show the page that the address names: `#/jobs/ID?tab=report`. */
async function go() {
  leaving.abort();
  leaving = new AbortController();
  const {signal} = leaving;
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, ...rest] = path.split("/").map(decodeURIComponent);
  const page = PAGES.find((each) => each.path === name) ?? PAGES[0];
  const main = document.getElementById("main");
  drawNav();
  main.removeAttribute("aria-busy");
  if (!session.token()) return drawSignIn(main);
  main.setAttribute("aria-busy", "true");
  try {
    const view = await page.view(rest.join("/"));
    if (signal.aborted) return;
    const root = h("div");
    const shown = view.show({root, rest: rest.join("/"), query: new URLSearchParams(query || ""), signal});
    fill(main, root);
    settle(root, page);
    await shown;
  } catch (error) {
    if (isAbort(error) || signal.aborted) return;
    fill(main, h("div.head", {}, h("h1", {tabindex: -1}, page.title)), problem(error));
  }
  if (!signal.aborted) main.removeAttribute("aria-busy");
}

/** Name the page and lead keyboard and screen reader to its heading, which may first appear with an answer. */
function settle(root, page) {
  const heading = root.querySelector("h1");
  document.title = `${heading?.textContent || page.title} – Dropmill`;
  if (!heading) return onceFilled(root, () => settle(root, page));
  heading.setAttribute("tabindex", "-1");
  if (document.activeElement === document.body || document.activeElement?.closest("nav, main")) heading.focus({preventScroll: true});
  scrollTo(0, 0);
}

function onceFilled(root, action) {
  const observer = new MutationObserver(() => {
    observer.disconnect();
    action();
  });
  observer.observe(root, {childList: true});
}

function drawNav() {
  const here = location.hash.replace(/^#\/?/, "").split(/[/?]/)[0] || "drop";
  const running = live.liveCount();
  const shown = session.token() ? PAGES.filter((page) => !page.hidden && (!page.operators || session.isOperator())) : [];
  const links = shown.map((page) => h("a", {href: `#/${page.path}`, "aria-current": page.path === here ? "page" : null}, page.title,
    page.path === "jobs" && running > 0 ? h("span.count", {}, running, h("span.hidden-text", {}, " running")) : null));
  const nav = document.getElementById("nav");
  if (nav.textContent === links.map((link) => link.textContent).join("") && nav.dataset.here === here) return;
  const focused = [...nav.children].indexOf(document.activeElement);
  nav.dataset.here = here;
  fill(nav, links);
  nav.children[focused]?.focus();
  nav.querySelector("[aria-current]")?.scrollIntoView({block: "nearest", inline: "center"});
}

function drawWho() {
  const {subject} = session.claims();
  fill(document.getElementById("who"), h("button.plain", {type: "button", onclick: turnTheme, "aria-label": "Change between light and dark"}, "◐"),
    session.token() ? [h("button.plain", {type: "button", "aria-haspopup": "dialog", onclick: drawAccount}, subject || "account")] : null);
}

function drawAccount() {
  const {subject, owner, roles, expires} = session.claims();
  const dialog = open("Signed in", [
    h("dl.facts", {}, [["Subject", subject || "an API key"], ["Owner", owner], ["Roles", roles.join(", ")],
      ["Until", expires ? expires.toLocaleString() : ""]].filter(([, text]) => text).map(([name, text]) => [h("dt", {}, name), h("dd", {}, text)])),
    h("div.row.end", {}, h("button", {type: "button", onclick: () => dialog.close()}, "Close"),
      h("a.button", {href: "#/keys", onclick: () => dialog.close()}, "API keys"),
      h("button.danger", {type: "button", onclick: () => { dialog.close(); session.signOut(); }}, "Sign out"))]);
}

function drawSignIn(main) {
  const token = h("input", {type: "password", autocomplete: "current-password", required: true, name: "token", spellcheck: "false"});
  const keep = h("input", {type: "checkbox", name: "keep"});
  const told = h("div");
  const local = document.documentElement.dataset.local === "true";
  const form = h("form.card.stack", {}, h("label", {}, "Token", token), h("label.check", {}, keep, "Keep me signed in on this computer"),
    told, h("div.row.end", {}, h("button.primary", {type: "submit"}, "Sign in")));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await get("status", {limit: 1}, {headers: {Authorization: `Bearer ${token.value.trim()}`}});
      session.signIn(token.value, {keep: keep.checked});
    } catch (error) {
      fill(told, problem(error));
    }
  });
  fill(main, h("div.head", {}, h("h1", {}, "Sign in")),
    h("p.quiet", {}, local ? "Local mode: make run has printed a token, and local.json in its data folder holds it." : "With a token or an API key of your organisation."), form);
  document.title = "Sign in – Dropmill";
  token.focus();
}

function turnTheme() {
  const dark = document.documentElement.dataset.theme === "dark"
    || (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem(THEME, document.documentElement.dataset.theme);
}

function tellEnd(job) {
  const kind = {completed: "good", error: "bad"}[job.status] ?? "";
  toast(`${job.metadata.fileName}: ${job.userMessage}`, {kind, link: {href: `#/jobs/${job.jobId}`, text: "Open"}});
  announce(`${job.metadata.fileName} is ${job.status}.`);
}
