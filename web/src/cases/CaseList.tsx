import { Alert, Badge, Button, Loader } from "@mantine/core";
import { getRouteApi, Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

import type { Case } from "../client";
import { useAgent } from "../session/session";
import { Distance, Moment, useNow } from "../words/Moment";
import { useTitle } from "../words/title";
import { aboutOf, customerOf, spoken, URGENCY_COLORS } from "../words/words";
import { DueIn } from "./DueIn";
import { overdueFirst, SHOWN, useCases, type Shown } from "./cases";

const TABS: Record<Shown, string> = {
  open: "Open",
  claimed: "Claimed",
  mine: "Mine",
  handed_back: "Handed back",
  resolved: "Resolved",
};
const NOTHING: Record<Shown, string> = {
  open: "Nobody waits. New cases appear here by themselves.",
  claimed: "No case is claimed at the moment.",
  mine: "You have no case. Claim one from “Open”.",
  handed_back: "No case was handed back to the bot yet.",
  resolved: "No case is resolved yet.",
};
const route = getRouteApi("/cases");

/** All cases of one kind: those that wait for an answer, the most pressing first. */
export function CaseList(): ReactNode {
  const { show } = route.useSearch();
  const shown = show ?? "open";
  const agent = useAgent();
  useTitle(shown === "mine" ? "My cases" : `${TABS[shown]} cases`);
  const query = useCases(shown);
  const cases = arrange(query.found ?? [], shown, agent);

  return (
    <main className="page">
      <h1>Cases</h1>
      <nav className="tabs" aria-label="Which cases">
        {SHOWN.map((each) => (
          <Link
            key={each}
            to="/cases"
            search={each === "open" ? {} : { show: each }}
            aria-current={each === shown ? "page" : undefined}
            activeProps={{}}
          >
            {TABS[each]}
            {each === shown && query.found && query.found.length > 0 && (
              <span className="count">
                {cases.length}
                {query.hasNextPage ? "+" : ""}
              </span>
            )}
          </Link>
        ))}
      </nav>
      {query.error && (
        <Alert color="red" role="alert" className="notice">
          {query.found
            ? `This list is not up to date: ${query.error.message} It is tried again by itself.`
            : `The cases could not be read: ${query.error.message}`}{" "}
          <Button size="compact-sm" variant="default" onClick={() => void query.refetch()}>
            Try again
          </Button>
        </Alert>
      )}
      {query.isPending && !query.error && (
        <p className="waiting" role="status">
          <Loader size="sm" /> Looking for cases…
        </p>
      )}
      {query.found && cases.length === 0 && !query.hasNextPage && (
        <p className="nothing">{NOTHING[shown]}</p>
      )}
      {cases.length > 0 && (
        <ul className="cases" aria-label={TABS[shown]}>
          {cases.map((one) => (
            <Row key={one.id} one={one} agent={agent} />
          ))}
        </ul>
      )}
      {query.hasNextPage && (
        <Button
          variant="default"
          loading={query.isFetchingNextPage}
          onClick={() => void query.fetchNextPage()}
        >
          Show older cases
        </Button>
      )}
    </main>
  );
}

/** Ended cases stay as the server lists them: the newest first. */
function arrange(found: Case[], shown: Shown, agent: string): Case[] {
  if (shown === "handed_back" || shown === "resolved") return found;
  return overdueFirst(shown === "mine" ? found.filter((one) => one.assignee === agent) : found);
}

function Row({ one, agent }: { one: Case; agent: string }) {
  const who = customerOf(one);
  const now = useNow();
  const isActive = one.status === "open" || one.status === "claimed";
  const isLate = isActive && one.clock !== null && new Date(one.clock.due_at).getTime() < now;
  return (
    <li className={isLate ? "case late" : "case"}>
      <Link to="/cases/$id" params={{ id: one.id }}>
        <span className="case-top">
          <Badge color={URGENCY_COLORS[one.urgency]} variant="light" size="sm">
            {one.urgency}
          </Badge>
          <strong>{aboutOf(one)}</strong>
          <span className="whose">
            <bdi>{who.name}</bdi>
            {who.tier && <span className="tier">{who.tier.toUpperCase()}</span>}
          </span>
        </span>
        <span className="excerpt" dir="auto">
          {lastWords(one)}
        </span>
      </Link>
      <span className="case-side">
        <span>{isActive ? <DueIn one={one} /> : <Ended one={one} />}</span>
        <span className="dim">
          {isActive && (
            <>
              waits <Distance at={one.created_at} since /> ·{" "}
            </>
          )}
          {spoken(one.queue)}
          {one.assignee && (
            <>
              {" · "}
              <bdi>{one.assignee === agent ? "you" : one.assignee}</bdi>
            </>
          )}
        </span>
      </span>
    </li>
  );
}

function Ended({ one }: { one: Case }) {
  if (!one.ended_at) return null;
  return (
    <>
      {one.status === "resolved" ? "Resolved" : "Handed back"} <Moment at={one.ended_at} />
    </>
  );
}

/** Return what the customer said last before the case was opened. */
function lastWords(one: Case): string {
  const said = one.brief?.transcript.findLast((message) => message.author === "customer");
  return said?.text ?? one.brief?.summary ?? "";
}
