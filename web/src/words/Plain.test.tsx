import { render } from "@testing-library/react";
import { expect, it } from "vitest";

import { span } from "./Moment";
import { isOfTheWeb, Outside, Plain } from "./Plain";

it.each([
  ["see https://a.test/b?c=d.", ["https://a.test/b?c=d"]],
  ["(https://a.test/x) and http://b.test!", ["https://a.test/x", "http://b.test/"]],
  ["javascript:alert(1) data:text/html,x ftp://a.test", []],
  ["![x](https://a.test/x.png)", ["https://a.test/x.png"]],
  ["https://", []],
])("finds in %j the addresses %j", (text, addresses) => {
  const { container } = render(<Plain text={text} />);

  expect([...container.querySelectorAll("a")].map((link) => link.href)).toEqual(addresses);
  expect(container.textContent).toBe(text);
  expect(container.querySelector("img")).toBeNull();
});

it("makes no link of an address that is not of the web", () => {
  const { container } = render(<Outside href="javascript:alert(1)">proof.txt</Outside>);

  expect(container.innerHTML).toBe("proof.txt");
  expect(isOfTheWeb("//a.test")).toBe(false);
});

it.each([
  [59_000, "less than a minute"],
  [61_000, "1 min"],
  [3_600_000, "1 h"],
  [5_460_000, "1 h 31 min"],
  [86_400_000, "1 day"],
  [200_000_000, "2 days"],
])("calls %i ms %j", (ms, words) => {
  expect(span(ms)).toBe(words);
});
