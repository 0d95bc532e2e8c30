import { Alert, Badge, Button, Loader } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { ReadAs } from "../cases/BriefPanel";
import { answered, client, Refusal, type Decision, type ModelCall, type Run, type Step } from "../client";
import { Moment } from "../words/Moment";
import { Plain } from "../words/Plain";
import { useTitle } from "../words/title";
import { dollars, milliseconds, spoken } from "../words/words";
import { Correction } from "./Correction";

const route = getRouteApi("/runs/$id");
const LOOK_AGAIN_MS = 5_000;
const STATUS_COLORS: Record<Run["status"], string> = {
  done: "green",
  failed: "red",
  running: "blue",
  waiting: "yellow",
  superseded: "gray",
};

/** What the bot did with a message: every step, and why it went the way it did. */
export function RunPage(): ReactNode {
  const { id } = route.useParams();
  const { case: from } = route.useSearch();
  useTitle("What it did");
  const query = useQuery({
    queryKey: ["run", id],
    queryFn: () => answered(client.GET("/v1/runs/{id}", { params: { path: { id } } })),
    // What is over changes no more.
    refetchInterval: (known) => (isOver(known.state.data) ? false : LOOK_AGAIN_MS),
  });
  return (
    <main className="page">
      <p className="crumbs">
        {from ? (
          <Link to="/cases/$id" params={{ id: from }}>
            The case
          </Link>
        ) : (
          query.data && (
            <Link to="/conversations/$id" params={{ id: query.data.conversation_id }}>
              The conversation
            </Link>
          )
        )}
      </p>
      <h1>What it did</h1>
      {query.error && (
        <Alert color="red" role="alert" className="notice">
          {query.error instanceof Refusal && query.error.status === 404
            ? "There is no such run, or it has been erased."
            : `The run could not be read: ${query.error.message}`}{" "}
          <Button size="compact-sm" variant="default" onClick={() => void query.refetch()}>
            Try again
          </Button>
        </Alert>
      )}
      {query.isPending && !query.error && (
        <p className="waiting" role="status">
          <Loader size="sm" /> Opening the run…
        </p>
      )}
      {query.data && <Loaded run={query.data} />}
    </main>
  );
}

function isOver(run: Run | undefined): boolean {
  return run !== undefined && !["running", "waiting"].includes(run.status);
}

function Loaded({ run }: { run: Run }) {
  const calls = run.steps.flatMap((step) => step.model_calls);
  return (
    <>
      <blockquote>
        <Plain text={run.text ?? ""} />
      </blockquote>
      <div className="standing">
        <Badge color={STATUS_COLORS[run.status]} variant="light">
          {run.status}
        </Badge>
        <span>
          {run.workflow.name} {run.workflow.version}
        </span>
        {run.route && <span>route {run.route}</span>}
        <Moment at={run.started_at} />
        <span>{took(run)}</span>
        <span>
          cost {dollars(run.cost)}
          {run.premium_cost !== null && ` (the strong model alone: ${dollars(run.premium_cost)})`}
        </span>
        <span>
          {calls.length === 1 ? "1 model call" : `${calls.length || "no"} model calls`}
        </span>
      </div>
      {run.error && (
        <Alert color="red" className="notice">
          {run.error}
        </Alert>
      )}
      {run.classification && (
        <div className="brief">
          <h2>What it understood</h2>
          <ReadAs read={run.classification} />
        </div>
      )}
      <Correction run={run} />
      <h2>Steps</h2>
      <ol className="steps">
        {run.steps.map((step) => (
          <StepLine
            key={`${step.part} ${step.node} ${step.visit}`}
            step={step}
            hasParts={run.parts.length > 0}
            decision={run.decisions.find((one) => isOf(one, step))}
          />
        ))}
      </ol>
    </>
  );
}

function isOf(decision: Decision, step: Step): boolean {
  return (
    decision.node === step.node && decision.part === step.part && decision.visit === step.visit
  );
}

function took(run: Run): string {
  if (!run.finished_at) return "not finished";
  const ms = new Date(run.finished_at).getTime() - new Date(run.started_at).getTime();
  return `took ${milliseconds(ms)}`;
}

function StepLine({ step, hasParts, decision }: {
  step: Step;
  hasParts: boolean;
  decision: Decision | undefined;
}) {
  return (
    <li className="step">
      <p className="step-head">
        <strong>{step.node}</strong>
        {step.kind !== step.node && <span className="dim">{step.kind}</span>}
        {hasParts && <span className="dim">part {step.part + 1}</span>}
        {step.visit > 1 && <span className="dim">visit {step.visit}</span>}
        <span>{step.exit ? `→ ${step.exit}` : step.status}</span>
        {step.attempt > 1 && <span>attempt {step.attempt}</span>}
        <span className="dim">{milliseconds(step.ms)}</span>
      </p>
      {step.error && <p className="fate bad">{step.error}</p>}
      {decision && <Because decision={decision} />}
      {step.model_calls.length > 0 && <Calls calls={step.model_calls} />}
      <Fold title="Input" content={step.input} />
      <Fold title="Output" content={step.output} />
    </li>
  );
}

function Because({ decision }: { decision: Decision }) {
  return (
    <>
      <p>
        {decision.rule && <>By “{decision.rule}”: </>}
        {decision.because}
      </p>
      {decision.tried.length > 0 && (
        <details>
          <summary>
            {decision.tried.length === 1
              ? "One rule before it did not match"
              : `${decision.tried.length} rules before it did not match`}
          </summary>
          <ul>
            {decision.tried.map((tried) => (
              <li key={tried.rule}>
                “{tried.rule}”, if {tried.asks}: {tried.failed_on}
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

function Calls({ calls }: { calls: ModelCall[] }) {
  return (
    <div className="wide" role="region" aria-label="Model calls" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">Tier</th>
            <th scope="col">Model</th>
            <th scope="col">Attempt</th>
            <th scope="col">Tokens in</th>
            <th scope="col">out</th>
            <th scope="col">Cost</th>
            <th scope="col">Time</th>
            <th scope="col">Outcome</th>
          </tr>
        </thead>
        <tbody>
          {calls.map((call, place) => (
            <tr key={place}>
              <td>{call.tier}</td>
              <td>{call.model}</td>
              <td>{call.attempt}</td>
              <td>{call.tokens_in ?? "unknown"}</td>
              <td>{call.tokens_out ?? "unknown"}</td>
              <td>{dollars(call.cost)}</td>
              <td>{milliseconds(call.ms)}</td>
              <td>
                {spoken(call.status)}
                {call.error && <span className="fate bad"> {call.error}</span>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Fold({ title, content }: { title: string; content: object }) {
  if (Object.keys(content).length === 0) return null;
  return (
    <details>
      <summary>{title}</summary>
      <pre tabIndex={0}>{JSON.stringify(content, null, 2)}</pre>
    </details>
  );
}
