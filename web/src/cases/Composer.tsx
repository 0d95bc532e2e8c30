import { Button, SegmentedControl, Textarea } from "@mantine/core";
import { useState, type FormEvent, type KeyboardEvent } from "react";

import type { WholeCase } from "../client";
import { useAgent } from "../session/session";
import { Plain } from "../words/Plain";
import { Result } from "./Actions";
import type { Commands } from "./commands";
import { keepDraft, useDraft } from "./drafts";

type Kind = "reply" | "note";

/** Where an agent writes: to the customer or to colleagues, and never one in place of the other. */
export function Composer({ one, commands }: { one: WholeCase; commands: Commands }) {
  const agent = useAgent();
  const isMine = one.status === "claimed" && one.assignee === agent;
  const [chosen, setChosen] = useState<Kind>("reply");
  const name = `${agent}:${one.id}:${chosen}`;
  const draft = useDraft(name);
  const isOver = one.status === "handed_back" || one.status === "resolved";
  if (isOver && !draft.text) return <Result commands={commands} said />;

  const suggestion = isMine && chosen === "reply" ? one.brief?.suggested_reply : null;
  const mayBeSent = !isOver && (chosen === "note" || isMine);
  const isSending = commands.outcome.is === "sending" && commands.outcome.name === chosen;

  async function submit(event?: FormEvent): Promise<void> {
    event?.preventDefault();
    if (mayBeSent && draft.text.trim() && !commands.isBusy) await commands.say(chosen, name);
  }
  function sendByKeys(event: KeyboardEvent): void {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void submit();
  }
  function write(text: string): void {
    keepDraft(name, { ...draft, text });
  }

  return (
    <form className={`composer ${chosen}`} onSubmit={(event) => void submit(event)}>
      {suggestion && draft.text !== suggestion && (
        <div className="suggestion">
          <p>
            <strong>Suggested reply</strong>{" "}
            <Button size="compact-sm" variant="default" onClick={() => write(suggestion)}>
              {draft.text ? "Replace my text with it" : "Use it"}
            </Button>
          </p>
          <p>
            <Plain text={suggestion} />
          </p>
        </div>
      )}
      <SegmentedControl
        size="sm"
        aria-label="Who reads it"
        value={chosen}
        onChange={(value) => setChosen(value === "note" ? "note" : "reply")}
        data={[
          { value: "reply", label: "Reply to the customer" },
          { value: "note", label: "Internal note" },
        ]}
      />
      <Textarea
        aria-label={chosen === "reply" ? "Reply to the customer" : "Internal note"}
        placeholder={chosen === "reply" ? "Write to the customer…" : "Only colleagues see this…"}
        autosize
        minRows={2}
        maxRows={10}
        dir="auto"
        value={draft.text}
        onChange={(event) => write(event.currentTarget.value)}
        onKeyDown={sendByKeys}
      />
      <Result commands={commands} said />
      <div className="buttons">
        <Button type="submit" loading={isSending} disabled={!mayBeSent || !draft.text.trim() || commands.isBusy}>
          {chosen === "reply" ? "Send to the customer" : "Keep the note"}
        </Button>
        <span className="dim">{hint(one, chosen, isMine, agent, Boolean(draft.text))}</span>
      </div>
    </form>
  );
}

function hint(one: WholeCase, kind: Kind, isMine: boolean, agent: string, hasText: boolean): string {
  const kept = hasText ? " Your text is kept." : "";
  if (one.status === "resolved" || one.status === "handed_back") return `The case is over.${kept}`;
  if (kind === "note" || isMine) return "Ctrl+Enter sends";
  if (one.status === "open") return `Claim the case to answer.${kept}`;
  return one.assignee && one.assignee !== agent ? `${one.assignee} has the case.${kept}` : kept;
}
