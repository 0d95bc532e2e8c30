import { Fragment } from "react";

const ADDRESS = /https?:\/\/[^\s<>"']+/g;
const AFTER_AN_ADDRESS = /[.,;:!?)\]}]+$/;

/** Somebody else's text as text: never as markup, and only addresses of the web are links. */
export function Plain({ text }: { text: string }) {
  return (
    <span className="plain" dir="auto">
      {pieces(text).map((piece, place) => (
        <Fragment key={place}>{piece.isLink ? <Outside href={piece.text} /> : piece.text}</Fragment>
      ))}
    </span>
  );
}

/** A link that leads away from here, where the address is one of the web; else its words alone. */
export function Outside({ href, children }: { href: string; children?: string }) {
  if (!isOfTheWeb(href)) return <>{children ?? href}</>;
  return (
    <a href={href} target="_blank" rel="noopener noreferrer nofollow">
      {children ?? href}
    </a>
  );
}

export function isOfTheWeb(address: string): boolean {
  try {
    return ["http:", "https:"].includes(new URL(address).protocol);
  } catch {
    return false;
  }
}

function pieces(text: string): { text: string; isLink: boolean }[] {
  const found: { text: string; isLink: boolean }[] = [];
  let from = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = match[0].replace(AFTER_AN_ADDRESS, "");
    if (!isOfTheWeb(address)) continue;
    found.push({ text: text.slice(from, match.index), isLink: false });
    found.push({ text: address, isLink: true });
    from = match.index + address.length;
  }
  return [...found, { text: text.slice(from), isLink: false }].filter((piece) => piece.text);
}
