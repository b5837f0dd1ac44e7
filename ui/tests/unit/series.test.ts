/** The series explorer's address, commands and lists; the table of processes; what the system tells of itself. */
import { describe, expect, test } from "vitest";
import type { AnswerOf } from "../../src/api/ask.svelte.ts";
import { COLUMNS, rowsOf, sorted, whole } from "../../src/processes/table.ts";
import { body, chosen, command, curl, found, type Metric, panelOf, shell, stacks } from "../../src/series/question.ts";
import { bound, calledOf, logged, overall, routesOf, samples, single } from "../../src/system/figures.ts";
import { panelsOf } from "../../src/system/own.ts";

describe("the address", () => {
  test("is read as it is written, and nonsense is left out", () => {
    expect(chosen({ m: "access.requests", by: "class,,agent", top: "3", with: "divide:access.total", wq: "label.class:error", kind: "bars" })).toEqual({
      metric: "access.requests", aggregate: "", by: ["class", "agent"], top: 3, operator: "divide", other: "access.total", otherFilter: "label.class:error",
      otherAggregate: "", kind: "bars",
    });
    expect(chosen({ top: "-4", with: "power:x", kind: "pie" })).toMatchObject({ metric: "", top: 8, operator: "", other: "", kind: "lines" });
  });
  test("what does not add up is never stacked", () => {
    expect(stacks(chosen({ m: "x" }), "counter")).toBe(true);
    expect(stacks(chosen({ m: "x" }), "histogram")).toBe(false);
    expect(stacks(chosen({ m: "x", with: "divide:y" }), "counter")).toBe(false);
    expect(panelOf(chosen({ m: "x", kind: "bars", agg: "p95" }), "histogram")?.kind).toBe("lines");
    expect(panelOf(chosen({}), "counter")).toBeNull();
  });
});

describe("commands", () => {
  const at = { from: "2026-01-01T00:00:00.000Z", to: "2026-01-01T01:00:00.000Z" };
  test("are safe for a shell, whatever a filter says", () => {
    const question = body(chosen({ m: "access.time", agg: "p95", by: "template,agent" }), "label.template:\"it's /a b\"", at, "30s", "yesterday", "Europe/Berlin");
    expect(command(question)).toBe("arachne series access.time 'label.template:\"it'\\''s /a b\"' --aggregate p95 --by template --by agent --top 8 --step 30s "
      + "--from 2026-01-01T00:00:00.000Z --to 2026-01-01T01:00:00.000Z --compare yesterday --zone Europe/Berlin");
    expect(curl("http://h", question)).toMatch(/^curl -sS http:\/\/h\/api\/v1\/series -H 'content-type: application\/json' -d '\{.*it'\\''s.*\}'$/);
    expect(shell("$(x)")).toBe("'$(x)'");
  });
  test("have the second metric", () => {
    const question = body(chosen({ m: "a", with: "divide:b", wq: "label.x:1" }), "agent:w", at, "30s", null, "");
    expect(question.with).toEqual({ operator: "divide", metric: "b", filter: "label.x:1 agent:w" });
    expect(command(question)).toBe("arachne series a agent:w --with divide b --with-filter 'label.x:1 agent:w' --top 8 --step 30s "
      + "--from 2026-01-01T00:00:00.000Z --to 2026-01-01T01:00:00.000Z");
  });
});

const metric = (name: string, labels: string[] = [], kind = "counter"): Metric =>
  ({ name, metric_kind: kind, unit: "1", labels: labels.map((label) => ({ name: label, values: 2 })), agents: 1, series: 1, values: 1, last: null });

test("metrics are found by name, label and kind, those that begin so first", () => {
  const all = [metric("a.requests"), metric("requests.b"), metric("c", ["requests"]), metric("d", [], "gauge")];
  expect(found(all, "requests").map((one) => one.name)).toEqual(["requests.b", "a.requests", "c"]);
  expect(found(all, "gauge d").map((one) => one.name)).toEqual(["d"]);
  expect(panelsOf([metric("other"), metric("arachne.queue.rows", ["stage"])]).map((panel) => [panel.title, panel.asks[0]])).toEqual([
    ["queue.rows", { metric: "arachne.queue.rows", by: ["stage"], top: 8, scope: "none", label: "queue.rows" }],
  ]);
});

