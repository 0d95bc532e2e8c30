import { screen, within } from "@testing-library/react";
import { beforeEach, expect, it } from "vitest";

import type { Run } from "../client";
import { openPage } from "../testing/page";
import { Server } from "../testing/server";

const RUN: Run = {
  id: "run-1",
  conversation_id: "conversation-1",
  status: "done",
  workflow: { name: "support", version: 3 },
  route: "simple",
  rule: "sure and simple",
  rules_tried: [],
  classification: null,
  parts: [],
  outcome: "send",
  input: null,
  output: null,
  error: null,
  text: "where is <b>my</b> order?",
  messages: [],
  cost: "0.00042",
  premium_cost: "0.006",
  started_at: "2026-11-30T21:00:00Z",
  finished_at: "2026-11-30T21:00:02.5Z",
  decisions: [
    {
      node: "route",
      part: 0,
      visit: 1,
      exit: "simple",
      rule: "sure and simple",
      asks: "the complexity is simple",
      because: "complexity is simple",
      tried: [
        {
          rule: "risky or asked for a person",
          asks: "the customer asks for a person",
          failed_on: "wants_human is false, needs true",
        },
      ],
      met: {},
    },
  ],
  steps: [
    {
      node: "route",
      kind: "route",
      part: 0,
      visit: 1,
      status: "finished",
      exit: "simple",
      attempt: 1,
      started_at: "2026-11-30T21:00:00Z",
      ms: 0.2,
      input: {},
      output: {},
      error: null,
      model_calls: [],
    },
    {
      node: "answer",
      kind: "reply",
      part: 0,
      visit: 1,
      status: "finished",
      exit: "drafted",
      attempt: 1,
      started_at: "2026-11-30T21:00:01Z",
      ms: 1700,
      input: { text: "<script>alert(1)</script>" },
      output: {},
      error: null,
      model_calls: [
        {
          tier: "light",
          model: "small-1",
          purpose: "reply",
          attempt: 1,
          status: "failed",
          tokens_in: null,
          tokens_out: null,
          cost: null,
          ms: 30,
          error: "rate limited",
        },
        {
          tier: "light",
          model: "small-1",
          purpose: "reply",
          attempt: 2,
          status: "finished",
          tokens_in: 812,
          tokens_out: 64,
          cost: "0.00042",
          ms: 1600,
          error: null,
        },
      ],
    },
  ],
};

beforeEach(() => {
  new Server().answers["/v1/runs/run-1"] = RUN;
});

it("tells each step, why it went that way, and what the models were asked", async () => {
  await openPage("/console/runs/run-1?case=case-1");

  const [route, , answer] = await screen.findAllByRole("listitem");
  expect(route?.textContent).toContain("→ simple");
  expect(route?.textContent).toContain("By “sure and simple”: complexity is simple");
  expect(route?.textContent).toContain("wants_human is false, needs true");
  const [, failed, paid] = within(answer!).getAllByRole("row");
  expect(failed?.textContent).toContain("rate limited");
  expect(failed?.textContent).toContain("unknown");
  expect(paid?.textContent).toContain("812");
  expect(paid?.textContent).toContain("$0.00042");
  expect(document.querySelector("script")).toBeNull();
  expect(screen.getByText("where is <b>my</b> order?")).toBeTruthy();
});

it("leads back to the case that one came from", async () => {
  await openPage("/console/runs/run-1?case=case-1");

  const back = await screen.findByRole<HTMLAnchorElement>("link", { name: "The case" });

  expect(back.pathname).toBe("/console/cases/case-1");
});
