import { describe, expect, it } from "vitest";
import { barAt, type Bar, firstIn, pack } from "../../src/chart/waterfall.ts";
import { cast, CLIENTS, moved } from "../../src/views/calls/actors.ts";
import { threads, together } from "../../src/views/calls/follow.ts";
import { callLines } from "../../src/views/calls/lines.ts";
import { type Call, callsOf, clockOf, endOf, labelOf, nanosFrom, secondOf } from "../../src/views/calls/rows.ts";
import { columnsOf, slots, under, within } from "../../src/views/sequence/geometry.ts";
import { mermaid, plain } from "../../src/views/sequence/mermaid.ts";
import { eventAt, SCALES, timed } from "../../src/views/sequence/scale.ts";
import { marks, zoomed } from "../../src/views/waterfall/axis.ts";

let number = 0;
function call(change: Partial<Call>): Call {
  number += 1;
  return {
    id: `id${number}`, start: 0, sent: 1, answer: 90, end: 100, client: "198.51.100.1", origin: change.client ?? "198.51.100.1", server: "10.0.0.5", service: "shop",
    session: "S", request: "", trace: "", method: "GET", path: "/a/1", template: "/a/{id}", status: 200, class: "fast", ...change,
  };
}
const same = { merged: (name: string) => name, hide: false, order: [], clients: Infinity };

describe("rows", () => {
  it("keep every nanosecond", () => {
    const base = secondOf("2026-11-21T21:40:29.405681001Z");
    expect(nanosFrom(base, "2026-11-21T21:40:29.405681001Z")).toBe(405_681_001);
    expect(nanosFrom(base, "2026-11-21T22:40:30.000000002Z")).toBe(3601 * 1e9 + 2);
    expect(nanosFrom(base, "2026-11-21T21:40:29Z")).toBe(0);
    expect(clockOf(base, 405_681_001, "UTC", 9)).toBe("21:40:29.405681001");
    expect(clockOf(base, 3601 * 1e9, "UTC")).toBe("22:40:30.000000");
  });
  it("are read by place, with what is missing", () => {
    const row = ["x", "2026-11-21T21:40:29.5Z", null, null, null, "10.0.0.1", null, "10.0.0.2", 80, null, "S", null, null, null, "/p", null, null, "open"];
    const [one] = callsOf({ columns: [], rows: [row] }, secondOf("2026-11-21T21:40:29.5Z"));
    expect(one).toMatchObject({ id: "x", start: 5e8, end: null, origin: "10.0.0.1", service: "10.0.0.2:80", status: null, class: "open" });
    expect(endOf(one!)).toBe(5e8);
    expect(labelOf(one!, true)).toBe("? /p");
    expect(callLines([one!], 0, "UTC")[0]!.cells).toMatchObject({ status: "no answer", wait: null, all: 0 });
  });
});

