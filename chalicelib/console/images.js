// Pictures: what was made of each, how much that saved, and where it came from.

import {filledPage, get, post} from "./api.js";
import {confirm, open} from "./dialogs.js";
import {fill, h, toast} from "./dom.js";
import {bytes, count, moment, plural} from "./format.js";
import {isOperator} from "./session.js";
import {actionButton, badge, facts, Pager, problem, tallies} from "./widgets.js";

const WARNINGS = {
  FIRST_OF_MANY: "The file has more frames or pages; the first one is shown.",
  PREVIEW_OF_RAW: "The camera's own preview is shown, not the sensor's data developed.",
  PROFILE_IGNORED: "The colour profile is broken or does not fit the pixels.",
  PROFILE_ASSUMED: "Inks (CMYK) without a profile: a common press was assumed.",
  STRETCHED: "The values have no agreed range; darkest and brightest became black and white.",
};
const NO_DROPBOX = "No Dropbox app is set up on this stage, so there is nothing to sync; see DROPBOX_CLIENT_ID in the README. Dropping pictures needs none.";

export async function show({root, query, signal}) {
  let folder = query.get("folder") || "";
  const box = h("input.grow", {type: "search", value: folder, placeholder: "/folder", "aria-label": "Folder"});
  const told = h("div");
  const grid = h("div", {}, h("p.quiet", {}, "Loading."));
  const pager = new Pager(load);
  fill(root, h("div.head", {}, h("h1", {}, "Images"), h("form.row", {role: "search", onsubmit: (event) => {
    event.preventDefault();
    narrow(box.value.trim());
  }}, box, h("button", {type: "submit"}, "Show")), isOperator() ? actionButton("Sync Dropbox", sync) : null, h("a.button.primary", {href: "#/drop"}, "Drop pictures")), told, grid, pager.element);
  await load("");

  async function load(from) {
    const {items, cursor} = await filledPage("images", "images", {query: {limit: 48, folder, cursor: from}, signal});
    fill(grid, items.length ? [saving(items), h("ul.cards.plain", {}, items.map(card))] : h("p.empty", {}, folder ? "No pictures lie in this folder." : "No pictures yet. Drop some, or a zip of them."));
    pager.draw(items.length, cursor, "pictures");
  }

  function narrow(to) {
    folder = box.value = to;
    pager.reset();
    return load("");
  }

  async function sync() {
    const full = h("input", {type: "checkbox"});
    const answer = await confirm("Sync Dropbox", {text: "Asks Dropbox for its changes now. They become jobs.", verb: "Sync", fields: h("label.check", {}, full, "List all of it anew, and remove what is there no more"),
      action: () => post("dropbox/sync", {}, {query: {full: full.checked}}).catch((error) => ({error}))});
    if (answer?.error) fill(told, answer.error.code === "DROPBOX_NOT_CONFIGURED" ? h("p.note.warn", {role: "alert"}, NO_DROPBOX) : problem(answer.error));
    else if (answer) toast(answer.message, {kind: "good"});
  }

  function card(image) {
    const place = image.path.slice(0, image.path.lastIndexOf("/"));
    return h("li.card", {}, h("button.picture", {type: "button", "aria-haspopup": "dialog", "aria-label": `Show ${image.name}`, onclick: () => detail(image)}, picture(image, "thumb")), h("div.stack.tight", {}, h("b.cut", {title: image.path}, image.name),
      place ? h("button.link", {type: "button", onclick: () => narrow(place)}, place) : null, h("div", {}, `${bytes(image.sourceBytes)} → ${bytes(image.bytes)} `, saved(image)),
      h("div.row", {}, h("span.quiet", {}, `${image.width} × ${image.height}`), badge(image.sourceFormat), badge(image.source), image.warnings.length ? badge(plural(image.warnings.length, "warning"), "warn") : null)));
  }

  /** By its link, which lasts some minutes: one that has expired is asked for again, once. */
  function picture(image, kind) {
    return h(`img.${kind}`, {src: image.url, alt: `Picture ${image.path}`, loading: "lazy", onerror: async ({target}) => {
      if (target.dataset.again) return;
      target.dataset.again = "yes";
      target.src = image.url = (await get(`images/${image.imageId}`, {}, {signal})).url;
    }});
  }

  function detail(image) {
    const dialog = open(image.name, [h("a", {href: image.url, title: "Save the picture"}, picture(image, "preview")), image.warnings.length ? h("ul.note.warn", {}, image.warnings.map((code) => h("li", {}, WARNINGS[code] ?? code))) : null,
      facts([["Path", image.path], ["Size", `${bytes(image.sourceBytes)} before, ${bytes(image.bytes)} after`], ["Saved", saved(image)], ["Dimensions", `${image.width} × ${image.height}`],
        ["Source", `${image.sourceFormat}, ${image.source === "drops" ? "dropped" : "from Dropbox"}`], ["Revision", h("code", {}, image.revision)], ["Made", moment(image.updatedAt)]]),
      h("div.row.end", {}, h("a.button", {href: `#/jobs/${image.jobId}`, onclick: () => dialog.close()}, "Job"), h("a.button", {href: image.url}, "Save the picture"), h("button", {type: "button", onclick: () => dialog.close()}, "Close"))], {wide: true});
  }
}

function saving(images) {
  const [before, after] = ["sourceBytes", "bytes"].map((name) => images.reduce((total, image) => total + image[name], 0));
  return tallies([[count(images.length), "on this page"], [bytes(before), "before"], [bytes(after), "after"], [before ? `${(100 - 100 * after / before).toFixed(1)} %` : "–", "saved"]]);
}

function saved({savedPercent}) {
  return savedPercent < 0 ? badge(`${-savedPercent} % larger`, "warn") : badge(`${savedPercent} % saved`, "good");
}
