import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { beforeEach, describe, expect, it } from "vitest";

import { openPage } from "../testing/page";
import { conflict, message, problem, Server, wholeCase } from "../testing/server";

const ADDRESS = "/console/cases/case-1";
const WORDS = "I have found both payments.";

let server: Server;
beforeEach(() => {
  server = new Server();
});

const box = () => screen.findByRole<HTMLTextAreaElement>("textbox", { name: "Reply to the customer" });
const press = async (name: string | RegExp) =>
  userEvent.click(await screen.findByRole("button", { name }));
const write = async (text: string) => userEvent.type(await box(), text);

describe("a reply", () => {
  it("goes out with the version, a key and the session's proof, and leaves the box empty", async () => {
    await openPage(ADDRESS);

    await write(WORDS);
    await press("Send to the customer");

    expect(await screen.findByText("Sent to the customer.")).toBeTruthy();
    expect((await box()).value).toBe("");
    const [sent] = server.commands;
    expect(sent?.body).toEqual({ agent: "Maria", version: 2, text: WORDS });
    expect(sent?.key).toMatch(/^[0-9a-f]{32}$/);
    expect(sent?.csrf).toBe("proof-1");
  });

  it("that another was quicker than says who, and keeps the text", async () => {
    server.then((sent) => {
      server.one = wholeCase({ assignee: "Ben", version: 3 });
      return conflict({ status: "claimed", assignee: "Ben" })(sent);
    });
    await openPage(ADDRESS);

    await write(WORDS);
    await press("Send to the customer");

    expect((await screen.findByRole("alert")).textContent).toBe(
      "Ben was first: the case is with Ben now. Nothing was sent; your text is kept.",
    );
    expect((await box()).value).toBe(WORDS);
  });

  it.each(["broken", "lost"] as const)(
    "is said once when it is tried again after a %s connection",
    async (fate) => {
      server.then(fate);
      await openPage(ADDRESS);

      await write(WORDS);
      await press("Send to the customer");
      expect((await screen.findByRole("alert")).textContent).toContain("Nobody can tell");
      expect(screen.queryByText("Sent to the customer.")).toBeNull();
      await press("Try again");

      expect(await screen.findByText("Sent to the customer.")).toBeTruthy();
      const [first, second] = server.commands;
      expect(second).toEqual(first);
      expect(server.done).toHaveLength(1);
    },
  );

  it("is said once though the page was loaded anew after its answer was lost", async () => {
    server.then("lost");
    await openPage(ADDRESS);
    await write(WORDS);
    await press("Send to the customer");
    await screen.findByText(/Nobody can tell/);

    document.body.replaceChildren();
    await openPage(ADDRESS);
    await press("Send to the customer");

    await screen.findByText("Sent to the customer.");
    expect(server.done).toHaveLength(1);
  });

  it("in other words is refused where the first has arrived after all", async () => {
    server.then("lost");
    await openPage(ADDRESS);
    await write(WORDS);
    await press("Send to the customer");
    await screen.findByText(/Nobody can tell/);

    await write(" Sorry.");
    await press("Send to the customer");

    expect(await screen.findByText(/The case has changed since you saw it/)).toBeTruthy();
    expect(server.done).toHaveLength(1);
    expect((await box()).value).toBe(`${WORDS} Sorry.`);
  });

  it("is kept as a draft until it is accepted", async () => {
    await openPage(ADDRESS);
    await write(WORDS);

    document.body.replaceChildren();
    await openPage(ADDRESS);

    expect((await box()).value).toBe(WORDS);
  });

  it("outlives the end of the session, and so does the address", async () => {
    server.then(() => {
      server.signedIn = null;
      return problem(401, "the session is over");
    });
    await openPage(ADDRESS);
    await write(WORDS);
    await press("Send to the customer");

    expect(await screen.findByText(/Your session has ended/)).toBeTruthy();
    expect(window.location.pathname).toBe(ADDRESS);
    await userEvent.clear(screen.getByLabelText(/Your name/));
    await userEvent.type(screen.getByLabelText(/Your name/), "Maria");
    await userEvent.type(screen.getByLabelText(/Admin key/), "the key");
    await press("Sign in");

    expect((await box()).value).toBe(WORDS);
  });

  it("is proved anew, once, where the session's proof has changed", async () => {
    await openPage(ADDRESS);
    server.csrf = "proof-2";
    server.then(() => problem(403, "the proof is another's"));

    await write(WORDS);
    await press("Send to the customer");

    await screen.findByText("Sent to the customer.");
    expect(server.commands.map((sent) => sent.csrf)).toEqual(["proof-1", "proof-2"]);
    expect(server.commands[1]?.key).toBe(server.commands[0]?.key);
  });
});

