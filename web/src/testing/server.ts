/** A server of the tests: one case, what was sent to it, and answers as a test wants them. */

import { vi } from "vitest";

import type { Case, CommandAnswer, Message, WholeCase } from "../client";

export interface Sent {
  path: string;
  method: string;
  key: string | null;
  csrf: string | null;
  isPoll: boolean;
  body: Record<string, unknown>;
}

type Answer = (sent: Sent) => Response;

/** Answers every request of the page, and keeps the commands. */
export class Server {
  readonly sent: Sent[] = [];
  readonly searches: URLSearchParams[] = [];
  one: WholeCase = wholeCase();
  signedIn: string | null = "Maria";
  csrf = "proof-1";
  /** What is answered at other addresses. */
  readonly answers: Record<string, unknown> = {};
  /** What was done, once each. */
  readonly done: Sent[] = [];
  private readonly known = new Map<string, CommandAnswer>();
  private next: (Answer | "lost" | "broken")[] = [];

  constructor() {
    vi.stubGlobal("fetch", (asked: Request | string, init?: RequestInit) =>
      this.answer(
        typeof asked === "string" ? new Request(new URL(asked, location.origin), init) : asked,
      ),
    );
  }

  /**
   * Have the next commands answered so, or the connection `broken` before they arrive, or their
   * answer `lost` after they were done; later ones are carried out.
   */
  then(...answers: (Answer | "lost" | "broken")[]): void {
    this.next.push(...answers);
  }

  get commands(): Sent[] {
    return this.sent.filter((one) => one.method === "POST");
  }

  private async answer(request: Request): Promise<Response> {
    const sent: Sent = {
      path: new URL(request.url).pathname,
      method: request.method,
      key: request.headers.get("Idempotency-Key"),
      csrf: request.headers.get("X-CSRF-Token"),
      isPoll: request.headers.has("X-Poll"),
      body: request.method === "POST" ? ((await request.json()) as Record<string, unknown>) : {},
    };
    if (sent.path === "/console/session") return this.session(sent);
    this.sent.push(sent);
    this.searches.push(new URL(request.url).searchParams);
    if (sent.method === "POST") {
      const next = this.next.shift();
      if (typeof next === "function") return next(sent);
      const answer = next === "broken" ? null : this.carryOut(sent);
      if (next === "broken" || next === "lost") throw new TypeError("Failed to fetch");
      return answer!;
    }
    const known = this.answers[sent.path];
    if (known !== undefined) return json(known);
    if (sent.path.startsWith("/v1/escalations/")) return json(this.one);
    if (sent.path === "/v1/escalations") return json({ items: [this.one], next: null });
    return json({ items: [], next: null });
  }

  /** As the real one does: once under a key, and never at a version that is no more. */
  private carryOut(sent: Sent): Response {
    const before = this.known.get(sent.key ?? "");
    if (before) return json(before);
    const { id, conversation_id, status, assignee, urgency, version } = this.one;
    if (sent.body["version"] !== version) return conflict({ status, assignee })(sent);
    this.one = { ...this.one, version: version + 1 };
    this.done.push(sent);
    const answer = { id, conversation_id, status, assignee, urgency, version: version + 1 };
    if (sent.key) this.known.set(sent.key, answer);
    return json(answer);
  }

  private session(sent: Sent): Response {
    if (sent.method === "POST") {
      const { key, once } = sent.body;
      if (once === "used") return problem(401, "this link has been used or is too old");
      if (once === undefined && key !== "the key") return problem(401, "this is not the admin key");
      this.signedIn = String(sent.body["agent"]);
    }
    if (this.signedIn === null) return problem(401, "nobody is signed in");
    return json({ agent: this.signedIn, csrf: this.csrf, expires_at: "2030-01-01T00:00:00Z" });
  }
}

export function conflict(current: Partial<Case>): Answer {
  return () => problem(409, "the case has changed", { current });
}

export function problem(status: number, detail: string, more: object = {}): Response {
  const body = { type: "about:blank", title: "Conflict", status, detail, ...more };
  return new Response(JSON.stringify(body), {
    status,
    headers: { "Content-Type": "application/problem+json" },
  });
}

function json(body: unknown): Response {
  return new Response(JSON.stringify(body), { headers: { "Content-Type": "application/json" } });
}

export function message(fields: Partial<Message> = {}): Message {
  return {
    id: "m-1",
    seq: 1,
    author: "customer",
    author_name: "Ana Ruiz",
    text: "You charged me twice",
    at: "2026-11-30T21:00:00Z",
    run_id: null,
    citations: [],
    ...fields,
  };
}

export function wholeCase(fields: Partial<WholeCase> = {}): WholeCase {
  return {
    id: "case-1",
    conversation_id: "conversation-1",
    run_id: "run-1",
    status: "claimed",
    reason: "rule: risky or asked for a person",
    urgency: "high",
    queue: "support",
    assignee: "Maria",
    version: 2,
    due_at: null,
    snoozed_until: null,
    created_at: "2026-11-30T21:00:00Z",
    claimed_at: "2026-11-30T21:05:00Z",
    replied_at: null,
    ended_at: null,
    end_reason: null,
    suggested_upto: 0,
    brief: {
      summary: "Ana Ruiz (verified): Was charged twice.",
      classification: null,
      customer: {
        verified: { id: "C-1001", email: "ana@example.com", name: "Ana Ruiz", tier: null, record: null },
        claimed: null,
        channel: "chat",
      },
      orders: [],
      transcript: [],
      suggested_reply: null,
      tried: [],
    },
    clock: null,
    messages: [message()],
    presence: { away: null, seen_at: null },
    reminders: [],
    deliveries: [],
    ...fields,
  };
}
