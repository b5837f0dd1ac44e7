import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bands, heat, rgb, strength, sumOf } from "../../src/chart/heatmap.ts";
import { type Column, inFull, largest, type Line, show, sorted } from "../../src/views/parts/table.ts";
import { boxFilter, overBox } from "../../src/views/stats/box.ts";
import { toCsv, toNdjson } from "../../src/views/stats/export.ts";
import { columnsOf, groupable, linesOf, measurable } from "../../src/views/stats/groups.ts";
import { histogramOf, isQuantile, MEASURES, quantilesOf, stacks, trendsOfHistogram, trendsOfQuantiles } from "../../src/views/stats/overtime.ts";

describe("bands", () => {
  it("cover all of it with few round edges", () => {
    fc.assert(fc.property(fc.double({ min: 0, max: 1e12, noNaN: true }), fc.double({ min: 1, max: 1e6, noNaN: true }), (min, factor) => {
      const max = Math.max(1, min) * factor;
      const edges = bands(min, max, 24);
      expect(edges.length).toBeLessThanOrEqual(25);
      expect(edges[0]).toBeLessThanOrEqual(min);
      expect(edges.at(-1)).toBeGreaterThan(max);
      for (let at = 1; at < edges.length; at += 1) expect(edges[at]!).toBeGreaterThan(edges[at - 1]!);
    }));
  });
  it("are as fine as they may be", () => {
    expect(bands(1e3, 5e3, 24).length).toBeGreaterThan(8);
    expect(bands(0, 0, 24)).toEqual([0, 1]);
    expect(boxFilter(500_000, 2e9)).toBe("duration:[500us..2s)");
  });
});

describe("heat", () => {
  const map = heat([[1, 2, 3], [0, 0, 100]], [[0, 0, 1], [0, 0, 0]], 3);
  it("adds up over a box, whichever way it was drawn", () => {
    const box = overBox({ band: 1, bucket: 2 }, { band: 0, bucket: 1 });
    expect(box).toEqual({ band: [0, 1], bucket: [1, 2] });
    expect(sumOf(map, box)).toEqual({ count: 105, errors: 1 });
    expect(map.max).toBe(100);
  });
  it("paints nothing as nothing and one as something", () => {
    expect(strength(0, 100)).toBe(0);
    expect(strength(1, 100)).toBeGreaterThan(0.1);
    expect(strength(100, 100)).toBe(1);
    expect(strength(1, 1)).toBe(1);
    expect(rgb("#1F6feb")).toEqual([31, 111, 235]);
  });
});

const columns: Column[] = [{ key: "a", label: "name", kind: "text" }, { key: "n", label: "n", kind: "count", bar: true }, { key: "d", label: "p95", kind: "duration" }];
const lines: Line[] = [
  { id: "0", cells: { a: "b", n: 2, d: null } }, { id: "1", cells: { a: "a10", n: 10, d: 5 } }, { id: "2", cells: { a: "a9", n: 3, d: 7 } },
  { id: "total", fixed: true, cells: { a: "all", n: 15, d: 7 } },
];

describe("tables", () => {
  it("sort with nothing last and the whole at the end", () => {
    expect(sorted(lines, "d", false).map((line) => line.id)).toEqual(["1", "2", "0", "total"]);
    expect(sorted(lines, "d", true).map((line) => line.id)).toEqual(["2", "1", "0", "total"]);
    expect(sorted(lines, "a", false).map((line) => line.cells["a"])).toEqual(["a9", "a10", "b", "all"]);
    expect(largest(columns, lines)).toEqual({ n: 10 });
  });
  it("show numbers as people read them, and in full", () => {
    expect([show(1234, "count"), show(0.5, "percent"), show(null, "bytes"), show(1500, "duration"), show(2048, "bytes"), show(3, "rate")]).toEqual(["1.23k", "50 %", "–", "1.50 µs", "2 KiB", "3/s"]);
    expect(inFull(1234567, "duration")).toContain("234");
    expect(inFull(0.5, "percent")).toBe("");
  });
});

