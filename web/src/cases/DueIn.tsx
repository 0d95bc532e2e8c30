import type { Case } from "../client";
import { Distance, Moment, useNow } from "../words/Moment";

const WANTED = { first: "Answer", resolve: "Resolve" };

/** By when a case wants what; it moves on by itself. */
export function DueIn({ one }: { one: Case }) {
  const now = useNow();
  if (one.snoozed_until && new Date(one.snoozed_until).getTime() > now) {
    return (
      <>
        Rests until <Moment at={one.snoozed_until} />
      </>
    );
  }
  if (!one.clock) return <>No time is set</>;
  if (new Date(one.clock.due_at).getTime() < now) {
    return (
      <strong className="overdue">
        Overdue: was due <Distance at={one.clock.due_at} />
      </strong>
    );
  }
  return (
    <>
      {WANTED[one.clock.target]} <Distance at={one.clock.due_at} />
      {one.clock.paused === "closed" && <span className="dim"> (closed now)</span>}
    </>
  );
}
