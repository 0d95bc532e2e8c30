import { Alert, Button, Loader } from "@mantine/core";
import { getRouteApi, Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { Distance } from "../words/Moment";
import { useTitle } from "../words/title";
import { ApprovalCard } from "./ApprovalCard";
import { useApprovals, useConversation, useNews } from "./cases";
import { Thread } from "./Thread";

const route = getRouteApi("/conversations/$id");

/** All drafts and proposals that wait, each leading to its conversation. */
export function Approvals(): ReactNode {
  const query = useApprovals();
  useTitle("Approvals");
  return (
    <main className="page">
      <h1>Approvals</h1>
      {query.error && (
        <Alert color="red" role="alert" className="notice">
          {query.data ? "This list is not up to date: " : "The approvals could not be read: "}
          {query.error.message}{" "}
          <Button size="compact-sm" variant="default" onClick={() => void query.refetch()}>
            Try again
          </Button>
        </Alert>
      )}
      {query.isPending && !query.error && (
        <p className="waiting" role="status">
          <Loader size="sm" /> Looking for approvals…
        </p>
      )}
      {query.data?.length === 0 && <p className="nothing">Nothing waits for an approval.</p>}
      <ul className="cases" aria-label="Approvals">
        {query.data?.map((one) => (
          <li key={one.id} className="case">
            <Link to="/conversations/$id" params={{ id: one.conversation_id }}>
              <span className="case-top">
                <strong>{one.proposal?.description ?? "A reply"}</strong>
              </span>
              <span className="excerpt" dir="auto">
                {one.draft}
              </span>
            </Link>
            <span className="case-side">
              {one.expires_at && (
                <span>
                  decide <Distance at={one.expires_at} />
                </span>
              )}
            </span>
          </li>
        ))}
      </ul>
    </main>
  );
}

/** A conversation with what waits in it, whether it has a case or not. */
export function ConversationPage(): ReactNode {
  const { id } = route.useParams();
  const query = useConversation(id);
  const approvals = useApprovals();
  const { isBotWorking } = useNews(id);
  const customer = query.data?.customer.name || query.data?.customer.email || "A visitor";
  useTitle(`Conversation with ${customer}`);
  const waiting = approvals.data?.filter((each) => each.conversation_id === id) ?? [];

  return (
    <main className="page">
      <p className="crumbs">
        <Link to="/approvals">Approvals</Link>
      </p>
      <h1>
        Conversation with <bdi>{customer}</bdi>
      </h1>
      {query.error && (
        <Alert color="red" role="alert" className="notice">
          The conversation could not be read: {query.error.message}
        </Alert>
      )}
      {query.isPending && !query.error && (
        <p className="waiting" role="status">
          <Loader size="sm" /> Opening the conversation…
        </p>
      )}
      {query.data && waiting.length === 0 && (
        <p className="dim">Nothing waits for a decision here any more.</p>
      )}
      {waiting.map((each) => (
        <ApprovalCard key={each.id} one={each} />
      ))}
      {query.data && (
        <Thread
          messages={query.data.messages}
          deliveries={query.data.deliveries ?? []}
          customer={customer}
          isBotWorking={isBotWorking}
        />
      )}
    </main>
  );
}
