/** The messages on the page, in their order, each shown once. */

import { arrange, icon, link, linkified, make, webAddress } from "./dom.js";
import { texts } from "./words.js";

const APART = 5 * 60_000;
const DAY = 86_400_000;

export class Thread {
  #entries = new Map();
  #separators = new Map();
  /** The highest number of a message of the server. */
  last = 0;

  /** `log` is where they are shown; `onRetry` gets a message that could not be sent. */
  constructor(log, { language, botName, onRetry }) {
    Object.assign(this, { log, botName, onRetry });
    const format = (options) => new Intl.DateTimeFormat(language, options);
    this.time = format({ hour: "numeric", minute: "2-digit" });
    this.date = format({ weekday: "long", day: "numeric", month: "long" });
    this.near = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  }

  /** All messages, oldest first. */
  get all() {
    return [...this.#entries.values()].sort((one, other) => one.seq - other.seq);
  }

  get newest() {
    return this.all.at(-1);
  }

  has(id) {
    return this.#entries.has(id);
  }

  /** Show a message of the server, once however often it comes; says whether it is new. */
  put(message) {
    const known = this.#entries.get(message.id);
    const entry = Object.assign(known ?? { attachments: [] }, message, { state: "sent" });
    this.#entries.set(message.id, entry);
    this.last = Math.max(this.last, entry.seq);
    this.#show(entry);
    return !known;
  }

  /** Show what the customer has just written, before the server has it. */
  draft(id, text, files) {
    const at = new Date().toISOString();
    // Between what is there and what will answer it, until the server says its number.
    const entry = { id, messageId: id, author: "customer", text, files, at, seq: this.last + 0.5 };
    entry.attachments = files.map(({ name }) => ({ name }));
    this.#entries.set(id, entry);
    return entry;
  }

  /** Note what became of a draft: `sending`, `sent` or `failed`. */
  mark(entry, state) {
    entry.state = state;
    this.#show(entry);
  }

  /** Give a draft the id the server knows it by. */
  confirm(entry, id) {
    // The stream told it first where the answer to an earlier attempt was lost.
    if (this.has(id)) return this.drop(entry);
    this.#entries.delete(entry.id);
    entry.id = id;
    this.#entries.set(id, entry);
    this.mark(entry, "sent");
  }

  drop(entry) {
    this.#entries.delete(entry.id);
    this.#settle();
  }

  #show(entry) {
    entry.node ??= make("div", { class: `message ${entry.author}` });
    const looks = JSON.stringify([entry.text, entry.state, entry.at]);
    if (entry.looks !== looks) entry.node.replaceChildren(...this.#parts(entry));
    entry.looks = looks;
    this.#settle();
  }

  #settle() {
    const { all } = this;
    const nodes = all.flatMap((entry, at) => {
      const before = all[at - 1];
      const day = dayOf(entry);
      entry.node.classList.toggle("first", !belong(before, entry));
      entry.node.classList.toggle("last", !belong(entry, all[at + 1]));
      return dayOf(before) === day ? entry.node : [this.#separator(day), entry.node];
    });
    arrange(this.log, nodes);
  }

  #separator(day) {
    if (!this.#separators.has(day)) this.#separators.set(day, make("div", { class: "day" }));
    const node = this.#separators.get(day);
    const ago = Math.round((Date.parse(new Date().toDateString()) - Date.parse(day)) / DAY);
    const name = ago < 2 ? this.near.format(-ago, "day") : this.date.format(new Date(day));
    if (node.textContent !== name) node.textContent = name;
    return node;
  }

  #parts(entry) {
    const time = this.time.format(new Date(entry.at));
    return [
      make("span", { class: "author" }, this.#name(entry)),
      make("div", { class: "bubble" }, ...body(entry)),
      ...sources(entry.citations ?? []),
      this.#trouble(entry) ?? make("time", { datetime: entry.at }, time),
    ];
  }

  #name({ author, author_name: name }) {
    if (author === "customer") return texts.you;
    return name || (author === "agent" ? texts.colleague : this.botName);
  }

  #trouble(entry) {
    if (entry.state === "sent") return null;
    if (entry.state === "sending") return make("span", { class: "state" }, texts.sending);
    const onclick = () => this.onRetry(entry);
    const button = make("button", { type: "button", onclick }, texts.retry);
    return make("span", { class: "state failed" }, `${texts.not_sent} `, button);
  }
}

function dayOf(entry) {
  return entry && new Date(entry.at).toDateString();
}

function belong(one, other) {
  if (one?.author !== other?.author || dayOf(one) !== dayOf(other)) return false;
  const isSame = one.author === "customer" || one.author_name === other.author_name;
  return isSame && new Date(other.at) - new Date(one.at) < APART;
}

function named(name) {
  return [icon("page"), make("span", {}, name)];
}

function body({ text, attachments }) {
  const files = attachments.map(({ name }) => make("li", {}, ...named(name)));
  return [
    ...(text ? [make("p", { dir: "auto" }, ...linkified(text))] : []),
    ...(files.length ? [make("ul", { "aria-label": texts.attached }, ...files)] : []),
  ];
}

function sources(citations) {
  const items = citations.map(({ title, url }) => {
    const href = url && webAddress(url);
    return make("li", {}, href ? link(href, ...named(title)) : make("span", {}, ...named(title)));
  });
  const list = make("ul", { class: "sources", "aria-label": texts.sources }, ...items);
  return items.length ? [list] : [];
}
