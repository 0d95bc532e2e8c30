import { Alert, Button, Textarea, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useId, useState } from "react";

import { answered, client, NoAnswer, Refusal, type Approval } from "../client";
import { useAgent } from "../session/session";
import { Distance } from "../words/Moment";
import { Plain } from "../words/Plain";
import { dropDraft, keepDraft, useDraft } from "./drafts";

/** A draft or an action that waits for somebody's decision. */
export function ApprovalCard({ one }: { one: Approval }) {
  const agent = useAgent();
  const queries = useQueryClient();
  const heading = useId();
  const name = `${agent}:${one.id}:approval`;
  const edited = useDraft(name);
  const [isEditing, setEditing] = useState(Boolean(edited.text));
  const [isRejecting, setRejecting] = useState(false);
  const [reason, setReason] = useState("");
  const [doing, setDoing] = useState<"release" | "reject" | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const text = edited.text || one.draft || "";

  async function decide(what: "release" | "reject"): Promise<void> {
    setDoing(what);
    setProblem(null);
    const params = { path: { id: one.id } };
    try {
      if (what === "release") {
        const words = isEditing && text !== one.draft ? { text } : {};
        const body = { agent, ...words };
        await answered(client.POST("/v1/approvals/{id}/release", { params, body }));
      } else {
        const body = { agent, reason };
        await answered(client.POST("/v1/approvals/{id}/reject", { params, body }));
      }
      dropDraft(name);
    } catch (error) {
      setProblem(words(error));
    } finally {
      setDoing(null);
      // The card stays until the list without it has come, so that no words are lost on the way.
      await Promise.all(
        [["approvals"], ["case"], ["conversation"]].map((queryKey) =>
          queries.invalidateQueries({ queryKey }),
        ),
      );
    }
  }

  return (
    <section className="approval" aria-labelledby={heading}>
      <h2 id={heading}>
        {one.proposal ? `Approve: ${one.proposal.description}` : "A reply waits for your approval"}
      </h2>
      {one.expires_at && (
        <p className="dim">
          Decide <Distance at={one.expires_at} />, else it goes to an agent ·{" "}
          <Link to="/runs/$id" params={{ id: one.run_id }}>
            What the bot did
          </Link>
        </p>
      )}
      {one.proposal && (
        <dl className="facts">
          <dt>Exactly this is done</dt>
          <dd>{one.proposal.description}</dd>
          {one.proposal.why && (
            <>
              <dt>Because</dt>
              <dd>
                <Plain text={one.proposal.why} />
              </dd>
            </>
          )}
        </dl>
      )}
      {one.reasons.length > 0 && <p className="dim">The check says: {one.reasons.join("; ")}</p>}
      {one.messages_since.length > 0 && (
        <Alert color="yellow" className="notice">
          The customer has written since:
          {one.messages_since.map((message) => (
            <p key={message.id}>
              <Plain text={message.text} />
            </p>
          ))}
        </Alert>
      )}
      {isEditing ? (
        <Textarea
          label={one.proposal ? "Then this is sent" : "What is sent"}
          autosize
          minRows={3}
          dir="auto"
          value={text}
          onChange={(event) => keepDraft(name, { text: event.currentTarget.value })}
        />
      ) : (
        text && (
          <blockquote>
            <Plain text={text} />
          </blockquote>
        )
      )}
      {isRejecting && (
        <TextInput
          label="Reason"
          description="Colleagues see it; an agent takes the conversation."
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
      )}
      {problem && (
        <Alert color="red" role="alert" className="notice">
          {problem}
        </Alert>
      )}
      <div className="buttons">
        {!isRejecting && (
          <Button size="sm" loading={doing === "release"} disabled={doing !== null} onClick={() => void decide("release")}>
            {one.proposal ? "Approve and do it" : isEditing ? "Send as edited" : "Approve and send"}
          </Button>
        )}
        {!isEditing && !isRejecting && one.draft && (
          <Button size="sm" variant="default" onClick={() => setEditing(true)}>
            Edit the words
          </Button>
        )}
        {isRejecting ? (
          <>
            <Button size="sm" color="red" loading={doing === "reject"} disabled={doing !== null} onClick={() => void decide("reject")}>
              Reject
            </Button>
            <Button size="sm" variant="default" onClick={() => setRejecting(false)}>
              Cancel
            </Button>
          </>
        ) : (
          <Button size="sm" variant="default" onClick={() => setRejecting(true)}>
            Reject…
          </Button>
        )}
      </div>
    </section>
  );
}

function words(error: unknown): string {
  if (error instanceof NoAnswer) {
    return `${error.message} Nobody can tell whether it was decided; the list shows it in a moment. Deciding again does nothing twice.`;
  }
  if (error instanceof Refusal) return `${error.message}. Nothing was sent; your words are kept.`;
  throw error;
}
