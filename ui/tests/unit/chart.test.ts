import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rgb } from "../../src/chart/heatmap.ts";
import { edges, seriesAt, stack, total } from "../../src/chart/stack.ts";
import { bucketAt } from "../../src/chart/bars.ts";
import { durationTicks, numberTicks } from "../../src/chart/ticks.ts";

const bars = fc.tuple(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 30 })).chain(([series, count]) =>
  fc.array(fc.array(fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 0, max: 1e6 }) }, fc.constant(null)), { minLength: count, maxLength: count }), { minLength: series, maxLength: series })
    .map((values) => ({ values, count })));

describe("stacks", () => {
  test("sums are those that anybody would reckon", () => {
    fc.assert(fc.property(bars, ({ values, count }) => {
      const stacked = stack(values, count);
      let max = 0;
      for (let bucket = 0; bucket < count; bucket += 1) {
        const sum = values.reduce((all, series) => all + (series[bucket] ?? 0), 0);
        expect(total(stacked, bucket)).toBe(sum);
        max = Math.max(max, sum);
      }
      expect(stacked.max).toBe(max);
    }));
  });

  test("what is under the pointer is what was drawn there", () => {
    fc.assert(fc.property(bars, fc.nat(), fc.integer({ min: -5, max: 2e6 }), ({ values, count }, at, height) => {
      const stacked = stack(values, count);
      const bucket = count === 0 ? 0 : at % count;
      let sum = 0;
      const naive = height < 0 ? -1 : values.findIndex((series) => {
        sum += series[bucket] ?? 0;
        return height < sum;
      });
      expect(seriesAt(stacked, bucket, height)).toBe(count === 0 ? -1 : naive);
    }), { numRuns: 3000 });
  });

  test("a bucket outside has nothing", () => {
    const stacked = stack([[1, 2]], 2);
    expect([seriesAt(stacked, -1, 0), seriesAt(stacked, 2, 0), seriesAt(stacked, 0, 1)]).toEqual([-1, -1, -1]);
  });

  test("edges are whole pixels in order, inside, and neighbours share them", () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 1e6 }), fc.integer({ min: 1, max: 1e4 }), fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 4000 }), (start, step, count, pixels) => {
      const x = edges(start, step, count, start + step / 3, start + step * count * 0.9 + step, pixels);
      expect(x.length).toBe(count + 1);
      for (let at = 0; at < count; at += 1) {
        expect(x[at + 1]!).toBeGreaterThanOrEqual(x[at]!);
        expect(x[at]!).toBeGreaterThanOrEqual(0);
        expect(x[at + 1]!).toBeLessThanOrEqual(pixels);
      }
    }));
  });

  test("a pixel finds its bucket", () => {
    const place = { start: 0, step: 10, from: 0, to: 100 };
    expect([0, 99, 100, 500, 999, -1, 1000].map((x) => bucketAt(x, 1000, place, 10))).toEqual([0, 0, 1, 5, 9, -1, -1]);
  });
});

describe("ticks", () => {
  test.each([[0, [0, 1]], [1, [0, 0.5, 1]], [7, [0, 2.5, 5, 7.5]], [1000, [0, 500, 1000]], [28_4000, [0, 100_000, 200_000, 300_000]]])("to %s", (max, ticks) => expect(numberTicks(max)).toEqual(ticks));
  test("round numbers from nothing to above the highest", () => {
    fc.assert(fc.property(fc.double({ min: 1e-6, max: 1e15, noNaN: true }), fc.integer({ min: 2, max: 8 }), (max, wanted) => {
      const ticks = numberTicks(max, wanted);
      expect(ticks[0]).toBe(0);
      expect(ticks.at(-1)!).toBeGreaterThanOrEqual(max * 0.999);
      expect(ticks.length).toBeLessThanOrEqual(wanted * 2 + 3);
      expect(ticks.length).toBeGreaterThanOrEqual(2);
    }));
  });
  test("durations in the unit of people", () => expect(durationTicks(120e9)).toEqual([0, 60e9, 120e9]));
});

test("colours are read as styles are built: in three digits or six", () => {
  expect(rgb("#ffffff")).toEqual([255, 255, 255]);
  expect(rgb("#fff")).toEqual([255, 255, 255]);
  expect(rgb("#1a2")).toEqual(rgb("#11aa22"));
});
