import { Alert, Button, NativeSelect, Textarea, TextInput } from "@mantine/core";
import { useEffect, useId, useRef, useState, type FormEvent, type ReactNode } from "react";

import type { WholeCase } from "../client";
import { useAgent } from "../session/session";
import type { CommandName, Commands, Outcome } from "./commands";
import { dropDraft, keepDraft, useDraft } from "./drafts";

type Form = "reassign" | "snooze" | "resolve";

const HOUR = 3_600_000;
const RESTS: { label: string; until: () => Date }[] = [
  { label: "for an hour", until: () => new Date(Date.now() + HOUR) },
  { label: "for four hours", until: () => new Date(Date.now() + 4 * HOUR) },
  { label: "until tomorrow, 9:00", until: () => morning(1) },
  { label: "for three days, until 9:00", until: () => morning(3) },
  { label: "for a week, until 9:00", until: () => morning(7) },
];

/** The commands that end a case or give it to somebody else. */
export function Actions({ one, commands }: { one: WholeCase; commands: Commands }) {
  const agent = useAgent();
  const [form, setForm] = useState<Form | null>(null);
  const isMine = one.status === "claimed" && one.assignee === agent;
  const opener = useRef<HTMLButtonElement>(null);

  if (one.status !== "open" && one.status !== "claimed") return null;

  function close(): void {
    setForm(null);
    opener.current?.focus();
  }
  const toggle = (which: Form, words: string, isOffered: boolean) =>
    isOffered && (
      <Button
        variant="default"
        size="sm"
        aria-expanded={form === which}
        onClick={(event) => {
          opener.current = event.currentTarget;
          setForm(form === which ? null : which);
        }}
      >
        {words}
      </Button>
    );
  const plain = (name: "claim" | "release" | "hand-back", words: string, isOffered: boolean) =>
    isOffered && (
      <Button
        variant={name === "claim" ? "filled" : "default"}
        size="sm"
        loading={isSending(commands.outcome, name)}
        disabled={commands.isBusy}
        onClick={() => void commands.run(name, {})}
      >
        {words}
      </Button>
    );

  return (
    <div className="actions">
      <div className="buttons" role="group" aria-label="What to do with the case">
        {plain("claim", "Claim", one.status === "open")}
        {toggle("resolve", "Resolve…", isMine || one.status === "open")}
        {plain("hand-back", "Hand back to the bot", isMine)}
        {plain("release", "Put back in the queue", isMine)}
        {toggle("reassign", "Reassign…", true)}
        {toggle("snooze", "Snooze…", true)}
      </div>
      {form === "resolve" && <Resolve one={one} commands={commands} close={close} />}
      {form === "reassign" && <Reassign commands={commands} close={close} />}
      {form === "snooze" && <Snooze commands={commands} close={close} />}
    </div>
  );
}

interface Inside {
  commands: Commands;
  close: () => void;
}

function Resolve({ one, commands, close }: Inside & { one: WholeCase }) {
  const name = `${useAgent()}:${one.id}:resolve`;
  const { text } = useDraft(name);
  return (
    <Asked
      title="Resolve the case"
      words="Resolve"
      name="resolve"
      commands={commands}
      close={close}
      submit={async () => {
        const isDone = await commands.run("resolve", { reason: text });
        if (isDone) dropDraft(name);
        return isDone;
      }}
    >
      <Textarea
        label="Reason"
        description="Only colleagues see it. The customer is asked how content they are."
        autosize
        minRows={2}
        value={text}
        onChange={(event) => keepDraft(name, { text: event.currentTarget.value })}
      />
    </Asked>
  );
}

function Reassign({ commands, close }: Inside) {
  const [to, setTo] = useState("");
  return (
    <Asked
      title="Give the case to a colleague"
      words="Reassign"
      name="reassign"
      commands={commands}
      close={close}
      submit={() => commands.run("reassign", { to: to.trim() })}
    >
      <TextInput
        label="Colleague"
        description="The name they sign in with, or their Slack id."
        required
        maxLength={500}
        value={to}
        onChange={(event) => setTo(event.currentTarget.value)}
      />
    </Asked>
  );
}

