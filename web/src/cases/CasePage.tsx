import { Alert, Badge, Button, Loader } from "@mantine/core";
import { getRouteApi, Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { Refusal, type WholeCase } from "../client";
import { useAgent } from "../session/session";
import { Distance, Moment } from "../words/Moment";
import { Plain } from "../words/Plain";
import { useTitle } from "../words/title";
import { aboutOf, customerOf, spoken, STATUSES, URGENCY_COLORS } from "../words/words";
import { Actions, Result } from "./Actions";
import { ApprovalCard } from "./ApprovalCard";
import { BriefPanel } from "./BriefPanel";
import { useApprovals, useCase, useNews } from "./cases";
import { useCommands } from "./commands";
import { Composer } from "./Composer";
import { DueIn } from "./DueIn";
import { Thread } from "./Thread";

const route = getRouteApi("/cases/$id");

/** One case, where a deep link from Slack leads. */
export function CasePage(): ReactNode {
  const { id } = route.useParams();
  const query = useCase(id);

  if (query.data) return <Loaded key={id} one={query.data} problem={query.error} />;
  return (
    <main className="page">
      <p>
        <Link to="/cases">All cases</Link>
      </p>
      {query.error ? (
        <Alert color="red" role="alert">
          {query.error instanceof Refusal && query.error.status === 404
            ? "There is no such case, or it has been erased."
            : `The case could not be read: ${query.error.message}`}{" "}
          <Button size="compact-sm" variant="default" onClick={() => void query.refetch()}>
            Try again
          </Button>
        </Alert>
      ) : (
        <p className="waiting" role="status">
          <Loader size="sm" /> Opening the case…
        </p>
      )}
    </main>
  );
}

function Loaded({ one, problem }: { one: WholeCase; problem: Error | null }) {
  const commands = useCommands(one);
  const { isBotWorking } = useNews(one.conversation_id);
  const approvals = useApprovals();
  const who = customerOf(one);
  useTitle(`${aboutOf(one)}, ${who.name}`);

  return (
    <main className="page case-page">
      <header className="case-head">
        <p className="crumbs">
          <Link to="/cases">Cases</Link>
        </p>
        <h1>
          {aboutOf(one)} · <bdi>{who.name}</bdi>{" "}
          {who.tier && <span className="tier">{who.tier.toUpperCase()}</span>}
        </h1>
        <div className="standing">
          <Badge color={URGENCY_COLORS[one.urgency]} variant="light">
            {one.urgency}
          </Badge>
          <Standing one={one} />
        </div>
        <Actions one={one} commands={commands} />
        <Result commands={commands} />
        {problem && (
          <Alert color="yellow" role="status" className="notice">
            This page is not up to date: {problem.message} It is tried again by itself.
          </Alert>
        )}
      </header>
      <div className="case-talk">
        {approvals.data
          ?.filter((each) => each.conversation_id === one.conversation_id)
          .map((each) => <ApprovalCard key={each.id} one={each} />)}
        <Thread
          messages={one.messages}
          deliveries={one.deliveries}
          customer={who.name}
          isBotWorking={isBotWorking}
          caseId={one.id}
          commands={one.status === "open" || one.status === "claimed" ? commands : undefined}
        />
        <Presence one={one} />
        <Composer one={one} commands={commands} />
      </div>
      <BriefPanel one={one} />
    </main>
  );
}

/** Who has the case, since when, and until when it wants what. */
function Standing({ one }: { one: WholeCase }) {
  const agent = useAgent();
  const who = one.assignee === agent ? "you" : one.assignee;
  if (one.status === "resolved" || one.status === "handed_back") {
    return (
      <span>
        {STATUSES[one.status]}
        {who && ` by ${who}`} {one.ended_at && <Moment at={one.ended_at} />}
        {one.end_reason && (
          <>
            : <Plain text={one.end_reason} />
          </>
        )}
      </span>
    );
  }
  return (
    <>
      <span>
        {one.status === "claimed" ? (
          <>
            With <bdi>{who}</bdi>
          </>
        ) : (
          <>Waits in {spoken(one.queue)}</>
        )}
      </span>
      <span>
        for <Distance at={one.claimed_at ?? one.created_at} since />
      </span>
      <span>
        <DueIn one={one} />
      </span>
    </>
  );
}

function Presence({ one }: { one: WholeCase }) {
  if (one.presence.away === null) return null;
  return (
    <p className="presence dim">
      {one.presence.away ? "The customer's page is closed" : "The customer's page is open"}
      {one.presence.away && one.presence.seen_at && (
        <>
          ; last seen <Distance at={one.presence.seen_at} />
        </>
      )}
    </p>
  );
}
