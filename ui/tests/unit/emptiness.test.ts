/** Why there is nothing, of all that is known. */
import { expect, test } from "vitest";
import { type Facts, reasonOf } from "../../src/explore/emptiness.ts";
import { trailOf } from "../../src/lib/trail.ts";

const EARLY = { from: 100, to: 200 };
const LATE = { from: 1000, to: 2000 };
const usual: Facts = {
  view: "http", refused: false, rows: { http: 5, tcp: 5, packets: 5, logs: 5 }, extents: { http: LATE, tcp: LATE, packets: LATE, logs: LATE },
  range: LATE, selected: false, filtered: false, sessions: null, captured: null,
};

test.each<[string, Partial<Facts>, string]>([
  ["the answer was that there is no right", { refused: true, filtered: true }, "right"],
  ["nothing at all", { rows: { http: 0, tcp: 0, packets: 0, logs: 0 }, extents: { http: null, tcp: null, packets: null, logs: null } }, "nothing"],
  ["packets that the import did not keep", { view: "packets", rows: { http: 5, tcp: 5, packets: 0, logs: 0 }, extents: { http: LATE, tcp: LATE, packets: null, logs: null } }, "unstored"],
  ["sessions, and no HTTP in any", { rows: { http: 0, tcp: 5, packets: 0, logs: 0 }, extents: { http: null, tcp: LATE, packets: null, logs: null } }, "protocol"],
  ["sessions of this range, and no HTTP in them", { sessions: 3 }, "protocol"],
  ["before the oldest that are left, where sessions still are", { range: EARLY, extents: { http: LATE, tcp: { from: 150, to: 2000 }, packets: null, logs: null } }, "expired"],
  ["before the oldest that are left, where packets were counted", { range: EARLY, captured: 7 }, "expired"],
  ["before the first, and nothing tells that there was any", { range: EARLY, captured: 0 }, "outside"],
  ["after the last", { range: { from: 3000, to: 4000 }, captured: 7 }, "outside"],
  ["a filter", { filtered: true, selected: true, sessions: 3 }, "filter"],
  ["a selection", { selected: true }, "selection"],
  ["a quiet minute", { sessions: 0 }, "range"],
])("%s", (_, facts, reason) => {
  expect(reasonOf({ ...usual, ...facts })).toBe(reason);
});

test("the trail of time is read from any history entry, and what makes no sense is none", () => {
  const trail = { undo: [["now-1h", "now"]], redo: [] };
  expect(trailOf({ trail })).toEqual(trail);
  for (const state of [null, undefined, 7, "x", {}, { trail: null }, { trail: { undo: 3, redo: [["a"], [1, 2], null] } }]) {
    expect(trailOf(state)).toEqual({ undo: [], redo: [] });
  }
  expect(trailOf({ trail: { undo: Array.from({ length: 300 }, (_, at) => [`${at}`, "now"]) } }).undo.length).toBe(100);
});
