/** Ways to build the page; text goes in as text nodes, never as markup. */

const SVG = "http://www.w3.org/2000/svg";
const LINK = /\bhttps?:\/\/[^\s<>"]+/gi;

export function byId(id) {
  return document.getElementById(id);
}

/** Make an element; a name with `on` listens, `class` and attributes are set, null is left out. */
export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

/** Return a picture from the page's own set. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("aria-hidden", "true");
  svg.append(document.createElementNS(SVG, "use"));
  svg.firstChild.setAttribute("href", `#icon-${name}`);
  return svg;
}

/** Return the address if it is one of the web, else null. */
export function webAddress(url) {
  try {
    const { href, protocol } = new URL(url, location.href);
    return protocol === "https:" || protocol === "http:" ? href : null;
  } catch {
    return null;
  }
}

/** Return a link that opens beside the chat. */
export function link(href, ...children) {
  return make("a", { href, target: "_blank", rel: "noopener noreferrer" }, ...children);
}

/** Return a text as nodes, its web addresses as links. */
export function linkified(text) {
  const nodes = [];
  let end = 0;
  for (const found of text.matchAll(LINK)) {
    const url = found[0].replace(/[.,;:!?'*_)\]}]+$/, "");
    const href = webAddress(url);
    if (!href) continue;
    nodes.push(text.slice(end, found.index), link(href, url));
    end = found.index + url.length;
  }
  return [...nodes, text.slice(end)];
}

/** Give a parent exactly these children, leaving those in place untouched. */
export function arrange(parent, nodes) {
  for (const [at, node] of nodes.entries()) {
    if (parent.children[at] !== node) parent.insertBefore(node, parent.children[at] ?? null);
  }
  while (parent.children.length > nodes.length) parent.lastChild.remove();
}
