import { Alert, Button, PasswordInput, TextInput } from "@mantine/core";
import { useEffect, useRef, useState, type FormEvent } from "react";

import { session } from "./session";

const LAST_NAME = "frontdesk:agent";

/** The door: a key, and the name that colleagues and customers are to see. */
export function SignIn({ ended, reason }: { ended: boolean; reason: string | undefined }) {
  const [key, setKey] = useState("");
  const [agent, setAgent] = useState(() => localStorage.getItem(LAST_NAME) ?? "");
  const [problem, setProblem] = useState<string | null>(reason ?? null);
  const [isSending, setSending] = useState(false);
  const first = useRef<HTMLInputElement>(null);

  useEffect(() => first.current?.focus(), []);

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    setSending(true);
    const refused = await session.signIn({ key, agent: agent.trim() });
    setSending(false);
    setProblem(refused);
    if (refused === null) localStorage.setItem(LAST_NAME, agent.trim());
  }

  return (
    <main className="door">
      <form className="card" onSubmit={submit} aria-labelledby="door-title">
        <img src="/console/favicon.svg" alt="" width="44" height="44" />
        <h1 id="door-title">Sign in to Frontdesk</h1>
        {ended && (
          <Alert color="yellow" role="status">
            Your session has ended. Sign in again and you are back where you were; what you have
            typed is kept.
          </Alert>
        )}
        {problem && (
          <Alert color="red" role="alert">
            {problem}
          </Alert>
        )}
        <TextInput
          ref={first}
          label="Your name"
          description="Colleagues and customers see it beside what you write."
          autoComplete="name"
          maxLength={120}
          required
          value={agent}
          onChange={(event) => setAgent(event.currentTarget.value)}
        />
        <PasswordInput
          label="Admin key"
          description="FRONTDESK_ADMIN_KEY of this installation; the demo prints its own."
          autoComplete="current-password"
          required
          value={key}
          onChange={(event) => setKey(event.currentTarget.value)}
        />
        <Button type="submit" loading={isSending} disabled={!key || !agent.trim()}>
          Sign in
        </Button>
      </form>
    </main>
  );
}
