/** What an agent has done to a case: each intention has one key, so that a repeat is done once. */

import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import {
  answered,
  client,
  NoAnswer,
  Refusal,
  type Bodies,
  type CommandAnswer,
  type WholeCase,
} from "../client";
import { useAgent } from "../session/session";
import { STATUSES } from "../words/words";
import { caseKey } from "./cases";
import { dropDraft, getDraft, keepDraft, type Attempt } from "./drafts";

export type CommandName = keyof Bodies;
type Details<Name extends CommandName> = Omit<Bodies[Name], "agent" | "version">;

/** One thing that an agent wants done, in exactly the words that a repeat sends again. */
export type Intention = {
  [Name in CommandName]: { name: Name; key: string; body: Bodies[Name] };
}[CommandName];

export type Outcome =
  | { is: "none" }
  | { is: "sending"; name: CommandName }
  | { is: "done"; name: CommandName; answer: CommandAnswer }
  | { is: "refused"; name: CommandName; words: string }
  | { is: "unknown"; intention: Intention; words: string; draft: string | undefined };

/** Offer the commands on a case, one at a time, and tell what became of the last one. */
export function useCommands(one: WholeCase) {
  const agent = useAgent();
  const queries = useQueryClient();
  const [outcome, setOutcome] = useState<Outcome>({ is: "none" });

  async function carryOut(intention: Intention, draft?: string): Promise<boolean> {
    const { name } = intention;
    setOutcome({ is: "sending", name });
    try {
      const answer = await send(one.id, intention);
      if (draft) dropDraft(draft);
      const { status, assignee, version, urgency } = answer;
      queries.setQueryData(caseKey(one.id), (known: WholeCase | undefined) =>
        known && { ...known, status, assignee, version, urgency },
      );
      setOutcome({ is: "done", name, answer });
      return true;
    } catch (error) {
      if (error instanceof NoAnswer) {
        setOutcome({ is: "unknown", intention, words: error.message, draft });
      } else if (error instanceof Refusal) {
        // It is known now that the attempt has done nothing: the next one is another.
        if (draft) keepDraft(draft, { text: getDraft(draft).text });
        setOutcome({ is: "refused", name, words: refusal(error, agent, Boolean(draft)) });
      } else throw error;
      return false;
    } finally {
      void queries.invalidateQueries({ queryKey: caseKey(one.id) });
      void queries.invalidateQueries({ queryKey: ["cases"] });
      void queries.invalidateQueries({ queryKey: ["approvals"] });
    }
  }

  return {
    outcome,
    isBusy: outcome.is === "sending",
    dismiss: () => setOutcome({ is: "none" }),
    /** Repeat what got no answer, under its own key. */
    again: () => {
      if (outcome.is === "unknown") void carryOut(outcome.intention, outcome.draft);
    },
    /** Do something that no text belongs to that would have to be kept. */
    run: <Name extends CommandName>(name: Name, details: Details<Name>) =>
      carryOut(intend(name, { agent, version: one.version, ...details })),
    /** Say or note the text of a draft, which is dropped once the server has accepted it. */
    say: (name: "reply" | "note", draft: string) => {
      const { key, version, text } = attempt(draft, one.version);
      return carryOut({ name, key, body: { agent, version, text } }, draft);
    },
  };
}

export type Commands = ReturnType<typeof useCommands>;

function intend<Name extends CommandName>(name: Name, body: object): Intention {
  return { name, key: newKey(), body } as Intention;
}

/**
 * Return how the text of a draft is sent: as in the attempt before, where nobody knows what became
 * of that and the text is the same. Of another text the version stays that of the attempt: had it
 * arrived after all, the case has changed since, and the server refuses instead of saying it twice.
 */
export function attempt(name: string, version: number): Attempt {
  const { text, attempt: before } = getDraft(name);
  const isSame = before?.text === text;
  const next = before && isSame ? before : { key: newKey(), version: before?.version ?? version, text };
  keepDraft(name, { text, attempt: next });
  return next;
}

const DOORS: {
  [Name in CommandName]: (id: string, key: string, body: Bodies[Name]) => Promise<CommandAnswer>;
} = {
  claim: (id, key, body) =>
    answered(client.POST("/v1/escalations/{id}/claim", { ...to(id, key), body })),
  release: (id, key, body) =>
    answered(client.POST("/v1/escalations/{id}/release", { ...to(id, key), body })),
  reassign: (id, key, body) =>
    answered(client.POST("/v1/escalations/{id}/reassign", { ...to(id, key), body })),
  snooze: (id, key, body) =>
    answered(client.POST("/v1/escalations/{id}/snooze", { ...to(id, key), body })),
  reply: (id, key, body) =>
    answered(client.POST("/v1/escalations/{id}/reply", { ...to(id, key), body })),
  edit: (id, key, body) =>
    answered(client.POST("/v1/escalations/{id}/edit", { ...to(id, key), body })),
  note: (id, key, body) =>
    answered(client.POST("/v1/escalations/{id}/note", { ...to(id, key), body })),
  "hand-back": (id, key, body) =>
    answered(client.POST("/v1/escalations/{id}/hand-back", { ...to(id, key), body })),
  resolve: (id, key, body) =>
    answered(client.POST("/v1/escalations/{id}/resolve", { ...to(id, key), body })),
};

function to(id: string, key: string) {
  return { params: { path: { id }, header: { "idempotency-key": key } } };
}

function send(id: string, intention: Intention): Promise<CommandAnswer> {
  const door = DOORS[intention.name] as (
    id: string,
    key: string,
    body: Intention["body"],
  ) => Promise<CommandAnswer>;
  return door(id, intention.key, intention.body);
}

/** Return a key that nobody else has; `randomUUID` is only there on https. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Say in plain words why a command was refused, who was first and what is so now. */
export function refusal(error: Refusal, agent: string, hasText: boolean): string {
  const kept = hasText ? " Nothing was sent; your text is kept." : " Nothing was done.";
  if (error.status !== 409) return `${error.message}.${kept}`.replace("..", ".");
  const { status, assignee } = error.current;
  if (status === "claimed" && assignee && assignee !== agent) {
    return `${assignee} was first: the case is with ${assignee} now.${kept}`;
  }
  if (status === "claimed") {
    return `The case has changed since you saw it; it is still with you.${kept} Look at what is new, then try again.`;
  }
  if (status === "open") {
    return `The case has changed since you saw it: it waits in its queue, and nobody has it.${kept}`;
  }
  if (status === "resolved" || status === "handed_back") {
    const by = assignee ? ` by ${assignee === agent ? "you" : assignee}` : "";
    return `The case is over: it was ${STATUSES[status].toLowerCase()}${by}.${kept}`;
  }
  return `${error.message}.${kept}`;
}