describe("cast", () => {
  const calls = [
    call({ start: 0, end: 100 }), call({ start: 10, end: 90, client: "10.0.0.5", server: "10.0.0.6", service: "session-1" }),
    call({ start: 20, end: 80, client: "10.0.0.6", server: "10.0.0.7", service: "db" }),
  ];
  it("puts callers left of those they call", () => {
    const of = cast(calls, same);
    expect(of.actors).toEqual(["198.51.100.1", "shop", "session-1", "db"]);
    expect(of.arrows.map(({ from, to }) => [from, to])).toEqual([[0, 1], [1, 2], [2, 3]]);
  });
  it("follows an order, and merges", () => {
    const of = cast(calls, { ...same, merged: (name) => name.replace(/-\d+$/, ""), order: ["db", "nobody"] });
    expect(of.actors).toEqual(["db", "198.51.100.1", "shop", "session"]);
    expect(of.arrows.map(({ from, to }) => [from, to])).toEqual([[1, 2], [2, 3], [3, 0]]);
  });
  it("hides proxies: what they ask is asked by whom they ask for", () => {
    const of = cast([calls[0]!, call({ client: "10.0.0.5", origin: "198.51.100.1", server: "10.0.0.6", service: "session" })], { ...same, hide: true });
    expect(of.actors).toEqual(["198.51.100.1", "session"]);
    expect(of.hidden).toEqual(["10.0.0.5"]);
    expect(of.arrows.length).toBe(1);
  });
  it("finds the service behind another address by the call that it works on", () => {
    const of = cast([
      call({ start: 0, end: 100, server: "192.0.2.10", service: "www", request: "r" }),
      call({ start: 10, end: 90, client: "10.0.0.9", origin: "198.51.100.1", server: "10.0.0.6", service: "shop", request: "r" }),
      call({ start: 200, end: 300, client: "10.0.0.9", origin: "198.51.100.1", server: "10.0.0.6", service: "shop", request: "r2" }),
    ], same);
    expect(of.arrows.map(({ from, to }) => [of.actors[from], of.actors[to]])).toEqual([["198.51.100.1", "www"], ["www", "shop"], ["10.0.0.9", "shop"]]);
  });
  it("gives many clients one column", () => {
    const of = cast(Array.from({ length: 5 }, (_, at) => call({ client: `198.51.100.${at}` })), { ...same, clients: 3 });
    expect(of.actors).toEqual([CLIENTS, "shop"]);
    expect(of.joined).toBe(5);
  });
  it("moves an actor", () => {
    expect(moved(["a", "b", "c"], 0, 2)).toEqual(["b", "c", "a"]);
    expect(moved(["a", "b", "c"], 2, -5)).toEqual(["c", "a", "b"]);
    expect(moved(["a"], 7, 0)).toEqual(["a"]);
  });
});

describe("following", () => {
  it("offers what not all share", () => {
    const calls = [call({ request: "r 1", session: "S1" }), call({ request: "r2", session: "S1" })];
    expect(together(calls)).toBe(true);
    expect(threads(calls[0], calls)).toEqual([{ label: "request id r 1", filter: 'request.id:"r 1"' }]);
    expect(together([call({ session: "a" }), call({ session: "b" })])).toBe(false);
    expect(threads(undefined, [])).toEqual([]);
  });
});

describe("time scales", () => {
  const arrows = [call({ start: 0, end: 50 }), call({ start: 10, end: 5000 }), call({ start: 20, end: null, answer: null }), call({ start: 9e6, end: 9e6 })].map((one) => ({ call: one, from: 0, to: 1 }));
  it("never turn time back, keep labels apart and bound a pause", () => {
    for (const scale of SCALES) {
      const of = timed(arrows, scale);
      expect(of.events.length).toBe(7);
      for (let at = 1; at < of.y.length; at += 1) {
        const gap = of.y[at]! - of.y[at - 1]!;
        expect(gap).toBeGreaterThanOrEqual(22);
        expect(gap).toBeLessThanOrEqual(180);
        expect(of.events[at]!.time).toBeGreaterThanOrEqual(of.events[at - 1]!.time);
      }
      expect(of.response[2]).toBe(-1);
      arrows.forEach((_, at) => expect(of.response[at] === -1 || of.response[at]! > of.request[at]!).toBe(true));
    }
  });
  it("longer lasts are longer, in each scale but the first", () => {
    for (const scale of ["linear", "logarithmic", "squared"] as const) {
      const { y, events } = timed(arrows, scale);
      const gaps = events.slice(1).map((event, at) => [event.time - events[at]!.time, y[at + 1]! - y[at]!] as const).sort((a, b) => a[0] - b[0]);
      for (let at = 1; at < gaps.length; at += 1) expect(gaps[at]![1]).toBeGreaterThanOrEqual(gaps[at - 1]![1] - 1e-9);
    }
    expect(timed([], "linear").height).toBe(26);
  });
  it("finds arrows and delays", () => {
    const of = timed(arrows, "sequential");
    const columns = columnsOf(2, 800);
    const slot = slots(arrows);
    expect([...slot]).toEqual([0, 1, 2, 0]);
    expect(eventAt(of.y, of.y[3]!)).toBe(3);
    expect(under(arrows, of, columns, slot, columns.x(0) + 20, of.y[0]!)).toEqual({ arrow: 0, delay: -1 });
    expect(under(arrows, of, columns, slot, 20, of.y[1]! - 11).delay).toBe(1);
    expect(within(arrows, of, of.y[6]! + 1, 1e6)).toEqual([]);
  });
});

