import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, it } from "vitest";

import { openPage } from "../testing/page";
import { Server } from "../testing/server";

let server: Server;
beforeEach(() => {
  server = new Server();
  server.signedIn = null;
});

async function fill(agent: string, key: string): Promise<void> {
  await userEvent.type(await screen.findByLabelText(/Your name/), agent);
  await userEvent.type(screen.getByLabelText(/Admin key/), key);
  await userEvent.click(screen.getByRole("button", { name: "Sign in" }));
}

it("says in the server's words why a key does not let one in", async () => {
  await openPage("/console/cases");

  await fill("Maria", "another key");

  expect((await screen.findByRole("alert")).textContent).toBe(
    "You are not signed in: this is not the admin key.",
  );
});

it("lets one in where one wanted to go", async () => {
  await openPage("/console/cases/case-1");

  await fill("Maria", "the key");

  expect(await screen.findByRole("log")).toBeTruthy();
  expect(window.location.pathname).toBe("/console/cases/case-1");
});

it("takes the demo's link once, and out of the address", async () => {
  await openPage("/console/?once=good");

  expect(await screen.findByText("Demo agent")).toBeTruthy();
  expect(window.location.search).toBe("");
});

it("says that a link was used before", async () => {
  await openPage("/console/?once=used");

  expect((await screen.findByRole("alert")).textContent).toContain("this link has been used");
  expect(window.location.search).toBe("");
});

it("keeps no key in the browser", async () => {
  await openPage("/console/cases");
  await fill("Maria", "the key");
  await screen.findByRole("heading", { name: "Cases" });

  const kept = JSON.stringify({ ...localStorage, ...sessionStorage });
  expect(kept).not.toContain("the key");
});
