/** The log codes grid and a line's parts, as data. */
import { describe, expect, test } from "vitest";
import { bucketOf, changeOf, type CodeRow, type Codes, compareOf, eventKey, eventsFilter, EXPORTED, exportedRows, linesOfRow, nameOf, opened, shownRows } from "../../src/logs/codes.ts";
import { gravity, levelColor, levelTone } from "../../src/logs/levels.ts";
import { toCsv, toNdjson } from "../../src/views/stats/export.ts";
import { fieldsOf, headOf, linesOf } from "../../src/logs/record.ts";

const FROM = Date.UTC(2026, 0, 1);
const at = (minutes: number) => new Date(FROM + minutes * 60_000).toISOString();
const drill = { view: "log_records", filter: "code:A-001", mode: "start" as const, exact: true };

function row(change: Partial<CodeRow>): CodeRow {
  return { code: "A-001", template: null, service: "shop", level: "error", templates: 1, lines: 5, records: 2, before: 0, first: at(1), last: at(2), spark: [5, 0], states: [], sample: null, drill, ...change };
}
const answer: Codes = {
  start: at(-0.5), step_ns: 60e9, count: 3, from: at(0), to: at(2), compared_from: at(-2), compared_to: at(0), known_from: null, rows: [],
  other: { lines: 0, records: 0, before: 0 }, total: { lines: 5, records: 2, before: 0 }, groups: 1, scanned: { rows: 1, skipped: 0, lost: 0 },
};

describe("rows", () => {
  const rows = [
    row({ code: "I", level: "info", lines: 900 }), row({ code: "N", level: null, states: ["new"] }), row({ code: "E", lines: 3 }),
    row({ code: "G", lines: 0, records: 0, before: 40, states: ["gone"] }), row({ code: null, template: "a <*>", level: "fatal", states: ["burst"] }),
  ];
  const names = (pick: Parameters<typeof shownRows>[1], sort: string) => shownRows(rows, pick, sort).map(nameOf);

  test("the gravest come first, what is gone by what it was", () => {
    expect(names("", "level")).toEqual(["a <*>", "G", "E", "N", "I"]);
    expect(names("", "-level")).toEqual(["I", "N", "E", "G", "a <*>"]);
    expect(names("", "lines")[0]).toBe("I");
    expect(names("", "nonsense")).toEqual(names("", "level"));
  });
  test("each choice has its own", () => {
    expect(names("grave", "level")).toEqual(["a <*>", "G", "E"]);
    expect(names("new", "level")).toEqual(["N"]);
    expect(names("gone", "level")).toEqual(["G"]);
    expect(names("burst", "level")).toEqual(["a <*>"]);
  });
  test("a change is lines more than before", () => {
    expect(rows.map(changeOf)).toEqual([900, 5, 3, -40, 5]);
  });
});

describe("how many lines there were", () => {
  const key = eventKey(["error", "A-001", null, "shop"]);
  test("is about what the kept ones stand for, and what was counted where that is more", () => {
    expect(linesOfRow(row({}), new Map())).toEqual({ lines: 5, about: true, says: "About 5 lines: each of 2 kept ones stands for some" });
    expect(linesOfRow(row({}), new Map([[key, 4]]))).toMatchObject({ lines: 5, about: true, says: expect.stringContaining("4 were counted") });
    // All were kept for which there was room.
    expect(linesOfRow(row({ records: 5 }), new Map([[key, 900]]))).toEqual({ lines: 900, about: false, says: "900 lines were counted, 5 of them kept" });
    expect(linesOfRow(row({ records: 5 }), new Map())).toMatchObject({ lines: 5, about: false });
    const template = eventKey(["error", "", "a <*>", "shop"]);
    expect(linesOfRow(row({ code: null, template: "a <*>" }), new Map([[template, 70]])).lines).toBe(70);
  });
  test("is counted by fewer fields than lines have", () => {
    expect(eventsFilter("")).toBe("");
    expect(eventsFilter('service:"a b" -level:(warn or info) agent:web-1 code:P-1')).toBe('label.service:"a b" -label.level:(warn or info) agent:web-1 label.code:P-1');
    expect([eventsFilter("refused"), eventsFilter("field.user:x"), eventsFilter("service:a or service:b")]).toEqual([null, null, null]);
  });
});

describe("what a click opens", () => {
  test("the kept lines of the range, with their number", () => {
    const state = opened(row({}), answer, "UTC");
    expect(state.drill).toMatchObject({ q: "code:A-001", from: FROM, to: FROM + 120_000, count: "start", says: 2, loose: false });
  });
  test("of what is gone those of the compared range, of which nobody knows how many were kept", () => {
    const state = opened(row({ lines: 0, records: 0, before: 3 }), answer, "UTC");
    expect(state.drill).toMatchObject({ from: FROM - 120_000, to: FROM, says: 3, loose: true });
  });
  test("of a bar its lines: exactly those where all were kept, else what was kept of them", () => {
    const within = { from: FROM, to: FROM + 30_000, lines: 5 };
    expect(opened(row({}), answer, "UTC", within).drill).toMatchObject({ from: FROM, to: FROM + 30_000, says: 5, loose: true, why: "5 × A-001 of shop, 00:00:00 – 00:00:30" });
    expect(opened(row({ records: 5 }), answer, "UTC", within).drill).toMatchObject({ says: 5, loose: false });
  });
  test("a bar is cut to the range", () => {
    const range = { from: FROM, to: FROM + 120_000 };
    expect(bucketOf(answer, 0, range)).toEqual({ at: 0, from: FROM, to: FROM + 30_000 });
    expect(bucketOf(answer, 0.99, range)).toEqual({ at: 2, from: FROM + 90_000, to: FROM + 120_000 });
  });
  test("something is always compared with", () => {
    expect([compareOf(""), compareOf("prev"), compareOf("1d"), compareOf("7d")]).toEqual(["previous", "previous", "yesterday", "week"]);
  });
});

test("an export has every row with a link, and no cell of it is a formula", () => {
  const lines = exportedRows([row({ sample: { id: "1", message: "=cmd()" } as CodeRow["sample"] }), row({ code: null, template: "a, b" })], ({ code }) => `/x?${code}`);
  const csv = toCsv(EXPORTED, lines).split("\r\n");
  expect(csv[0]).toBe("level,code,template,service,lines,kept,before,first,last,states,newest line,link");
  expect(csv[1]).toBe(`error,A-001,,shop,5,2,0,${at(1)},${at(2)},,'=cmd(),/x?A-001`);
  expect(csv[2]).toContain('error,,"a, b",shop');
  expect(JSON.parse(toNdjson(EXPORTED, lines).split("\n")[1]!)).toMatchObject({ code: null, template: "a, b", lines: 5, kept: 2 });
});

test("levels have an order and colours of meaning", () => {
  expect(["fatal", "error", "warn", null, "info", "debug", "trace", "odd"].map(gravity)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(["fatal", "warn", "info", null].map(levelColor)).toEqual(["error", "slow", "fast", "other"]);
  expect(levelTone("debug")).toBe("");
});

test("a line is read by the names of its columns, and its fields as they stand", () => {
  const columns = [{ name: "id", label: "id", kind: "id" }, { name: "message", label: "message", kind: "text" }];
  expect(linesOf({ columns, rows: [["x", "a\nb"]] })[0]).toMatchObject({ id: "x", message: "a\nb", level: null });
  expect(fieldsOf("user: a: b\nodd\n")).toEqual([{ name: "user", value: "a: b" }, { name: "odd", value: "" }]);
  expect(headOf("first\n  at x\n  at y\n")).toEqual({ head: "first", more: 2 });
});
