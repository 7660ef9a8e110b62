// Pictures: what was made of each, how much it saved, and where it came from.

import {filledPage, get, post} from "./api.js";
import {confirm, open} from "./dialogs.js";
import {fill, h, toast} from "./dom.js";
import {bytes, count, moment, plural} from "./format.js";
import {isOperator} from "./session.js";
import {actionButton, badge, Pager, problem} from "./widgets.js";

const WARNINGS = {
  FIRST_OF_MANY: "The file has more frames or pages; the first one is shown.",
  PREVIEW_OF_RAW: "The camera's own preview is shown, not the developed sensor data.",
  PROFILE_IGNORED: "Its colour profile is broken or does not fit the pixels, so it was left out.",
  PROFILE_ASSUMED: "It is in inks (CMYK) without a profile; a common press was assumed.",
  STRETCHED: "Its values have no agreed range; darkest and brightest became black and white.",
};

export async function show({root, query, signal}) {
  let folder = query.get("folder") || "";
  const box = h("input", {type: "search", name: "folder", value: folder, placeholder: "/all folders", "aria-label": "Folder"});
  const told = h("div", {"aria-live": "polite"});
  const sum = h("div");
  const grid = h("div", {}, h("p.quiet", {}, "Loading."));
  const pager = new Pager(load);
  fill(root, h("div.head", {}, h("h1", {}, "Images"),
    h("form.row", {role: "search", onsubmit: (event) => {
      event.preventDefault();
      narrow(box.value);
    }}, box, h("button", {type: "submit"}, "Show")),
    isOperator() ? actionButton("Sync Dropbox", sync) : null, h("a.button.primary", {href: "#/drop"}, "Drop pictures")), told, sum, grid, pager.element);
  await load("");

  async function load(from) {
    const page = await filledPage("images", "images", {query: {limit: 48, folder, cursor: from}, signal});
    fill(sum, page.items.length ? totals(page.items) : null);
    fill(grid, page.items.length ? h("ul.cards.plain", {}, page.items.map((image) => card(image, narrow, signal)))
      : h("p.empty", {}, folder ? `No pictures lie in ${folder}.` : "No pictures yet. Drop some, or a zip of them."));
    pager.draw(page.items.length, page.cursor, "pictures");
  }

  function narrow(to) {
    folder = box.value = to.trim();
    pager.reset();
    return load("");
  }

  async function sync() {
    const full = h("input", {type: "checkbox"});
    const answer = await confirm("Sync Dropbox", {text: "Asks Dropbox for its changes now, as its own notifications do. What it finds becomes jobs.", verb: "Sync",
      fields: h("label.check", {}, full, "List everything anew, and remove what is there no more"),
      action: () => post("dropbox/sync", {}, {query: {full: full.checked}}).catch((error) => ({error}))});
    if (!answer) return;
    if (!answer.error) return toast(answer.message, {kind: "good", link: {href: "#/jobs?pipeline=images", text: "Jobs"}});
    fill(told, answer.error.code === "DROPBOX_NOT_CONFIGURED"
      ? h("p.note.warn", {}, "No Dropbox account is connected to this stage, so there is nothing to sync. Whoever runs it sets DROPBOX_CLIENT_ID, DROPBOX_CLIENT_SECRET and DROPBOX_REFRESH_TOKEN. Dropped pictures need none of these.")
      : problem(answer.error));
  }
}

function totals(images) {
  const before = images.reduce((total, image) => total + image.sourceBytes, 0);
  const after = images.reduce((total, image) => total + image.bytes, 0);
  return h("ul.tallies", {"aria-label": "This page"}, [[count(images.length), "pictures on this page"], [bytes(before), "before"], [bytes(after), "after"],
    [before ? `${(100 * (before - after) / before).toFixed(1)} %` : "–", "saved"]].map(([figure, word]) => h("li", {}, h("b", {}, figure), h("span", {}, word))));
}

function card(image, narrow, signal) {
  const folder = image.path.slice(0, image.path.lastIndexOf("/"));
  return h("li.card", {}, h("button.picture", {type: "button", "aria-haspopup": "dialog", "aria-label": `Show ${image.name}`, onclick: () => detail(image, signal)}, picture(image, "img.thumb", signal)),
    h("div.stack.tight", {}, h("b.cut", {title: image.path}, image.name),
      folder ? h("button.link", {type: "button", onclick: () => narrow(folder)}, folder) : null,
      h("div", {}, `${bytes(image.sourceBytes)} → ${bytes(image.bytes)} `, saved(image)),
      h("div.row", {}, h("span.quiet", {}, `${image.width} × ${image.height}`), badge(image.sourceFormat), badge(image.source),
        image.warnings.length ? h("span", {title: words(image).join(" ")}, badge(plural(image.warnings.length, "note"), "warn")) : null)));
}

function saved({savedPercent}) {
  return savedPercent < 0 ? badge(`${-savedPercent} % larger`, "warn") : badge(`${savedPercent} % saved`, savedPercent > 0 ? "good" : "");
}

/** The picture by its link, which lasts some minutes: one that has expired is asked for again, once. */
function picture(image, what, signal) {
  const element = h(what, {src: image.url, alt: `Picture ${image.path}`, loading: what === "img.thumb" ? "lazy" : null, decoding: "async"});
  element.addEventListener("error", async () => {
    const fresh = await get(`images/${image.imageId}`, {}, {signal}).catch(() => null);
    if (!fresh) return;
    image.url = element.src = fresh.url;
  }, {once: true, signal});
  return element;
}

function detail(image, signal) {
  const facts = [["Path", image.path], ["Size", `${bytes(image.sourceBytes)} before, ${bytes(image.bytes)} after`], ["Saved", saved(image)],
    ["Dimensions", `${image.width} × ${image.height} pixels`], ["Was", image.sourceFormat], ["Came from", image.source === "drops" ? "a drop" : "Dropbox"],
    ["Revision", h("code", {}, image.revision)], ["Made", moment(image.updatedAt)]];
  const dialog = open(image.name, [picture(image, "img.preview", signal), image.warnings.length ? h("div.note.warn", {}, words(image).map((each) => h("p", {}, each))) : null,
    h("dl.facts", {}, facts.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    h("div.row.end", {}, h("a.button", {href: `#/jobs/${image.jobId}`, onclick: () => dialog.close()}, "Job"),
      h("a.button", {href: image.url, download: ""}, "Save the picture"), h("button", {type: "button", onclick: () => dialog.close()}, "Close"))], {wide: true});
}

function words(image) {
  return image.warnings.map((code) => WARNINGS[code] ?? code);
}
