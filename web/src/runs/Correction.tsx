import { Alert, Button, NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";

import { answered, client, NoAnswer, Refusal, type Run } from "../client";
import { useAgent } from "../session/session";
import { spoken } from "../words/words";

/** Says what a message was really about; it becomes a proposed example for the classifier. */
export function Correction({ run }: { run: Run }) {
  const agent = useAgent();
  const [isOpen, setOpen] = useState(false);
  const [intent, setIntent] = useState("");
  const [part, setPart] = useState(0);
  const [isSending, setSending] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const [thanks, setThanks] = useState<string | null>(null);
  const intents = useQuery({
    queryKey: ["intents"],
    queryFn: () => answered(client.GET("/v1/intents")),
    enabled: isOpen,
    staleTime: 60_000,
  });

  if (!run.classification) return null;

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    setSending(true);
    setProblem(null);
    try {
      const params = { path: { id: run.id } };
      const body = { agent, intent, part };
      const kept = await answered(client.POST("/v1/runs/{id}/correct", { params, body }));
      setThanks(`Noted: this was about ${spoken(kept.intent ?? intent).toLowerCase()}. It is proposed as an example; once somebody accepts it, the bot learns from it.`);
      setOpen(false);
    } catch (error) {
      if (!(error instanceof Refusal || error instanceof NoAnswer)) throw error;
      setProblem(
        error instanceof Refusal && error.status === 409
          ? `${error.message}. Your correction was not kept.`
          : error.message,
      );
    } finally {
      setSending(false);
    }
  }

  return (
    <div className="correction" aria-live="polite">
      {thanks && (
        <Alert color="green" role="status" className="notice">
          {thanks}
        </Alert>
      )}
      <Button size="sm" variant="default" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        This was about something else…
      </Button>
      {isOpen && (
        <form className="asked" aria-label="Correct what it was about" onSubmit={(event) => void submit(event)}>
          {run.parts.length > 1 && (
            <NativeSelect
              label="Which part"
              value={String(part)}
              data={run.parts.map((one, place) => ({
                value: String(one["number"] ?? place),
                label: String(one["text"] ?? `Part ${place + 1}`),
              }))}
              onChange={(event) => setPart(Number(event.currentTarget.value))}
            />
          )}
          <NativeSelect
            label="What it was really about"
            required
            value={intent}
            disabled={!intents.data}
            data={[
              { value: "", label: intents.isPending ? "Looking for the intents…" : "Choose" },
              ...(intents.data?.items ?? []).map((one) => ({
                value: one.name,
                label: one.description ? `${spoken(one.name)}: ${one.description}` : spoken(one.name),
              })),
            ]}
            onChange={(event) => setIntent(event.currentTarget.value)}
          />
          {(problem ?? intents.error) && (
            <Alert color="red" role="alert" className="notice">
              {problem ?? intents.error?.message}
            </Alert>
          )}
          <div className="buttons">
            <Button type="submit" size="sm" loading={isSending} disabled={!intent}>
              Correct it
            </Button>
            <Button size="sm" variant="default" onClick={() => setOpen(false)}>
              Cancel
            </Button>
          </div>
        </form>
      )}
    </div>
  );
}
