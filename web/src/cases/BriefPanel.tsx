import { Link } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";

import type { Brief, Classification, Order, WholeCase } from "../client";
import { Moment } from "../words/Moment";
import { Plain } from "../words/Plain";
import { percent, spoken } from "../words/words";
import { Attachments } from "./Thread";

const isWide = () => window.matchMedia("(min-width: 60rem)").matches;

/** What the bot knew when it gave the case to people. */
export function BriefPanel({ one }: { one: WholeCase }) {
  const { brief } = one;
  const [isOpen, setOpen] = useState(isWide);
  return (
    <aside className="brief" aria-label="Brief">
      <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <h2>Brief</h2>
          {!isOpen && brief && <span className="gist">{brief.summary}</span>}
        </summary>
        {brief ? <Inside one={one} brief={brief} /> : <p>What the brief said has been erased.</p>}
      </details>
    </aside>
  );
}

function Inside({ one, brief }: { one: WholeCase; brief: Brief }) {
  return (
    <>
      <p className="summary">
        <Plain text={brief.summary} />
      </p>
      {brief.problems?.map((problem) => (
        <p key={problem} className="fate bad">
          {problem}
        </p>
      ))}
      <Part title="Why it came to you">
        <p>
          <Plain text={one.reason} />
        </p>
        {one.run_id && (
          <p>
            <Link to="/runs/$id" params={{ id: one.run_id }} search={{ case: one.id }}>
              What the bot did
            </Link>
          </p>
        )}
      </Part>
      <Customer brief={brief} />
      {brief.classification && <ReadAs read={brief.classification} />}
      {brief.parts && brief.parts.length > 0 && (
        <Part title="They asked for several things">
          <ul>
            {brief.parts.map((part) => (
              <li key={part.text}>
                <Plain text={part.text} />
                <p className="dim">
                  {part.outcome === "send" ? "Answered: " : "For you: "}
                  <Plain text={part.said ?? part.reason ?? ""} />
                </p>
              </li>
            ))}
          </ul>
        </Part>
      )}
      <Part title="Orders">
        {brief.orders.length === 0 ? (
          <p className="dim">No orders are on record.</p>
        ) : (
          <ul className="orders">
            {brief.orders.map((order) => (
              <OrderLine key={order.id} order={order} />
            ))}
          </ul>
        )}
      </Part>
      <Part title="What was tried">
        <ul>
          {brief.tried.map((tried, place) => (
            <li key={place}>{Object.values(tried).map(String).join(": ")}</li>
          ))}
        </ul>
      </Part>
      {brief.proposals && brief.proposals.length > 0 && (
        <Part title="Proposed before">
          <ul>
            {brief.proposals.map((proposal) => (
              <li key={proposal.approval}>
                {proposal.proposal}: {proposal.status}
                {proposal.by && ` by ${proposal.by}`}
              </li>
            ))}
          </ul>
        </Part>
      )}
      {brief.attachments && brief.attachments.length > 0 && (
        <Part title="Attachments">
          <Attachments files={brief.attachments} />
        </Part>
      )}
    </>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section>
      <h3>{title}</h3>
      {children}
    </section>
  );
}

function Customer({ brief }: { brief: Brief }) {
  const { verified, claimed, channel } = brief.customer;
  const name = verified?.name || claimed?.name;
  const email = verified?.email || claimed?.email;
  return (
    <Part title="Customer">
      <p>
        {name && <bdi>{name}</bdi>}
        {name && email && ", "}
        {email && <bdi>{email}</bdi>}
        {!name && !email && "Unknown"}
      </p>
      <p className={verified ? "dim" : "fate bad"}>
        {verified
          ? `Verified as ${verified.record ?? verified.id}${verified.tier ? `, ${verified.tier}` : ""}`
          : "Not verified: who they are is only what they say"}
      </p>
      <p className="dim">Writes from {channel}</p>
      {claimed?.emails_in_text && claimed.emails_in_text.length > 0 && (
        <p className="dim">Wrote in the text: {claimed.emails_in_text.join(", ")}</p>
      )}
    </Part>
  );
}

export function ReadAs({ read }: { read: Classification }) {
  return (
    <Part title="Read as">
      <p>
        {read.out_of_scope ? "Nothing that is known" : spoken(read.intent)} (
        {percent(read.confidence)} sure); {read.urgency}, {read.complexity}, {read.sentiment},{" "}
        {read.language}
        {read.risk !== "none" && `, risk: ${spoken(read.risk).toLowerCase()}`}
      </p>
      <ul className="dim">
        {read.reasons.map((reason) => (
          <li key={reason}>{reason}</li>
        ))}
      </ul>
    </Part>
  );
}

function OrderLine({ order }: { order: Order }) {
  return (
    <li>
      <strong>{order.id}</strong> {spoken(order.status).toLowerCase()}
      {order.value && ` · ${order.value} ${order.currency ?? ""}`}
      {order.tracking && ` · ${order.tracking}`}
      <p className="dim">
        {order.items.join(", ")}
        {order.delivered_at ? (
          <>
            {" · delivered "}
            <Moment at={order.delivered_at} />
          </>
        ) : (
          order.due_at && (
            <>
              {" · due "}
              <Moment at={order.due_at} />
            </>
          )
        )}
      </p>
    </li>
  );
}
