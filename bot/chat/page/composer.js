/** Where the customer writes: the text, the attached files, and the keys that send. */

import { byId, icon, make } from "./dom.js";
import { say } from "./words.js";

const MOST_BYTES = 5 * 1024 * 1024;
const TYPES = /^(image\/(png|jpe?g|gif|webp|heic)|application\/pdf)$/;

const isTouch = matchMedia("(pointer: coarse)").matches;
const form = byId("composer");
const text = byId("text");
const picker = byId("picker");
let files = [];

/** Set the composer up; `onSend` gets what is to be sent, `onProblem` what cannot be attached. */
export function start({ onSend, onProblem }) {
  const add = (added) => {
    onProblem([...added].map(take).join(" ").trim());
    show();
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const written = text.value.trim();
    text.focus();
    if (!written && !files.length) return;
    onSend(written, files);
    files = [];
    text.value = "";
    show();
  });
  text.addEventListener("input", show);
  text.addEventListener("keydown", (event) => {
    // While an input method composes a word, Enter belongs to it.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  byId("attach").addEventListener("click", () => picker.click());
  picker.addEventListener("change", () => {
    add(picker.files);
    picker.value = "";
    text.focus();
  });
  form.hidden = false;
  show();
  if (!isTouch) text.focus();
}

/** Put what was refused back, to be changed and sent again. */
export function giveBack(written, attached) {
  text.value = `${written}\n${text.value}`.trim();
  files = [...attached, ...files];
  show();
  text.focus();
}

/** Put the cursor where one writes, unless that raises a keyboard over the answer. */
export function focus() {
  (isTouch ? byId("scroller") : text).focus({ preventScroll: true });
}

/** Return a file as the server takes it. */
export async function encoded(file) {
  const reader = new FileReader();
  await new Promise((onload, onerror) => {
    Object.assign(reader, { onload, onerror });
    reader.readAsDataURL(file);
  });
  return { name: file.name, type: file.type, content_base64: reader.result.split(",")[1] };
}

/** Add a file, or say why not. */
function take(file) {
  const bytes = [...files, file].reduce((sum, { size }) => sum + size, 0);
  if (!TYPES.test(file.type)) return say("files_wrong_type", file);
  if (bytes > MOST_BYTES) return say("files_too_large", file);
  files = [...files, file];
  return "";
}

function show() {
  const chips = byId("files");
  chips.replaceChildren(...files.map(chip));
  chips.hidden = !files.length;
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight}px`;
}

function chip(file) {
  const onclick = () => {
    files = files.filter((other) => other !== file);
    show();
    text.focus();
  };
  const size = `${Math.ceil(file.size / 1e3)} kB`;
  const remove = { type: "button", "aria-label": say("remove", file), onclick };
  const name = make("span", {}, file.name);
  return make("li", {}, name, make("small", {}, size), make("button", remove, icon("close")));
}
