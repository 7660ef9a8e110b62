// Questions about the leads in plain words. The conversation is kept in memory, for whoever is signed in, and nowhere else.

import {post} from "./api.js";
import {answerView} from "./chat_answer.js";
import {announce, fill, h} from "./dom.js";
import {onChange} from "./session.js";
import {badge, problem} from "./widgets.js";

const MOST = 500;
const EXAMPLES = ["How many leads are there?", "Leads added this week", "Which companies have the most leads?", "Leads without a phone",
  "Leads with a gmail address", "Leads by industry"];
const log = h("section.stack", {"aria-label": "Conversation"});
let waiting = false;

onChange(() => fill(log));

export async function show({root}) {
  const left = h("span.quiet.grow", {id: "chat-left"});
  const input = h("textarea", {name: "question", maxlength: MOST, rows: 2, required: true, placeholder: "Ask about your leads", "aria-label": "Question",
    "aria-describedby": left.id, oninput: tellLeft, onkeydown: (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      form.requestSubmit();
    }});
  const form = h("form.card.stack.below", {onsubmit: (event) => {
    event.preventDefault();
    ask(input.value.trim());
  }}, input, h("div.row", {}, left, h("button.primary", {type: "submit"}, "Ask")));
  const opening = h("div.empty.stack", {}, h("p", {}, "Ask in plain words; the answer shows what was run. Nothing is changed by it."), choices(EXAMPLES));
  opening.hidden = log.children.length > 0;
  root.addEventListener("click", (event) => {
    const {question} = event.target.dataset;
    if (question) ask(question);
  });
  fill(root, h("div.head", {}, h("h1", {}, "Chat")), opening, log, form);
  tellLeft();

  async function ask(question) {
    if (!question || waiting) return;
    const said = h("div", {}, badge("looking", "live"));
    const article = h("article.stack", {"aria-label": question}, h("p.question", {}, question), said);
    log.append(article);
    opening.hidden = waiting = true;
    input.value = "";
    tellLeft();
    input.focus();
    try {
      const answer = await post("chat", {query: question});
      fill(said, answerView(answer, choices(answer.suggestions)));
      announce(answer.response);
    } catch (error) {
      fill(said, problem(error));
    }
    waiting = false;
    article.scrollIntoView({block: "start"});
  }

  function tellLeft() {
    left.textContent = `${input.value.length} of ${MOST} characters`;
  }
}

/** Buttons that ask; heard by the page, since an answer outlives the page that it was given on. */
function choices(questions) {
  return questions.length > 0 && h("div.row", {role: "group", "aria-label": "Questions to ask"},
    questions.map((question) => h("button.chip", {type: "button", dataset: {question}}, question)));
}
