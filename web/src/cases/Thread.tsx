import { Link } from "@tanstack/react-router";
import { useEffect, useLayoutEffect, useRef } from "react";

import type { Attachment, Delivery, Message } from "../client";
import { useAgent } from "../session/session";
import { Moment } from "../words/Moment";
import { Outside, Plain } from "../words/Plain";
import { DELIVERIES } from "../words/words";
import type { Commands } from "./commands";
import { EditReply } from "./EditReply";

interface Props {
  messages: Message[];
  deliveries: Delivery[];
  customer: string;
  isBotWorking: boolean;
  caseId?: string;
  /** There where what an agent has said may be changed. */
  commands?: Commands | undefined;
}

const NEAR_THE_END = 80;

/** The whole conversation: what the customer sees, and apart from it what only agents see. */
export function Thread({ messages, deliveries, customer, isBotWorking, caseId, commands }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const wasAtEnd = useRef(true);
  const said = messages.toSorted((one, other) => one.seq - other.seq);
  const last = said.at(-1)?.id;

  // What comes in moves nobody who reads further up.
  useLayoutEffect(() => {
    const box = scroller.current;
    if (box && wasAtEnd.current) box.scrollTop = box.scrollHeight;
  }, [last, isBotWorking]);
  useEffect(() => {
    const box = scroller.current;
    if (!box) return;
    const note = () => {
      wasAtEnd.current = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_THE_END;
    };
    box.addEventListener("scroll", note, { passive: true });
    return () => box.removeEventListener("scroll", note);
  }, []);

  return (
    <div ref={scroller} className="thread" role="region" aria-label="Conversation" tabIndex={0}>
      <div role="log" aria-label="What was said" aria-live="polite" aria-relevant="additions">
        <ol>
          {said.map((message) => (
            <Said
              key={message.id}
              message={message}
              customer={customer}
              caseId={caseId}
              commands={commands}
              delivery={deliveries.findLast((one) => one.message_id === message.id)}
            />
          ))}
        </ol>
      </div>
      {isBotWorking && (
        <p className="dim" role="status">
          The bot is working on an answer…
        </p>
      )}
    </div>
  );
}

function Said({ message, customer, caseId, commands, delivery }: {
  message: Message;
  customer: string;
  caseId: string | undefined;
  commands: Commands | undefined;
  delivery: Delivery | undefined;
}) {
  const agent = useAgent();
  const isNote = (message.audience ?? "customer") !== "customer";
  const isMine = message.author === "agent" && !isNote && message.author_name === agent;
  return (
    <li className={`said ${isNote ? "note" : message.author}`}>
      <p className="said-head">
        <strong>
          <bdi>{authorOf(message, customer, agent)}</bdi>
        </strong>
        {isNote && <span className="note-mark">Internal: the customer does not see this</span>}
        <Moment at={message.at} />
        {message.author === "bot" && message.run_id && (
          <Link
            to="/runs/$id"
            params={{ id: message.run_id }}
            search={caseId ? { case: caseId } : {}}
          >
            What it did
          </Link>
        )}
      </p>
      {message.text && (
        <p className="said-text">
          <Plain text={message.text} />
        </p>
      )}
      {message.attachments && <Attachments files={message.attachments} />}
      {message.citations.length > 0 && (
        <p className="dim">
          Rests on{" "}
          {message.citations.map((one, place) => (
            <span key={one.id}>
              {place > 0 && ", "}
              <Outside href={one.url ?? ""}>{one.title}</Outside>
            </span>
          ))}
        </p>
      )}
      {delivery && <Fate delivery={delivery} />}
      {isMine && commands && <EditReply message={message} commands={commands} />}
    </li>
  );
}

function authorOf(message: Message, customer: string, agent: string): string {
  if (message.author === "customer") return message.author_name || customer;
  if (message.author === "bot") return "Bot";
  if (message.author === "system") return "Frontdesk";
  return message.author_name === agent ? `${agent} (you)` : (message.author_name ?? "An agent");
}

/** How a message fares on its way; whether it arrived is never guessed. */
function Fate({ delivery }: { delivery: Delivery }) {
  const isBad = delivery.status === "failed" || delivery.status === "unconfirmed";
  const words = `${DELIVERIES[delivery.status]}${delivery.error && isBad ? `: ${delivery.error}` : ""}`;
  return <p className={isBad ? "fate bad" : "fate"}>{words}</p>;
}

export function Attachments({ files }: { files: Attachment[] }) {
  return (
    <ul className="files" aria-label="Attachments">
      {files.map((file) => (
        <li key={file.id}>
          {file.url === null ? (
            <a href={`/v1/attachments/${encodeURIComponent(file.id)}`} download>
              {file.name}
            </a>
          ) : (
            <>
              <Outside href={file.url}>{file.name}</Outside>{" "}
              <span className="dim">(elsewhere on the web; nobody has looked into it)</span>
            </>
          )}{" "}
          <span className="dim">
            {file.type}
            {file.size !== null && `, ${size(file.size)}`}
          </span>
        </li>
      ))}
    </ul>
  );
}

function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1_000_000 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
