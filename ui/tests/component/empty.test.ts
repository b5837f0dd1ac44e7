/** Each kind of nothing has its own words and its own next step. */
import { beforeEach, expect, test } from "vitest";
import { page as screen } from "vitest/browser";
import { render } from "vitest-browser-svelte";
import { Failure } from "../../src/api/client.ts";
import EmptyList from "../../src/explore/EmptyList.svelte";
import Grid from "../../src/explore/Grid.svelte";
import { page } from "../../src/lib/page.svelte.ts";
import { answering, END, show, START, stored, world } from "./world.ts";

world();
const DAY = 86_400_000;
const heading = () => screen.getByRole("heading").element().textContent;

beforeEach(() => answering({ parse: (filter) => ({
  tree: { kind: "and", span: { start: 0, end: filter.length } } as never,
  chips: [{ span: { start: 0, end: 10 }, negated: false }, { span: { start: 11, end: filter.length }, negated: false }] as never,
}), panel: ({ kind }) => (kind === "list" ? { columns: [], rows: [], total: 42 } : null) }));

test("the filter: each term can be left out, and how many rows that gives", async () => {
  show({ q: "status:418 path:/tea" });
  await render(EmptyList);
  expect(heading()).toBe("The filter leaves nothing over.");
  await expect.element(screen.getByRole("button", { name: "without path:/tea" })).toBeVisible();
  await expect.element(screen.getByText("42 rows").first()).toBeVisible();
  await screen.getByRole("button", { name: "without status:418" }).click();
  expect(page.state.q).toBe("path:/tea");
});

test("another time: leads to the data", async () => {
  show({ from: new Date(END + DAY).toISOString(), to: new Date(END + 2 * DAY).toISOString() });
  await render(EmptyList);
  expect(heading()).toBe("Nothing was captured in this range.");
  await screen.getByRole("button", { name: "Show all of them" }).click();
  expect([page.state.from, page.state.to]).toEqual(["", ""]);
});

test("expired: what is left begins later, and what still is there of that time can be shown", async () => {
  stored({ exchanges: 9, tcp_sessions: 9, packets: 9 }, { packets: [END - 60_000, END] });
  show({ view: "packets", to: new Date(START + 60_000).toISOString() });
  await render(EmptyList);
  expect(heading()).toBe("The packets of this range have expired.");
  await expect.element(screen.getByText(/Retention deletes/)).toBeVisible();
  await screen.getByRole("button", { name: "Show the exchanges of this range" }).click();
  await expect.poll(() => page.state.view).toBe("http");
});

test("expired: packets that were counted tell that there was more", async () => {
  answering({ panel: ({ kind }) => (kind === "quality" ? { start: "", step_ns: 1, count: 1, mode: "start", series: [{ stage: "packets", count: "in", values: [7] }] } : null) });
  show({ from: new Date(START - DAY).toISOString(), to: new Date(START - 1000).toISOString() });
  await render(EmptyList);
  await expect.element(screen.getByRole("heading", { name: "The exchanges of this range have expired." })).toBeVisible();
  await expect.element(screen.getByText(/7 packets were captured then/)).toBeVisible();
});

test("no right: who one is, and whom to ask", async () => {
  show({ view: "packets", cols: ["data"] });
  await render(EmptyList, { failure: new Failure({ status: 403, code: "not-permitted", detail: "this token has not the right full_packets" }) });
  expect(heading()).toBe("You have not the right to see this.");
  await expect.element(screen.getByText(/this token has not the right full_packets\. You are ada, a viewer\./)).toBeVisible();
  await screen.getByRole("button", { name: "The usual columns" }).click();
  expect(page.state.cols).toEqual([]);
});

test("another protocol: what was captured instead", async () => {
  stored({ exchanges: 0, tcp_sessions: 9 });
  answering({ panel: ({ kind }) => (kind === "facets" ? { fields: [{ field: "protocol", total: 9, other: 0, values: [{ value: "tls", count: 8 }, { value: null, count: 1 }] }] } : null) });
  await render(EmptyList);
  expect(heading()).toBe("No HTTP was seen.");
  await expect.element(screen.getByText(/9 TCP sessions, 8 tls, 1 of no known protocol/)).toBeVisible();
  await screen.getByRole("button", { name: "Show the TCP sessions" }).click();
  await expect.poll(() => page.state.view).toBe("tcp");
});

test("not stored: how to keep them next time", async () => {
  show({ view: "packets" });
  await render(EmptyList);
  expect(heading()).toBe("No packets are stored.");
  await expect.element(screen.getByText(/--full-packets/)).toBeVisible();
});

test("nothing at all: how to begin", async () => {
  stored({ exchanges: 0 });
  await render(EmptyList);
  expect(heading()).toBe("Nothing is stored yet.");
});

test("a bar whose requests no agent captured: the lines of the log stand in their place", async () => {
  answering({ panel: ({ kind }) => (kind === "list" ? { columns: [], rows: [], total: 0 } : kind === "facets" ? { fields: [{ field: "class", total: 0, other: 0, values: [] }], total: 0 } : null) });
  const drill = { q: "class:error", from: START, to: END, count: "end" as const, why: "9 × error; the log counted", says: 9, loose: true };
  show({ drill });
  const first = await render(Grid);
  await expect.element(screen.getByRole("heading", { name: "Nothing here." })).toBeVisible();
  await expect.element(screen.getByText("What was clicked: 9 × error; the log counted.")).toBeVisible();
  expect(page.state.view).toBe("http");
  await first.unmount();
  show({ drill: { ...drill, kept: { q: "field.class:error", why: "9 × error; no agent captured these" } } });
  await render(Grid);
  await expect.poll(() => page.state.view).toBe("logs");
  expect(page.state.drill).toEqual({ ...drill, q: "field.class:error", count: "start", why: "9 × error; no agent captured these" });
});
