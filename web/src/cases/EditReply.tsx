import { Button, Textarea } from "@mantine/core";
import { useEffect, useRef, useState, type FormEvent } from "react";

import type { Message } from "../client";
import { useAgent } from "../session/session";
import type { Commands } from "./commands";
import { dropDraft, keepDraft, useDraft } from "./drafts";

/** Changes the words of a reply of one's own; the customer sees what it says since. */
export function EditReply({ message, commands }: { message: Message; commands: Commands }) {
  const name = `${useAgent()}:${message.id}:edit`;
  const draft = useDraft(name);
  const [isOpen, setOpen] = useState(Boolean(draft.text));
  const form = useRef<HTMLFormElement>(null);

  useEffect(() => {
    if (isOpen) form.current?.scrollIntoView({ block: "nearest" });
  }, [isOpen]);

  function close(): void {
    dropDraft(name);
    setOpen(false);
  }
  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    const words = { message_id: message.id, text: draft.text };
    if (await commands.run("edit", words)) close();
  }

  if (!isOpen) {
    const open = () => {
      keepDraft(name, { text: message.text });
      setOpen(true);
    };
    return (
      <Button size="compact-xs" variant="default" onClick={open}>
        Change
      </Button>
    );
  }
  return (
    <form
      ref={form}
      className="change"
      aria-label="Change the reply"
      onSubmit={(event) => void submit(event)}
      onKeyDown={(event) => event.key === "Escape" && close()}
    >
      <Textarea
        aria-label="Changed reply"
        autosize
        autoFocus
        minRows={2}
        dir="auto"
        value={draft.text}
        onChange={(event) => keepDraft(name, { text: event.currentTarget.value })}
      />
      <div className="buttons">
        <Button
          type="submit"
          size="compact-sm"
          disabled={commands.isBusy || !draft.text.trim() || draft.text === message.text}
        >
          Change it
        </Button>
        <Button size="compact-sm" variant="default" onClick={close}>
          Cancel
        </Button>
      </div>
    </form>
  );
}
