/** What the page says, in the shop's language; the shop's own words win. */

export const texts = { offline: "No connection. Trying again…" };

/** Take over these texts and put them where `data-words="where:key …"` asks for them. */
export function adopt(...sources) {
  Object.assign(texts, ...sources);
  for (const node of document.querySelectorAll("[data-words]")) {
    for (const pair of node.dataset.words.split(" ")) {
      const [where, key] = pair.split(":");
      if (where === "text") node.textContent = texts[key];
      else node.setAttribute(where, texts[key]);
    }
  }
}

/** Return a text with its {names} filled in. */
export function say(key, values) {
  return texts[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}
