/** Who is signed in, as the server's cookie says; the page itself never keeps a key. */

import { useSyncExternalStore } from "react";

const ADDRESS = "/console/session";
const DEMO_AGENT = "Demo agent";

export type State =
  | { is: "unknown" }
  | { is: "unreachable" }
  | { is: "out"; ended: boolean; problem?: string }
  | { is: "in"; agent: string; csrf: string };

type Given = { key: string; agent: string } | { once: string; agent: string };

let state: State = { is: "unknown" };
const watchers = new Set<() => void>();

export const session = { look, signIn, signOut, end, csrf, open };

/** Find out who is signed in, taking a one-time link in the page's address first. */
async function open(): Promise<void> {
  const address = new URL(window.location.href);
  const once = address.searchParams.get("once");
  if (once !== null) {
    address.searchParams.delete("once");
    window.history.replaceState(null, "", address);
    const problem = await signIn({ once, agent: DEMO_AGENT });
    if (problem === null) return;
    await look();
    // Whoever is signed in all the same need not know that a link was used before.
    if (state.is === "out") become({ ...state, problem });
    return;
  }
  await look();
}

/** Ask the server who is signed in. */
async function look(): Promise<void> {
  try {
    const answer = await fetch(ADDRESS, { headers: { Accept: "application/json" } });
    if (answer.ok) become(await read(answer));
    else if (answer.status < 500) end();
    else become({ is: "unreachable" });
  } catch {
    if (state.is !== "in") become({ is: "unreachable" });
  }
}

/** Sign in; returns null, or in plain words why that did not work. */
async function signIn(given: Given): Promise<string | null> {
  let answer: Response;
  try {
    answer = await fetch(ADDRESS, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(given),
    });
  } catch {
    return "The server cannot be reached. Check your connection and try again.";
  }
  if (answer.ok) {
    become(await read(answer));
    return null;
  }
  return refusal(answer);
}

/** Return the server's own words; of a proxy in between we know only the number. */
async function refusal(answer: Response): Promise<string> {
  const problem: unknown = await answer.json().catch(() => null);
  if (typeof problem === "object" && problem && "detail" in problem) {
    return `You are not signed in: ${String(problem.detail)}.`;
  }
  return `You are not signed in: the server answered ${answer.status}.`;
}

/** Sign out; returns whether the server knows of it. */
async function signOut(): Promise<boolean> {
  try {
    const headers = { "X-CSRF-Token": csrf() };
    const answer = await fetch(ADDRESS, { method: "DELETE", headers });
    if (!answer.ok && answer.status !== 401) return false;
  } catch {
    return false;
  }
  become({ is: "out", ended: false });
  return true;
}

/** Note that the server has ended the session: the sign-in takes the page's place, at its address. */
function end(): void {
  // Several requests may learn of the same end; the first one says it.
  if (state.is !== "out") become({ is: "out", ended: state.is === "in" });
}

function csrf(): string {
  return state.is === "in" ? state.csrf : "";
}

async function read(answer: Response): Promise<State> {
  const { agent, csrf } = (await answer.json()) as { agent: string; csrf: string };
  return { is: "in", agent, csrf };
}

function become(next: State): void {
  state = next;
  for (const tell of watchers) tell();
}

export function useSession(): State {
  return useSyncExternalStore(
    (tell) => {
      watchers.add(tell);
      return () => watchers.delete(tell);
    },
    () => state,
  );
}

/** Return the name of the agent who is signed in. */
export function useAgent(): string {
  const now = useSession();
  return now.is === "in" ? now.agent : "";
}