function Snooze({ commands, close }: Inside) {
  const [chosen, setChosen] = useState(0);
  return (
    <Asked
      title="Let the case rest"
      words="Snooze"
      name="snooze"
      commands={commands}
      close={close}
      submit={() => commands.run("snooze", { until: RESTS[chosen]!.until().toISOString() })}
    >
      <NativeSelect
        label="How long"
        description="Its reminders rest with it."
        value={String(chosen)}
        data={RESTS.map((rest, place) => ({ value: String(place), label: rest.label }))}
        onChange={(event) => setChosen(Number(event.currentTarget.value))}
      />
    </Asked>
  );
}

/** A small form below the buttons; Escape closes it, and so does success. */
function Asked({ title, words, name, commands, close, submit, children }: Inside & {
  title: string;
  words: string;
  name: CommandName;
  submit: () => Promise<boolean>;
  children: ReactNode;
}) {
  const heading = useId();
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current?.querySelector<HTMLElement>("textarea, input, select")?.focus(), []);

  async function send(event: FormEvent): Promise<void> {
    event.preventDefault();
    if (await submit()) close();
  }
  return (
    <form
      ref={form}
      className="asked"
      aria-labelledby={heading}
      onSubmit={(event) => void send(event)}
      onKeyDown={(event) => event.key === "Escape" && close()}
    >
      <h2 id={heading}>{title}</h2>
      {children}
      <div className="buttons">
        <Button
          type="submit"
          size="sm"
          loading={isSending(commands.outcome, name)}
          disabled={commands.isBusy}
        >
          {words}
        </Button>
        <Button variant="default" size="sm" onClick={close}>
          Cancel
        </Button>
      </div>
    </form>
  );
}

const DONE: Record<CommandName, string> = {
  claim: "The case is yours. The bot says nothing more to the customer.",
  release: "The case is back in its queue.",
  reassign: "The case is with your colleague.",
  snooze: "The case rests.",
  reply: "Sent to the customer.",
  edit: "The customer sees the changed words.",
  note: "The note is kept.",
  "hand-back": "The bot answers what the customer writes from now on.",
  resolve: "The case is resolved.",
};

const SAID: CommandName[] = ["reply", "edit", "note"];

/** What became of the last command, beside where it was given; only what the server has said. */
export function Result({ commands, said = false }: { commands: Commands; said?: boolean }) {
  const { outcome } = commands;
  const name = outcome.is === "unknown" ? outcome.intention.name : "name" in outcome && outcome.name;
  if (!name || SAID.includes(name) !== said) return <div aria-live="polite" />;
  return (
    <div aria-live="polite">
      {outcome.is === "done" && (
        <Alert color="green" role="status" className="notice" withCloseButton closeButtonLabel="Close" onClose={commands.dismiss}>
          {DONE[outcome.name]}
          {outcome.answer.in_flight && outcome.answer.in_flight.length > 0 &&
            " The bot was just sending an answer; it may still arrive."}
        </Alert>
      )}
      {outcome.is === "refused" && (
        <Alert color="red" role="alert" className="notice" withCloseButton closeButtonLabel="Close" onClose={commands.dismiss}>
          {outcome.words}
        </Alert>
      )}
      {outcome.is === "unknown" && (
        <Alert color="yellow" role="alert" className="notice">
          {outcome.words} Nobody can tell whether it was done. Trying again does it once at most.{" "}
          <Button size="compact-sm" variant="default" onClick={commands.again}>
            Try again
          </Button>
        </Alert>
      )}
    </div>
  );
}

function isSending(outcome: Outcome, name: CommandName): boolean {
  return outcome.is === "sending" && outcome.name === name;
}

function morning(days: number): Date {
  const day = new Date();
  day.setDate(day.getDate() + days);
  day.setHours(9, 0, 0, 0);
  return day;
}
