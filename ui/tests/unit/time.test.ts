import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { timeTicks } from "../../src/chart/ticks.ts";
import { addDays, fromWall, LADDER, openingRange, pan, resolve, stepFor, stepOf, stepText, zoom } from "../../src/lib/time.ts";

const HOUR = 3_600_000;
const at = (text: string) => Date.parse(text);
const BERLIN = "Europe/Berlin";
/** Clocks go on by an hour on 2026-03-29 and back on 2026-10-25. */
const NOW = at("2026-11-21T12:00:00Z");

describe("what people write", () => {
  test.each([
    ["now", "2026-11-21T12:00:00Z"], ["now-1h", "2026-11-21T11:00:00Z"], ["now-90s", "2026-11-21T11:58:30Z"], ["now+15m", "2026-11-21T12:15:00Z"],
    ["now/d", "2026-11-21T00:00:00Z"], ["now-1d/d", "2026-11-20T00:00:00Z"], ["now/w", "2026-11-16T00:00:00Z"], ["now-1M/M", "2026-10-01T00:00:00Z"],
    ["now/h", "2026-11-21T12:00:00Z"], ["2026-11-21", "2026-11-21T00:00:00Z"], ["2026-11-21 14:05", "2026-11-21T14:05:00Z"],
    ["2026-11-21T14:05:03.25", "2026-11-21T14:05:03.250Z"], ["2026-11-21T14:05:00+02:00", "2026-11-21T12:05:00Z"],
    ["1795255200", "2026-11-21T10:00:00Z"], ["1795255200000", "2026-11-21T10:00:00Z"], ["1795255200000000", "2026-11-21T10:00:00Z"], ["1795255200000000000", "2026-11-21T10:00:00Z"],
  ])("%s is %s", (text, instant) => {
    expect(new Date(resolve(text, NOW, "UTC")!).toISOString()).toBe(new Date(instant).toISOString());
  });

  test.each(["", "yesterday", "now-", "now-1y", "now-1h/", "2026-13-01", "2026-02-30", "2026-11-21 25:00", "2026-11-21 10:75", "10:00", "-5", "1e5", "now-1h-1h"])("%j is nothing", (text) => {
    expect(resolve(text, NOW, "UTC")).toBeNull();
  });

  test("an end is rounded up", () => {
    expect(resolve("now-1d/d", NOW, "UTC", true)).toBe(at("2026-11-21T00:00:00Z"));
    expect(resolve("now/M", NOW, "UTC", true)).toBe(at("2026-12-01T00:00:00Z"));
    expect(resolve("now/w", NOW, "UTC", true)).toBe(at("2026-11-23T00:00:00Z"));
  });

  test("nothing that is written makes it fail", () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.stringMatching(/^now[+-][0-9]{1,9}[smhdwM](\/[smhdwM])?$/)), (text) => {
      const value = resolve(text, NOW, BERLIN);
      expect(value === null || typeof value === "number").toBe(true);
    }));
  });

  test("months that are too short end where they end", () => {
    expect(resolve("now-1M", at("2026-03-31T12:00:00Z"), "UTC")).toBe(at("2026-02-28T12:00:00Z"));
  });
});

describe("days of 23 and 25 hours", () => {
  test("a day begins when its clocks say so", () => {
    const spring = at("2026-03-29T12:00:00Z");
    const autumn = at("2026-10-25T12:00:00Z");
    expect(resolve("now/d", spring, BERLIN, true)! - resolve("now/d", spring, BERLIN)!).toBe(23 * HOUR);
    expect(resolve("now/d", autumn, BERLIN, true)! - resolve("now/d", autumn, BERLIN)!).toBe(25 * HOUR);
    expect(resolve("now/d", NOW, BERLIN, true)! - resolve("now/d", NOW, BERLIN)!).toBe(24 * HOUR);
  });

  test("yesterday at the same time of day", () => {
    expect(addDays(at("2026-03-29T10:00:00Z"), -1, BERLIN)).toBe(at("2026-03-28T11:00:00Z"));
    expect(addDays(at("2026-10-25T10:00:00Z"), -1, BERLIN)).toBe(at("2026-10-24T09:00:00Z"));
    expect(addDays(at("2026-11-25T10:00:00Z"), -7, BERLIN)).toBe(at("2026-11-18T10:00:00Z"));
  });

  test("a time that clocks skip moves on", () => {
    expect(new Date(resolve("2026-03-29 02:30", NOW, BERLIN)!).toISOString()).toMatch(/^2026-03-29T0[01]:30/);
  });

  test("clocks and instants agree, but for the hour that comes twice", () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 4e12 }), fc.constantFrom("UTC", BERLIN, "America/New_York", "Asia/Kolkata", "Pacific/Apia"), (ms, zone) => {
      const there = addDays(addDays(ms, 3, zone), -3, zone);
      expect(Math.abs(there - ms)).toBeLessThanOrEqual(24 * HOUR);
      expect((there - ms) % 1800_000).toBe(0);
      expect(fromWall(ms, "UTC")).toBe(ms);
    }));
  });
});