describe("export", () => {
  it("has no formula, whatever was captured", () => {
    const evil = ["=1+1", "+1", "-1", "@x", "\t=1", " =1", 'a"b', "a,b", "a\nb"];
    const csv = toCsv(columns, evil.map((a, at) => ({ id: String(at), cells: { a, n: -5, d: 1 } })));
    for (const row of csv.split("\r\n").slice(1, -1)) expect(row).not.toMatch(/^"?\s*[=+\-@]/);
    expect(csv.startsWith("name,n,p95 (ns)\r\n")).toBe(true);
    expect(csv).toContain('"a""b",-5,1');
  });
  it("writes raw numbers, an object a line", () => {
    const parsed = toNdjson(columns, lines).trim().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(parsed[0]).toEqual({ name: "b", n: 2, p95: null });
    expect(parsed[3]).toEqual({ row: "total", name: "all", n: 15, p95: 7 });
  });
});

describe("groups", () => {
  const drill = { view: "exchanges", filter: "x", mode: "overlap", exact: true } as const;
  const counts = { count: 10, errors: 1, duration_ns: 5, bytes: 7, share: 0.5, error_share: 0.1, max: 3, percentiles: { p50: 1, p95: 2, p99: 3 } };
  it("end with the rest and the whole", () => {
    const made = linesOf({
      kind: "top", by: ["service"], approximate: false, scanned: {} as never, others: 4, total: { ...counts, count: 20 },
      rows: [{ ...counts, key: [null], drill }], other: { ...counts, key: [], drill },
    } as never, 10);
    expect(made.map((line) => line.id)).toEqual(["0", "other", "total"]);
    expect(made[0]!.cells).toMatchObject({ key0: "–", rate: 1, p95: 2, seconds: 5 });
    expect(made[1]!.cells["key0"]).toBe("4 other");
    expect(columnsOf(["service"], undefined, true).map((column) => column.key)).toContain("error_share");
    expect(columnsOf(["close"], undefined, false).map((column) => column.key)).not.toContain("errors");
  });
  it("are by fields with few values", () => {
    const field = (name: string, kind: string) => ({ name, kind, aliases: [], doc: "", stored_values: false, examples: [] }) as never;
    const all = [field("id", "id"), field("start", "instant"), field("duration", "duration"), field("service", "label"), field("size", "size"), field("text", "text"), field("trace.id", "id")];
    expect(groupable(all).map((one) => one.name)).toEqual(["service", "trace.id"]);
    expect(measurable(all).map((one) => one.name)).toEqual(["duration", "size"]);
  });
});

describe("over time", () => {
  it("asks a histogram or quantiles, never both", () => {
    for (const measure of MEASURES) {
      const [count, quantile] = [histogramOf({}, measure, "class", 50, 8), quantilesOf({}, measure, "class", "duration", 50, 8)];
      expect((count === null) !== (quantile === null)).toBe(true);
      expect(isQuantile(measure) && stacks(measure)).toBe(false);
    }
    expect(quantilesOf({}, "p95", "class", "duration", 50, 8)!.quantiles).toEqual([0.95]);
    expect(quantilesOf({}, "quantiles", "class", "duration", 50, 8)!.by).toBeNull();
    expect(histogramOf({}, "error_share", "class", 50, 8)!.rate).toBe(false);
  });
  it("names series", () => {
    const drill = { view: "exchanges", filter: "", mode: "overlap", exact: true };
    const time = { start: "2026-11-21T21:40:00Z", from: "2026-11-21T21:40:00Z", to: "2026-11-21T21:41:00Z", step_ns: 1e9, count: 2 };
    const bars = trendsOfHistogram({ ...time, series: [{ kind: "value", key: 200, values: [1, 2], total: 3, drill }, { kind: "other", key: null, values: [1, 0], total: 1, drill }, { kind: "null", key: null, values: [0, 0], total: 0, drill }] } as never);
    expect(bars.trends.map((trend) => trend.name)).toEqual(["200", "other"]);
    expect(bars.step).toBe(1000);
    const lines = trendsOfQuantiles({ ...time, quantiles: [0.5, 0.95], series: [{ key: null, values: [[1, null], [3, 4]], total: 3, drill }] } as never, { from: 0, to: 1 });
    expect(lines.trends.map((trend) => [trend.name, trend.values])).toEqual([["p50", [1, null]], ["p95", [3, 4]]]);
  });
});
