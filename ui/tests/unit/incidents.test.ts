/** What the overview says first: times in which services failed. */
import { describe, expect, test } from "vitest";
import { type Counted, incidents, ofLogs, ofRows } from "../../src/carpet/incidents.ts";
import type { AnswerOf } from "../../src/api/ask.svelte.ts";

const drill = { view: "exchanges", filter: "service:a", mode: "start" as const, exact: true };
const place = { start: 0, step: 10, count: 12, from: 5, to: 115 };
const one = (errors: number[], all = 100, name = "a"): Counted => ({ name, errors, all: errors.map(() => all), drill });

describe("incidents", () => {
  test("have a begin and an end, across a short pause, cut to the range", () => {
    expect(incidents([one([50, 60, 0, 0, 40, 0, 0, 0, 0, 0, 0, 0])], place)).toEqual([{ name: "a", errors: 150, share: 0.3, lasts: false, from: 5, to: 50, drill }]);
    expect(incidents([one([50, 0, 0, 0, 40, 0, 0, 0, 0, 0, 0, 0])], place).map(({ from, to }) => [from, to])).toEqual([[40, 50], [5, 10]].sort((a, b) => a[0]! - b[0]!));
  });
  test("that last stand first, then those with most failures", () => {
    const found = incidents([one([0, 90, 90, 0, 0, 0, 0, 0, 0, 0, 0, 0], 100, "over"), one([0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 10, 0], 100, "lasts")], place);
    expect(found.map(({ name, lasts, to }) => [name, lasts, to])).toEqual([["lasts", true, 110], ["over", false, 30]]);
  });
  test("are neither a few failures of few, nor many of very many", () => {
    expect(incidents([one([0, 1, 1], 2), one([40, 40, 40], 10_000, "b")], { ...place, count: 3 })).toEqual([]);
    expect(incidents([one([0, 0, 0])], place)).toEqual([]);
  });
});

test("services come from rows by name, and from logs by service and class", () => {
  const series = (key: unknown, values: number[], kind = "value") => ({ kind, key, values, total: values.reduce((sum, value) => sum + value, 0), drill });
  const all = { series: [series("a", [9, 9]), series("b", [5, 5])] } as unknown as AnswerOf<"histogram">;
  const failed = { series: [series("a", [3, 0]), series(null, [1, 1]), series("", [2, 2], "other")] } as unknown as AnswerOf<"histogram">;
  expect(ofRows(all, failed)).toEqual([{ name: "a", all: [9, 9], errors: [3, 0], drill }]);
  const logs = { count: 2, series: [series(["shop", "fast"], [8, 8]), series(["shop", "error"], [2, 0]), series(["calm", "fast"], [1, 1]), series([], [1, 1], "other")] } as unknown as AnswerOf<"series">;
  expect(ofLogs(logs)).toEqual([{ name: "shop", all: [10, 8], errors: [2, 0], drill }]);
});