describe("a case", () => {
  it("shows what others wrote as text, and only addresses of the web as links", async () => {
    const text = "<img src=x onerror=alert(1)> see https://shop.test/a?b=c. or javascript:alert(1)";
    server.one = wholeCase({ messages: [message({ text })] });
    await openPage(ADDRESS);

    const log = await screen.findByRole("log");
    expect(log.textContent).toContain(text);
    expect(log.querySelector("img")).toBeNull();
    const [link, ...others] = within(log).getAllByRole<HTMLAnchorElement>("link");
    expect(link?.href).toBe("https://shop.test/a?b=c");
    expect(link?.rel).toContain("noopener");
    expect(others).toEqual([]);
  });

  it("tells notes from what the customer sees, and what did not arrive", async () => {
    server.one = wholeCase({
      messages: [
        message({ id: "m-2", seq: 2, author: "agent", author_name: "Maria", text: "Hello" }),
        message({ id: "m-3", seq: 3, author: "agent", text: "smells of fraud", audience: "agents" }),
      ],
      deliveries: [
        {
          id: "d-1",
          message_id: "m-2",
          channel: "webhook",
          kind: "reply",
          audience: "customer",
          status: "failed",
          attempts: 3,
          error: "410 Gone",
          created_at: "2026-11-30T21:00:00Z",
          finished_at: null,
        },
      ],
    });
    await openPage(ADDRESS);

    const [reply, note] = within(await screen.findByRole("log")).getAllByRole("listitem");
    expect(reply?.textContent).toContain("Not delivered: 410 Gone");
    expect(note?.textContent).toContain("the customer does not see this");
  });

  it("lets one change one's own reply, and nobody else's", async () => {
    const said = { author: "agent" as const, text: "Helo" };
    server.one = wholeCase({
      messages: [
        message({ ...said, id: "m-2", seq: 2, author_name: "Maria" }),
        message({ ...said, id: "m-3", seq: 3, author_name: "Ben" }),
      ],
    });
    await openPage(ADDRESS);

    await press("Change");
    const changed = screen.getByRole("textbox", { name: "Changed reply" });
    await userEvent.clear(changed);
    await userEvent.type(changed, "Hello");
    await press("Change it");

    expect(await screen.findByText("The customer sees the changed words.")).toBeTruthy();
    expect(server.commands.map((sent) => [sent.path, sent.body])).toEqual([
      [
        "/v1/escalations/case-1/edit",
        { agent: "Maria", version: 2, message_id: "m-2", text: "Hello" },
      ],
    ]);
  });

  it("of a colleague's cannot be answered, but may be noted on", async () => {
    server.one = wholeCase({ assignee: "Ben" });
    await openPage(ADDRESS);
    await write(WORDS);

    const send = await screen.findByRole<HTMLButtonElement>("button", { name: "Send to the customer" });
    expect(send.disabled).toBe(true);
    expect(screen.getByText("Ben has the case. Your text is kept.")).toBeTruthy();
    await userEvent.click(screen.getByRole("radio", { name: "Internal note" }));
    await userEvent.type(screen.getByRole("textbox", { name: "Internal note" }), "ask billing");
    await press("Keep the note");

    expect(await screen.findByText("The note is kept.")).toBeTruthy();
    expect(server.commands[0]?.path).toBe("/v1/escalations/case-1/note");
  });

  it("says nothing is done before the server has said so", async () => {
    server.one = wholeCase({ status: "open", assignee: null });
    server.then(conflict({ status: "resolved", assignee: "Ben" }));
    await openPage(ADDRESS);

    await press("Claim");

    expect((await screen.findByRole("alert")).textContent).toBe(
      "The case is over: it was resolved by Ben. Nothing was done.",
    );
    expect(screen.queryByText(/The case is yours/)).toBeNull();
  });

  it("has nothing that axe finds", async () => {
    await openPage(ADDRESS);
    await box();

    const found = await axe.run(document.body, { rules: { "color-contrast": { enabled: false } } });

    expect(found.violations.map((one) => `${one.id}: ${one.help}`)).toEqual([]);
  });
});
