/** The chat page: opens a session, shows the conversation and keeps it up to date. */

import * as api from "./api.js";
import * as composer from "./composer.js";
import { byId, make } from "./dom.js";
import { Thread } from "./thread.js";
import { adopt, say, texts } from "./words.js";

const ATTEMPTS = 3;
const NEAR_THE_END = 80;

const scroller = byId("scroller");
const banner = byId("banner");
const person = byId("person");
const rating = byId("rating");
const newer = byId("newer");
const as = new URLSearchParams(location.search).get("as") ?? undefined;
const tabs = new BroadcastChannel("frontdesk-chat");

let config;
let thread;
let stream;
let customer;
let conversation;
let status = "open";
let assignee;
let ratedId;
let atEnd = true;
let isElsewhere = false;
let sending = 0;
let queue = Promise.resolve();
let held = [];

async function start() {
  config = await persistently(api.getConfig);
  const { language, bot_name: botName } = config;
  const words = () => api.getTexts(language);
  adopt(await persistently(words).catch(() => api.getTexts("en")), config.texts);
  document.documentElement.lang = language;
  byId("title").textContent = botName;
  document.title = `${botName} · ${config.shop}`;
  thread = new Thread(byId("log"), { language, botName, onRetry: deliver });
  await signIn({ identity: takeIdentity(), as });
}

/** Ask until the server can be reached. */
async function persistently(ask) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const answer = await ask();
      if (attempt > 1) tell("");
      return answer;
    } catch (problem) {
      if (!problem.passes) throw problem;
      tell(texts.offline);
      await api.pause(attempt);
    }
  }
}

/** Return the shop's sign-in, and take it out of the address, which may be shared. */
function takeIdentity() {
  const token = new URLSearchParams(location.hash.slice(1)).get("identity");
  if (token) history.replaceState(null, "", location.pathname + location.search);
  return token ?? window.frontdeskIdentity;
}

async function signIn(who) {
  try {
    await persistently(() => openSession(who));
    tell("");
    await enter();
  } catch (problem) {
    if (!who.identity || problem.status !== 401) return tell(problem.message);
    tell(texts.identity_refused, texts.as_visitor, () => signIn({}));
  }
}

async function openSession(who) {
  ({ customer, conversation_id: conversation } = await api.openSession(who));
}

async function enter() {
  tabs.postMessage(customer);
  tabs.onmessage = ({ data }) => stepAside(data);
  showHeader();
  showDemo();
  showIntro();
  await persistently(refresh);
  byId("log").removeAttribute("aria-busy");
  composer.start({ onSend: send, onProblem: tell });
  watchPage();
  stream = api.listen({ message: hear, edited, status: follow, typing: showTyping, opened, lost });
}

async function refresh() {
  const { items, rated, ...news } = await api.getMessages();
  if (isElsewhere) return;
  items.forEach(take);
  if (rated) ratedId ??= thread.newest?.id;
  follow(news);
}

/** Show a message; says whether it is new. */
function take(message) {
  // While one of ours is on its way, this may be that one under the server's id.
  if (message.author === "customer" && sending && !thread.has(message.id)) {
    held.push(message);
    return false;
  }
  return thread.put(message);
}

function hear(message) {
  if (!take(message)) return;
  if (message.author !== "customer") {
    showTyping({ active: false });
    newer.hidden = atEnd;
  }
  settle();
}

function follow(news, seq = Infinity) {
  // A new stream tells everything again.
  if (seq < thread.last) return;
  const isBack = news.status === "open" && (status === "assigned" || status === "escalated");
  ({ status, assignee } = news);
  const key = isBack ? "handed_back" : status;
  const name = assignee ?? texts.colleague;
  const words = texts[key] ? say(key, { name, shop: config.shop }) : "";
  if (banner.textContent !== words) banner.textContent = words;
  banner.dataset.status = status;
  showHeader();
  settle();
}

function showTyping({ author, active }) {
  byId("typing").hidden = !active;
  if (!active) return;
  const name = author === "agent" ? (assignee ?? texts.colleague) : config.bot_name;
  byId("typing-text").textContent = say("typing", { name });
  settle();
}

function opened() {
  refresh().then(() => {
    if (byId("alert").textContent === texts.offline) tell("");
    resend();
  }, renew);
}

/** Without the stream, each attempt to get it back fetches the messages. */
function lost() {
  showTyping({ active: false });
  refresh().catch(renew);
}

/** Open the session again where it ended; else say what is wrong. */
async function renew(problem) {
  if (problem.status !== 401) return tell(problem.passes ? texts.offline : problem.message);
  await openSession({ as });
  showHeader();
}

function send(text, files) {
  const entry = thread.draft(messageId(), text, files);
  tell("");
  atEnd = true;
  deliver(entry);
}

/** Send one after the other, so that they arrive in their order. */
function deliver(entry) {
  sending += 1;
  thread.mark(entry, "sending");
  settle();
  queue = queue.then(() => post(entry)).catch((problem) => fail(entry, problem)).then(() => {
    sending -= 1;
    if (!sending) held.splice(0).forEach(take);
    settle();
  });
}

