/** Texts that are not accepted yet, kept in the browser so that no reload and no refusal loses one. */

import { useSyncExternalStore } from "react";

/** An attempt whose outcome nobody has told us: repeated under its key, it is done once at most. */
export interface Attempt {
  key: string;
  version: number;
  text: string;
}

export interface Draft {
  text: string;
  attempt?: Attempt;
}

const EMPTY: Draft = { text: "" };
const watchers = new Set<() => void>();
const read = new Map<string, { raw: string; draft: Draft }>();
// Where the browser keeps nothing, or is full, a draft lives as long as the page.
const unkept = new Map<string, string>();

window.addEventListener("storage", tell);

export function useDraft(name: string): Draft {
  return useSyncExternalStore(watch, () => getDraft(name));
}

export function getDraft(name: string): Draft {
  const raw = rawOf(name);
  if (raw === null) return EMPTY;
  const known = read.get(name);
  if (known?.raw === raw) return known.draft;
  const draft = parse(raw);
  read.set(name, { raw, draft });
  return draft;
}

export function keepDraft(name: string, draft: Draft): void {
  if (!draft.text && !draft.attempt) return dropDraft(name);
  const raw = JSON.stringify(draft);
  try {
    localStorage.setItem(place(name), raw);
    unkept.delete(name);
  } catch {
    unkept.set(name, raw);
  }
  tell();
}

export function dropDraft(name: string): void {
  unkept.delete(name);
  try {
    localStorage.removeItem(place(name));
  } catch {
    // Forbidden, so nothing was kept there.
  }
  tell();
}

function rawOf(name: string): string | null {
  const held = unkept.get(name);
  if (held !== undefined) return held;
  try {
    return localStorage.getItem(place(name));
  } catch {
    return null;
  }
}

function parse(raw: string): Draft {
  try {
    const found: unknown = JSON.parse(raw);
    const isDraft = typeof found === "object" && found !== null && "text" in found;
    return isDraft ? (found as Draft) : EMPTY;
  } catch {
    return EMPTY;
  }
}

function place(name: string): string {
  return `frontdesk:draft:${name}`;
}

function watch(tellOne: () => void): () => void {
  watchers.add(tellOne);
  return () => watchers.delete(tellOne);
}

function tell(): void {
  for (const tellOne of watchers) tellOne();
}
