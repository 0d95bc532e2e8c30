import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it } from "vitest";

import type { Case } from "../client";
import { openPage } from "../testing/page";
import { Server, wholeCase } from "../testing/server";
import { overdueFirst } from "./cases";

const HOUR = 3_600_000;

let server: Server;
beforeEach(() => {
  server = new Server();
});

function caseDue(id: string, hours: number, fields: Partial<Case> = {}): Case {
  const due_at = new Date(Date.now() + hours * HOUR).toISOString();
  const clock = { target: "first" as const, due_at, share: 0.5, paused: null };
  return wholeCase({ id, status: "open", assignee: null, clock, ...fields });
}

function list(items: Case[]): void {
  server.answers["/v1/escalations"] = { items, next: null };
}

it("shows those first whose time is over, and says so", async () => {
  list([caseDue("later", 5), caseDue("soon", 1), caseDue("over", -2)]);
  await openPage("/console/cases");

  const rows = within(await screen.findByRole("list", { name: "Open" })).getAllByRole("listitem");

  expect(rows.map((row) => row.querySelector("a")?.pathname.split("/").at(-1))).toEqual([
    "over",
    "soon",
    "later",
  ]);
  expect(rows[0]?.textContent).toContain("Overdue: was due 2 h ago");
  expect(rows[1]?.textContent).toContain("Answer in 59 min");
});

it("puts a case without a time last", () => {
  const timeless = wholeCase({ id: "timeless", clock: null, due_at: null });

  const order = overdueFirst([timeless, caseDue("due", 3)]).map((one) => one.id);

  expect(order).toEqual(["due", "timeless"]);
});

it("shows under “Mine” only what is mine", async () => {
  list([
    caseDue("mine", 1, { status: "claimed", assignee: "Maria" }),
    caseDue("his", 1, { status: "claimed", assignee: "Ben" }),
  ]);
  await openPage("/console/cases?show=mine");

  const rows = within(await screen.findByRole("list", { name: "Mine" })).getAllByRole("listitem");

  expect(rows).toHaveLength(1);
  expect(rows[0]?.textContent).toContain("you");
});

it("says in plain words that nobody waits", async () => {
  list([]);
  await openPage("/console/cases");

  expect(await screen.findByText(/Nobody waits/)).toBeTruthy();
});

it("fetches older ended cases only when asked to", async () => {
  server.answers["/v1/escalations"] = { items: [wholeCase({ status: "resolved" })], next: "older" };
  await openPage("/console/cases?show=resolved");

  await userEvent.click(await screen.findByRole("button", { name: "Show older cases" }));

  const cursors = server.searches.map((search) => search.get("cursor"));
  expect(cursors.filter((cursor) => cursor === "older")).toHaveLength(1);
});
