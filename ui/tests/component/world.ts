/** A server of the tests' own: what `fetch` answers, and what the page and the store then know. */
import { afterEach, beforeEach, vi } from "vitest";
import type { Schema } from "../../src/api/client.ts";
import { page } from "../../src/lib/page.svelte.ts";
import { store } from "../../src/lib/store.svelte.ts";
import { verdict } from "../../src/lib/verdict.svelte.ts";
import { initial, type State } from "../../src/lib/url.ts";

/** Answers to a path of the API; a batch gives one to each of its panels, null leaves a panel unanswered. */
export interface Answers {
  panel?: (question: { kind: string; scope?: unknown }) => unknown;
  parse?: (filter: string) => Partial<Schema<"ParseAnswer">>;
  complete?: Partial<Schema<"CompleteAnswer">>;
}

/** What was asked of the server, by kind of question. */
export let asked: { kind: string; scope?: { filter?: string } }[] = [];
let answers: Answers = {};

function json(body: unknown): Response {
  return new Response(JSON.stringify(body), { headers: { "content-type": "application/json" } });
}

async function answer(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  const body = request.method === "POST" ? ((await request.json()) as Record<string, unknown>) : {};
  if (pathname === "/api/v1/query/batch") {
    const panels = body["panels"] as { kind: string }[];
    asked.push(...panels);
    const lines = panels.flatMap((panel, at) => {
      const given = answers.panel?.(panel);
      return given ? [JSON.stringify({ panel: { at, answer: { kind: panel.kind, scanned: { rows: 0, skipped: 0, lost: 0 }, ...given } } })] : [];
    });
    return new Response(`${[...lines, JSON.stringify({ end: { panels: 0, panels_total: 0, rows: 0, rows_total: 0 } })].join("\n")}\n`);
  }
  if (pathname === "/api/v1/filter/parse") {
    return json({ valid: true, canonical: "", explanation: "", chips: [], diagnostics: [], tree: null, ...answers.parse?.(String(body["filter"])) });
  }
  if (pathname === "/api/v1/filter/complete") return json({ span: { start: 0, end: 0 }, items: [], values: [], ...answers.complete });
  return json({});
}

const whole = (first: number, last: number) => ({ first: new Date(first).toISOString(), last: new Date(last).toISOString() });

/** Sets a page up before each test: ten minutes of a thousand exchanges from midnight of 1 January 2026. */
export function world(): void {
  beforeEach(() => {
    asked = [];
    answers = {};
    vi.stubGlobal("fetch", (input: RequestInfo | URL, init?: RequestInit) => answer(new Request(input instanceof Request ? input : new URL(String(input), location.origin), init)));
    stored({ exchanges: 1000 });
    show({});
    verdict.take("", []);
  });
  afterEach(() => vi.unstubAllGlobals());
}

export const START = Date.UTC(2026, 0, 1);
export const END = START + 600_000;

/** What the server answers. */
export function answering(given: Answers): void {
  answers = given;
}

/** How many rows of each table are stored, of the ten minutes or of another range. */
export function stored(rows: Record<string, number>, ranges: Record<string, [number, number]> = {}): void {
  const tables = Object.entries(rows).map(([table, count]) => ({
    table, rows: count, bytes: 0, parts: 1, memory_rows: 0, lost_rows: 0, ...whole(...(ranges[table] ?? [START, END])),
  }));
  store.facts = { tables, wal_bytes: 0, quarantined: 0, damages: 0, full: false, delivered: { batches: 0, rows: 0, refused: {} } };
  store.me = { name: "ada", role: "viewer", permissions: ["public", "read"], login: false };
  page.data = { from: START, to: END };
}

/** What the address says. */
export function show(change: Partial<State>): void {
  page.go({ ...initial(), tz: "UTC", from: new Date(START).toISOString(), to: new Date(END).toISOString(), ...change });
}
