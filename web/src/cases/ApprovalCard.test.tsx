import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it } from "vitest";

import type { Approval, Conversation } from "../client";
import { openPage } from "../testing/page";
import { message, problem, Server } from "../testing/server";

const ADDRESS = "/console/conversations/conversation-1";
const APPROVAL: Approval = {
  id: "approval-1",
  run_id: "run-1",
  part: 0,
  conversation_id: "conversation-1",
  status: "open",
  expires_at: null,
  draft: "We give you 59.90 USD back.",
  reasons: ["an action needs a human"],
  proposal: {
    action: "refund",
    arguments: { order: "1043", amount: "59.90" },
    description: "refund 59.90 USD on order 1043",
    why: "delivered broken",
  },
  outcome: null,
  reference: null,
  messages_since: [message({ id: "m-9", text: "and hurry up" })],
  decided_by: null,
  reason: null,
};
const CONVERSATION: Conversation = {
  id: "conversation-1",
  channel: "webhook",
  conversation: "shop-1",
  status: "open",
  resolution: null,
  customer: { id: "C-1001", email: "ana@example.com", name: "Ana Ruiz", verified: true },
  assignee: null,
  previous_id: null,
  rating: null,
  created_at: "2026-11-30T21:00:00Z",
  changed_at: "2026-11-30T21:00:00Z",
  messages: [message()],
};

let server: Server;
beforeEach(() => {
  server = new Server();
  server.answers["/v1/approvals"] = { items: [APPROVAL], next: null };
  server.answers["/v1/conversations/conversation-1"] = CONVERSATION;
});

const press = async (name: string) => userEvent.click(await screen.findByRole("button", { name }));

it("shows exactly what will be done, and what the customer wrote since", async () => {
  await openPage(ADDRESS);

  expect(await screen.findByText("Approve: refund 59.90 USD on order 1043")).toBeTruthy();
  expect(screen.getByText("delivered broken")).toBeTruthy();
  expect(screen.getByText("and hurry up")).toBeTruthy();
});

it("sends no words where none were changed", async () => {
  server.then(() => Response.json({ ...APPROVAL, status: "released" }));
  await openPage(ADDRESS);

  await press("Approve and do it");

  expect(server.commands.map((sent) => [sent.path, sent.body])).toEqual([
    ["/v1/approvals/approval-1/release", { agent: "Maria" }],
  ]);
});

it("keeps the changed words where another was first", async () => {
  server.then(() => problem(409, "the approval is rejected by Ben"));
  await openPage(ADDRESS);
  await press("Edit the words");
  await userEvent.type(screen.getByLabelText("Then this is sent"), " Sorry!");

  await press("Approve and do it");

  expect(await screen.findByText(/the approval is rejected by Ben/)).toBeTruthy();
  const box = screen.getByLabelText<HTMLTextAreaElement>("Then this is sent");
  expect(box.value).toBe("We give you 59.90 USD back. Sorry!");
});