describe("moving", () => {
  const range = fc.tuple(fc.integer({ min: 0, max: 2e12 }), fc.integer({ min: 100, max: 1e11 })).map(([from, width]) => ({ from, to: from + width }));

  test("panning keeps the width and does not pass now", () => {
    fc.assert(fc.property(range, fc.double({ min: -5, max: 5, noNaN: true }), (shown, share) => {
      const now = shown.to + 1000;
      const moved = pan(shown, share, now);
      expect(moved.to - moved.from).toBe(shown.to - shown.from);
      expect(moved.to).toBeLessThanOrEqual(now);
    }));
  });

  test("zooming keeps what is under the pointer", () => {
    fc.assert(fc.property(range, fc.double({ min: 0.1, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }), (shown, factor, share) => {
      const point = shown.from + share * (shown.to - shown.from);
      const next = zoom(shown, factor, point, shown.to);
      expect(next.to - next.from).toBeGreaterThanOrEqual(100);
      const there = next.from + share * (next.to - next.from);
      expect(Math.abs(there - point)).toBeLessThanOrEqual(2);
    }));
  });

  test("further out ends at now", () => {
    const next = zoom({ from: NOW - HOUR, to: NOW }, 2, NOW - HOUR / 2, NOW);
    expect(next).toEqual({ from: NOW - 2 * HOUR, to: NOW });
  });
});

describe("steps", () => {
  test("a step gives no more buckets than asked for, and no ladder step below it does", () => {
    fc.assert(fc.property(fc.integer({ min: 100, max: 1e12 }), fc.integer({ min: 10, max: 2000 }), (width, most) => {
      const step = stepFor({ from: 0, to: width }, most);
      expect(width / step).toBeLessThanOrEqual(most);
      const below = LADDER[LADDER.indexOf(step) - 1];
      if (below) expect(width / below).toBeGreaterThan(most);
    }));
  });
  test("words and steps belong together", () => {
    expect(LADDER.map(stepText)).toEqual(["100ms", "1s", "5s", "10s", "30s", "1m", "5m", "15m", "1h", "6h", "1d"]);
    for (const step of LADDER) expect(stepOf(stepText(step))).toBe(step);
    expect(stepOf("7s")).toBeNull();
  });
});

describe("a page without a range", () => {
  test("shows the shortest range on offer that holds the data", () => {
    expect(openingRange({ from: NOW - 600_000, to: NOW - 1000 }, NOW)).toEqual({ from: "now-15m", to: "now" });
    expect(openingRange({ from: NOW - 5 * HOUR, to: NOW }, NOW)).toEqual({ from: "now-6h", to: "now" });
  });
  test("shows all of what is long ago", () => {
    expect(openingRange({ from: NOW - 5 * HOUR, to: NOW - 4.9 * HOUR }, NOW)).toEqual({ from: "2026-11-21T07:00:00.000Z", to: "2026-11-21T07:06:00.000Z" });
  });
  test("shows the last hour of what goes on for ever, and when there is nothing", () => {
    expect(openingRange({ from: NOW - 900 * 24 * HOUR, to: NOW }, NOW)).toEqual({ from: "now-1h", to: "now" });
    expect(openingRange(null, NOW)).toEqual({ from: "now-1h", to: "now" });
  });
});

describe("ticks of time", () => {
  test("lie inside, in order, apart, and on round times", () => {
    fc.assert(fc.property(fc.integer({ min: 1e12, max: 2e12 }), fc.integer({ min: 100, max: 4e10 }), fc.integer({ min: 200, max: 4000 }), fc.constantFrom("UTC", BERLIN, "Asia/Kolkata"), (from, width, pixels, zone) => {
      const ticks = timeTicks({ from, to: from + width }, pixels, zone);
      ticks.forEach((tick, index) => {
        expect(tick.at).toBeGreaterThanOrEqual(from);
        expect(tick.at).toBeLessThan(from + width);
        const before = ticks[index - 1];
        // An hour that clocks skip or repeat brings two marks nearer to each other.
        if (before) expect(((tick.at - before.at) / width) * pixels).toBeGreaterThanOrEqual(width < 40 * HOUR ? 79 : 38);
      });
    }), { numRuns: 300 });
  });
  test("midnight is a day", () => {
    const ticks = timeTicks({ from: at("2026-11-21T20:00:00Z"), to: at("2026-11-22T04:00:00Z") }, 1000, "UTC");
    expect(ticks.find((tick) => tick.major)?.text).toBe("22 Nov");
  });
});