describe("processes", () => {
  const answer = (groups: [string[], number | null, number?][]) => ({
    series: groups.map(([key, total, before]) => ({ kind: key.length === 0 ? "other" : "value", key, total, compared_total: before ?? null })),
  }) as unknown as AnswerOf<"series">;
  test("stand side by side by process, user and container; further ones are one row", () => {
    const answers = COLUMNS.map(({ id }) => (id === "user" ? answer([[["nginx", "www", "~host"], 5e8, 1e9], [[], 1e8]]) : id === "rss" ? answer([[["nginx", "www", "~host"], 1024], [["~other", "", ""], 7], [[], 5]]) : null));
    const rows = sorted(rowsOf(answers), "cpu");
    expect(rows.map((row) => [row.process, row.now["user"], row.now["rss"] ?? null])).toEqual([["nginx", 0.5, 1024], ["~other", 0.1, 12]]);
    expect(rows[0]!.before["user"]).toBe(1);
    expect(sorted(rows, "-rss").map((row) => row.process)).toEqual(["~other", "nginx"]);
  });
  test("a moment is whole points", () => {
    expect(whole({ from: 12_345, to: 12_346 })).toEqual({ from: 10_000, to: 20_000 });
    expect(whole({ from: 10_000, to: 30_000 })).toEqual({ from: 10_000, to: 30_000 });
  });
});

describe("the system", () => {
  const text = `# TYPE x counter
arachne_http_requests_total{route="/api/v1/store",method="GET",status="200"} 9
arachne_http_requests_total{route="/api/v1/store",method="GET",status="503"} 1
arachne_http_request_duration_seconds_bucket{route="/api/v1/store",method="GET",le="0.001"} 6
arachne_http_request_duration_seconds_bucket{route="/api/v1/store",method="GET",le="0.5"} 9
arachne_http_request_duration_seconds_bucket{route="/api/v1/store",method="GET",le="+Inf"} 10
arachne_http_request_duration_seconds_sum{route="/api/v1/store",method="GET"} 2.5
arachne_http_request_duration_seconds_count{route="/api/v1/store",method="GET"} 10
log_events_total{code="A-\\"B\\""} 1
nonsense{
`;
  test("routes come with their shares, and what is beyond all bounds is not guessed", () => {
    const all = samples(text);
    expect(all.at(-1)).toEqual({ name: "log_events_total", labels: { code: "A-\"B\"" }, value: 1 });
    expect(routesOf(all)).toEqual([{ route: "/api/v1/store", method: "GET", count: 10, failed: 1, refused: 0, mean: 2.5e8, p50: 1e6, p95: null }]);
    expect(bound([], 0.5)).toBeNull();
  });
  test("a server's routes together are one line, and its log is told by code", () => {
    const second = text.replaceAll("/api/v1/store", "/api/v1/me").replaceAll("GET", "POST");
    const all = samples(`${text}${second}arachne_store_failing 1\nlog_events_total{code="B"} 0`);
    expect(overall(all)).toEqual({ route: "", method: "", count: 20, failed: 2, refused: 0, mean: 2.5e8, p50: 1e6, p95: null });
    expect(overall([])).toBeNull();
    expect(logged(samples(`log_events_total{code="B"} 2\nlog_events_total{code="C"} 0\nlog_events_total{code="A"} 3`))).toEqual([{ code: "A", times: 3 }, { code: "B", times: 2 }]);
    expect([single(all, "arachne_store_failing"), single(all, "x")]).toEqual([1, null]);
  });
  test("a browser's own calls are told apart by route", () => {
    const entries = [{ name: "http://h/api/v1/exchanges/01?x=1", duration: 4 }, { name: "http://h/api/v1/exchanges/02", duration: 8 }, { name: "http://h/assets/a.js", duration: 1 }];
    expect(calledOf(entries)).toEqual([{ route: "/api/v1/exchanges/{id}", count: 2, p50: 4e6, p95: 8e6 }]);
  });
});
