/** The one way to the server: typed by its OpenAPI document, with the session's proof on each write. */

import createClient from "openapi-fetch";

import type { components, paths } from "./api.d.ts";
import { isSomebodyThere } from "./presence";
import { session } from "./session/session";

type Shapes = components["schemas"];
export type Approval = Shapes["ApprovalOut"];
export type Attachment = Shapes["AttachmentOut"];
export type Brief = Shapes["BriefOut"];
export type Case = Shapes["CaseOut"];
export type Classification = Shapes["ClassificationOut"];
export type Clock = Shapes["ClockOut"];
export type CommandAnswer = Shapes["CommandOut"];
export type Conversation = Shapes["ConversationOut"];
export type Decision = Shapes["DecisionOut"];
export type Delivery = Shapes["DeliveryOut"];
export type Intent = Shapes["IntentOut"];
export type Message = Shapes["MessageOut"];
export type ModelCall = Shapes["ModelCallOut"];
export type Order = Shapes["OrderOut"];
export type Run = Shapes["RunOut"];
export type Step = Shapes["StepOut"];
export type WholeCase = Shapes["WholeCaseOut"];
export type CaseStatus = Case["status"];
export type Bodies = {
  claim: Shapes["CommandIn"];
  release: Shapes["CommandIn"];
  reassign: Shapes["ReassignIn"];
  snooze: Shapes["SnoozeIn"];
  reply: Shapes["WordsIn"];
  edit: Shapes["EditIn"];
  note: Shapes["WordsIn"];
  "hand-back": Shapes["CommandIn"];
  resolve: Shapes["ResolveIn"];
};

const PATIENCE_MS = 20_000;

/** The server has read what was asked and said no; nothing was done. */
export class Refusal extends Error {
  readonly status: number;
  readonly current: { status?: string; assignee?: string | null };

  constructor(status: number, problem: { detail?: string; title?: string; current?: object }) {
    super(problem.detail || problem.title || `The server answered ${status}.`);
    this.status = status;
    this.current = problem.current ?? {};
  }
}

/** No answer arrived, or none that says anything: what was asked may have been done or not. */
export class NoAnswer extends Error {}

export const client = createClient<paths>({
  // Absolute, since a test's `Request` knows no page that an address could be relative to.
  baseUrl: window.location.origin,
  fetch: (request) => ask(request),
});

/** Return what the server answered; throws `Refusal` or `NoAnswer`. */
export async function answered<Answer>(
  asking: Promise<{ data?: Answer; error?: unknown; response: Response }>,
): Promise<Answer> {
  const { data, error, response } = await asking;
  if (response.ok && data !== undefined) return data;
  if (response.status >= 500) {
    throw new NoAnswer(`The server failed (${response.status}).`);
  }
  if (response.status === 401) session.end();
  throw new Refusal(response.status, isProblem(error) ? error : {});
}

async function ask(request: Request): Promise<Response> {
  const isWrite = request.method !== "GET";
  if (!isWrite && !isSomebodyThere()) request.headers.set("X-Poll", "1");
  if (!isWrite) return send(request);
  const again = request.clone();
  const answer = await send(prove(request));
  if (answer.status !== 403) return answer;
  // The proof may be that of a session before; there is a newer one to be had, once.
  await session.look();
  return send(prove(again));
}

function prove(request: Request): Request {
  request.headers.set("X-CSRF-Token", session.csrf());
  return request;
}

async function send(request: Request): Promise<Response> {
  try {
    return await fetch(request, { signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch {
    throw new NoAnswer("The connection broke before the server had answered.");
  }
}

function isProblem(found: unknown): found is { detail?: string; current?: object } {
  return typeof found === "object" && found !== null && "detail" in found;
}