describe("mermaid", () => {
  it("writes what was captured as plain words", () => {
    const text = mermaid(cast([call({ path: "/a;b\nparticipant evil", template: "", method: "GET" }), call({ class: "error", status: null })], same), true);
    expect(text.split("\n").length).toBe(8);
    expect(text).toContain("GET /a#59;b participant evil");
    expect(text).toContain("--xa0: no answer");
    expect(plain('<b>"x"#')).toBe("#60;b#62;#34;x#34;#35;");
  });
});

describe("waterfall", () => {
  const bar = (start: number, end: number): Bar => ({ start, sent: start, answer: end, end, color: 0, hatched: false });
  it("puts what overlaps into rows, and what does not into one", () => {
    const bars = [bar(0, 10), bar(5, 15), bar(10, 20), bar(15, 15), bar(15, 16), bar(30, 31)];
    const of = pack(bars, ["a", "a", "a", "a", "a", "b"], 2);
    expect(of.lanes.map((lane) => [lane.name, lane.rows.length, lane.top])).toEqual([["a", 3, 0], ["b", 1, 5]]);
    expect([...of.row]).toEqual([2, 3, 2, 3, 4, 7]);
    for (const lane of of.lanes) for (const row of lane.rows) for (let at = 1; at < row.length; at += 1) expect(bars[row[at]!]!.start).toBeGreaterThanOrEqual(bars[row[at - 1]!]!.end);
    expect(firstIn(bars, of.lanes[0]!.rows[0]!, 11)).toBe(1);
  });
  it("finds the bar under the pointer, and near it", () => {
    const bars = [bar(0, 10), bar(5, 15), bar(90, 90)];
    const of = pack(bars, ["a", "a", "a"], 1);
    const look = { from: 0, to: 100, row: 10, scrolled: 0, head: 1 };
    expect(barAt(bars, of, look, 5, 15, 100)).toBe(0);
    expect(barAt(bars, of, look, 12, 25, 100)).toBe(1);
    expect(barAt(bars, of, look, 92, 15, 100)).toBe(2);
    expect(barAt(bars, of, look, 50, 15, 100)).toBe(-1);
    expect(barAt(bars, of, look, 5, 5, 100)).toBe(-1);
  });
  it("marks the clock, or offsets when it is too coarse", () => {
    expect(marks(0, 10e9, 800, secondOf("2026-11-21T21:40:29"), "UTC", 0)[0]!.text).toBe("21:40:30");
    const near = marks(0, 1e6, 800, 0, "UTC", 2e5);
    expect(near.find((mark) => mark.at === 2e5)!.text).toBe("0");
    expect(near.at(-1)!.text).toMatch(/^\+.* µs$/);
    expect(marks(5, 5, 800, 0, "UTC", 0)).toEqual([]);
  });
  it("zooms around the pointer within bounds", () => {
    expect(zoomed(0, 1000, 0.5, 0.25, { from: 0, to: 1000 })).toEqual({ from: 125, to: 625 });
    const tiny = zoomed(0, 210, 0.001, 0.5, { from: 0, to: 1000 });
    expect(tiny.to - tiny.from).toBe(200);
    const huge = zoomed(0, 1000, 99, 0.5, { from: 0, to: 1000 });
    expect(huge.to - huge.from).toBe(1200);
  });
});