async function post(entry) {
  const { messageId: message_id, text, files } = entry;
  const attachments = await Promise.all(files.map(composer.encoded));
  for (let attempt = 1; ; attempt += 1) {
    try {
      const taken = await api.sendMessage({ message_id, text, attachments });
      conversation ??= taken.conversation_id;
      // Long after its end a conversation is followed by another, which counts anew.
      if (taken.conversation_id !== conversation) location.reload();
      return thread.confirm(entry, taken.id);
    } catch (problem) {
      if (attempt === ATTEMPTS || !navigator.onLine) throw problem;
      if (problem.status === 401) await renew(problem);
      else if (problem.passes) await api.pause(attempt);
      else throw problem;
    }
  }
}

function fail(entry, problem) {
  tell(problem.message ? `${texts.not_sent} ${problem.message}` : texts.offline);
  if (problem.passes) return thread.mark(entry, "failed");
  thread.drop(entry);
  composer.giveBack(entry.text, entry.files);
}

function resend() {
  if (!sending) thread.all.filter(({ state }) => state === "failed").forEach(deliver);
}

function messageId() {
  // Only https and localhost have randomUUID.
  return crypto.randomUUID?.() ?? crypto.getRandomValues(new Uint32Array(4)).join("-");
}

/** Offer the thumbs under the last word, an answer of the bot or a colleague's when it is solved. */
function showRating() {
  const { id, author } = thread.newest ?? {};
  const isRated = id === ratedId;
  if (!isRated) byId("rated").textContent = "";
  const isAnswer = { open: ["bot"], resolved: ["bot", "agent"] }[status]?.includes(author);
  rating.hidden = !isAnswer || (isRated && !byId("rated").textContent);
  rating.classList.toggle("done", isRated);
}

async function rate(score) {
  const { id } = thread.newest;
  await api.rate(score);
  ratedId = id;
  byId("rated").textContent = score > 3 ? texts.rated_up : texts.rated_down;
  settle();
  byId("rated").focus({ preventScroll: true });
}

function showHeader() {
  const withPerson = say("with_person", { name: assignee ?? texts.colleague });
  byId("subtitle").textContent = status === "assigned" ? withPerson : say("automated", config);
  byId("signed-in").textContent = customer.verified ? say("signed_in", customer) : "";
  person.hidden = status === "assigned" || status === "escalated";
}

function showIntro() {
  const name = customer.verified && firstOf(customer.name);
  byId("greeting").textContent = name ? say("greeting_name", { name }) : texts.greeting;
  const items = texts.suggestions.map((text) => {
    const onclick = () => ask(text);
    return make("li", {}, make("button", { type: "button", onclick }, text));
  });
  byId("suggestions").replaceChildren(...items);
  byId("intro").hidden = false;
}

function ask(text) {
  composer.focus();
  send(text, []);
}

function showDemo() {
  const people = config.demo;
  const choice = (id, label, isMine) =>
    make("a", { href: `/chat?as=${id}`, "aria-current": isMine ? "page" : null }, label);
  byId("demo").replaceChildren(
    make("span", {}, texts.you_are),
    ...people.map(({ id, name }) => choice(id, firstOf(name), name === customer.name)),
    choice("visitor", texts.visitor, !customer.verified),
  );
  byId("demo").hidden = !people.length;
}

/** One browser has one session: from here somebody else would now be speaking. */
function stepAside({ name, verified }) {
  if (name === customer.name && verified === customer.verified) return;
  isElsewhere = true;
  stream?.close();
  document.body.className = "elsewhere";
  const words = say("elsewhere", { name: name || texts.visitor });
  tell(words, texts.go_on_here, () => location.reload());
}

function tell(words, label, onclick) {
  const alert = byId("alert");
  if (alert.textContent === words) return;
  const button = label && make("button", { type: "button", onclick }, label);
  alert.replaceChildren(...[words, button].filter(Boolean));
  alert.classList.toggle("shown", Boolean(words));
}

function settle() {
  showRating();
  if (atEnd) toEnd();
}

const toEnd = () => (scroller.scrollTop = scroller.scrollHeight);
const edited = (news) => thread.has(news.id) && thread.put(news);
const firstOf = (name) => name?.split(" ")[0];

function watchPage() {
  person.onclick = () => ask(texts.person_message);
  for (const button of rating.querySelectorAll("button")) {
    button.onclick = () => rate(Number(button.dataset.score)).catch(renew);
  }
  newer.onclick = () => {
    toEnd();
    composer.focus();
  };
  scroller.onscroll = () => {
    atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_THE_END;
    newer.hidden ||= atEnd;
  };
  new ResizeObserver(() => atEnd && toEnd()).observe(scroller);
  window.addEventListener("online", comeBack);
  document.addEventListener("visibilitychange", () => document.hidden || comeBack());
}

function comeBack() {
  if (isElsewhere) return;
  stream.connect();
  opened();
}

/** Shrink the page where the software keyboard would cover it. */
function followKeyboard({ target: { height, scale } }) {
  if (scale < 1.01) document.documentElement.style.setProperty("--seen", `${height}px`);
}

window.visualViewport?.addEventListener("resize", followKeyboard);
start().catch(({ message }) => tell(message));
