/** Pictures as numbers: what is drawn is where it is said to be, at every density of values. */
import { describe, expect, it } from "vitest";
import { drawGaps, drawLine, drawPartial, fillBars } from "../../src/chart/lines.ts";
import { mixed, packed, type Path, pixels, type Pixels, stroke } from "../../src/chart/pixels.ts";
import { stack } from "../../src/chart/stack.ts";

const [WHITE, BLACK, RED, BLUE] = ["#ffffff", "#000000", "#ff0000", "#0000ff"];

/** The colour at a place in device pixels, as `#rrggbb`. */
function at(on: Pixels, x: number, y: number): string {
  const pixel = on.data[y * on.width + x]!;
  return `#${[pixel & 0xff, (pixel >> 8) & 0xff, (pixel >> 16) & 0xff].map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}
/** How much of a column is not ground. */
const inked = (on: Pixels, x: number) => Array.from({ length: on.height }, (_, y) => at(on, x, y)).filter((color) => color !== WHITE).length;
const path = (...points: [number, number][]): Path => ({ x: Float64Array.from(points, ([x]) => x), y: Float64Array.from(points, ([, y]) => y), count: points.length });
const place = { start: 0, step: 10, from: 0, to: 40 };
const look = { colors: [BLUE, RED], hatched: [false, false], line: WHITE, top: 10 };

describe("colours", () => {
  it("are opaque, and lie in memory as red, green, blue", () => {
    const on = pixels(1, 1, 1, "#123456");
    expect([...new Uint8Array(on.data.buffer, on.data.byteOffset, 4)]).toEqual([0x12, 0x34, 0x56, 0xff]);
    expect(packed("nonsense")).toBe(packed("#808080"));
  });
  it("mix evenly, from one to the other", () => {
    expect(mixed(packed(WHITE), packed(BLACK), 0)).toBe(packed(WHITE));
    expect(mixed(packed(WHITE), packed(BLACK), 256)).toBe(packed(BLACK));
    expect(mixed(packed("#102030"), packed("#304050"), 128)).toBe(packed("#203040"));
  });
});

describe("bars", () => {
  it("stand where their numbers say and leave a pixel to their neighbour", () => {
    const on = pixels(400, 100, 1, WHITE);
    fillBars(on, stack([[5, 0, 10, 1], [5, 2, 0, 0]], 4), place, look);
    for (const [x, y, color] of [[50, 75, BLUE], [50, 25, RED], [150, 90, RED], [150, 50, WHITE], [250, 5, BLUE], [350, 95, BLUE], [350, 80, WHITE], [98, 75, BLUE], [99, 75, WHITE], [100, 90, RED]] as const) {
      expect(at(on, x, y), `${x}, ${y}`).toBe(color);
    }
  });
  it("are drawn in device pixels", () => {
    const on = pixels(400, 100, 2, WHITE);
    fillBars(on, stack([[5, 0, 0, 0]], 4), place, look);
    expect([on.width, on.height, at(on, 100, 199), at(on, 100, 100), at(on, 100, 99), at(on, 197, 150), at(on, 198, 150)]).toEqual([800, 200, BLUE, BLUE, WHITE, BLUE, WHITE]);
  });
  it("show one failure of many buckets that share a pixel, and the highest of them", () => {
    const [buckets, wide] = [4000, 100];
    const fine = Array.from({ length: buckets }, (_, bucket) => (bucket === 2010 ? 9 : 5));
    const failed = Array.from({ length: buckets }, (_, bucket) => (bucket === 2015 ? 3 : 0));
    const on = pixels(wide, 100, 1, WHITE);
    fillBars(on, stack([fine, failed], buckets), { start: 0, step: 1, from: 0, to: buckets }, { ...look, hatched: [false, true] });
    expect(at(on, 50, 35)).toBe(BLUE);
    expect(at(on, 49, 35)).toBe(WHITE);
    const colors = new Set(Array.from({ length: 10 }, (_, y) => at(on, 50, y)));
    expect([...colors].some((color) => color === RED)).toBe(true);
  });
  it("begin at the range, whatever was before it", () => {
    const on = pixels(100, 100, 1, WHITE);
    fillBars(on, stack([Array.from({ length: 1000 }, (_, bucket) => (bucket < 500 ? 10 : 1))], 1000), { start: 0, step: 1, from: 500, to: 1000 }, look);
    expect(at(on, 0, 50)).toBe(WHITE);
    expect(at(on, 0, 95)).toBe(BLUE);
  });
});

describe("lines", () => {
  it("cover what is within their thickness, in part at the edge", () => {
    const on = pixels(20, 10, 1, WHITE);
    stroke(on, path([-5, 5], [25, 5]), 2, packed(BLACK));
    expect(Array.from({ length: 10 }, (_, y) => at(on, 10, y))).toEqual([WHITE, WHITE, WHITE, WHITE, BLACK, BLACK, WHITE, WHITE, WHITE, WHITE]);
    stroke(on, path([-5, 8], [25, 8]), 1, packed(BLACK));
    expect([at(on, 10, 7), at(on, 10, 8)]).toEqual(["#7f7f7f", "#7f7f7f"]);
  });
  it("are as thick however steep they are", () => {
    for (const [dx, dy] of [[40, 0], [40, 40], [10, 40], [0, 40], [40, -10]] as const) {
      const on = pixels(100, 100, 1, WHITE);
      stroke(on, path([50 - dx, 50 - dy], [50 + dx, 50 + dy]), 3, packed(BLACK));
      const ink = on.data.reduce((sum, pixel) => sum + (255 - (pixel & 0xff)) / 255, 0);
      const length = 2 * Math.hypot(dx, dy);
      expect(ink / length, `${dx}, ${dy}`).toBeGreaterThan(2.9);
      expect(ink / length, `${dx}, ${dy}`).toBeLessThan(3.25);
    }
  });
  it("do not add up where pieces of one meet, and leave nothing behind for the next", () => {
    const one = pixels(100, 20, 1, WHITE);
    stroke(one, path([-5, 10.25], [105, 10.25]), 1.5, packed(BLACK));
    const whole = [...one.data];
    const many = pixels(100, 20, 1, WHITE);
    stroke(many, path(...Array.from({ length: 56 }, (_, k): [number, number] => [k * 2 - 5, 10.25])), 1.5, packed(BLACK));
    expect([...many.data]).toEqual(whole);
  });
  it("break where a value is missing, and a value alone is a dot", () => {
    const on = pixels(80, 20, 1, WHITE);
    drawLine(on, [5, 5, null, 5, null, null, 5, 5], { start: 0, step: 1, from: 0, to: 8 }, 10, { color: BLACK, thick: 1.5 });
    expect([inked(on, 10) > 0, inked(on, 25), inked(on, 35) > 0, inked(on, 45), inked(on, 55), inked(on, 70) > 0]).toEqual([true, 0, true, 0, 0, true]);
  });
  it("are dashed, with a halo that is not", () => {
    const on = pixels(80, 20, 1, RED);
    drawLine(on, [5, 5, 5, 5], { start: 0, step: 1, from: 0, to: 4 }, 10, { color: BLACK, thick: 2, dashed: true, halo: WHITE });
    const along = Array.from({ length: 50 }, (_, x) => at(on, x + 15, 10));
    expect(new Set(along)).toEqual(new Set([BLACK, WHITE]));
    expect(at(on, 40, 8)).toBe(WHITE);
    expect(at(on, 40, 2)).toBe(RED);
  });
  it("of more values than pixels keep every peak, in columns that hang together", () => {
    const values = Array.from({ length: 5000 }, (_, k) => (k === 2525 ? 10 : k < 4000 ? 2 : 6));
    const on = pixels(100, 100, 1, WHITE);
    drawLine(on, values, { start: 0, step: 1, from: 0, to: 5000 }, 10, { color: BLACK, thick: 1.5 });
    expect([inked(on, 50) > 75, inked(on, 20) < 5, inked(on, 80) > 35]).toEqual([true, true, true]);
    const torn = values.map((value, k) => (k >= 1000 && k < 2000 ? null : value));
    const again = pixels(100, 100, 1, WHITE);
    drawLine(again, torn, { start: 0, step: 1, from: 0, to: 5000 }, 10, { color: BLACK, thick: 1.5 });
    expect([inked(again, 30), inked(again, 18) > 0, inked(again, 42) > 0]).toEqual([0, true, true]);
  });
  it("of no size at all draw nothing, and numbers that are none do no harm", () => {
    const on = pixels(0, 0, 1, WHITE);
    drawLine(on, [1, NaN, Infinity, -5], place, 10, { color: BLACK, thick: 1.5, dashed: true, halo: RED });
    expect(on.data.length).toBe(1);
  });
});

it("gaps are hatched over their whole height, and what is not over is veiled", () => {
  const on = pixels(400, 60, 1, WHITE);
  drawGaps(on, Uint8Array.from([0, 1, 0, 0]), place, BLACK, WHITE);
  expect([inked(on, 50), inked(on, 250)]).toEqual([0, 0]);
  expect(Array.from({ length: 6 }, (_, x) => inked(on, 150 + x)).every((count) => count > 0)).toBe(true);
  const bars = pixels(400, 60, 1, WHITE);
  fillBars(bars, stack([[10, 10, 10, 10]], 4), place, look);
  drawPartial(bars, 4, place, WHITE, BLACK);
  expect([at(bars, 250, 30), new Set(Array.from({ length: 12 }, (_, x) => at(bars, 350 + x, 30))).has(BLUE)]).toEqual([BLUE, false]);
});
