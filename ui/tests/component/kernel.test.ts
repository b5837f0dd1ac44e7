/** The canvas kernel by its pixels: what is drawn is where it is said to be. */
import { expect, test } from "vitest";
import { bucketAt, drawBars, drawGhost } from "../../src/chart/bars.ts";
import { seriesAt, stack } from "../../src/chart/stack.ts";
import { surface, type Surface } from "../../src/chart/surface.ts";

const [RED, BLUE] = ["#ff0000", "#0000ff"];

function canvas(width: number, height: number): Surface {
  const element = document.createElement("canvas");
  document.body.append(element);
  return surface(element, width, height);
}

/** The colour at a place in CSS pixels, as `#rrggbb`; empty where nothing was drawn. */
function at(on: Surface, x: number, y: number): string {
  const [r = 0, g = 0, b = 0, a = 0] = on.context.getImageData(Math.floor(x * on.ratio), Math.floor(y * on.ratio), 1, 1).data;
  return a === 0 ? "" : `#${[r, g, b].map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}

const place = { start: 0, step: 10, from: 0, to: 40 };
const look = { colors: [BLUE, RED], hatched: [false, false], line: "#ffffff", top: 10 };

test("each colour stands where its numbers say, and the pointer finds the same", () => {
  const on = canvas(400, 100);
  const bars = stack([[5, 0, 10, 1], [5, 2, 0, 0]], 4);
  drawBars(on, bars, place, look);
  for (const [x, y, color, series] of [
    [50, 75, BLUE, 0], [50, 25, RED, 1], [150, 90, RED, 1], [150, 50, "", -1], [250, 5, BLUE, 0], [350, 95, BLUE, 0], [350, 80, "", -1],
  ] as const) {
    expect(at(on, x, y), `${x}, ${y}`).toBe(color);
    const bucket = bucketAt(x, 400, place, bars.count);
    expect(seriesAt(bars, bucket, ((100 - y) / 100) * look.top), `${x}, ${y}`).toBe(series);
  }
});

test("bars touch without overlapping, and leave a pixel to their neighbour", () => {
  const on = canvas(400, 100);
  drawBars(on, stack([[10, 10, 10, 10]], 4), place, { ...look, colors: [BLUE] });
  expect(at(on, 98, 50)).toBe(BLUE);
  expect(at(on, 99.5, 50)).toBe("");
  expect(at(on, 100, 50)).toBe(BLUE);
});

test("what is more than nothing is seen: one failure of a million", () => {
  const on = canvas(400, 100);
  drawBars(on, stack([[1_000_000], [1]], 1), { start: 0, step: 40, from: 0, to: 40 }, { ...look, top: 1_000_001 });
  expect(at(on, 200, 0)).toBe(RED);
});

test("a hatched series is drawn in its colour and a line, and is two pixels high at least", () => {
  const on = canvas(400, 100);
  drawBars(on, stack([[10, 0, 0, 0.001]], 4), place, { ...look, colors: [RED], hatched: [true] });
  const seen = new Set(Array.from({ length: 40 }, (_, x) => at(on, 20 + x, 50)));
  expect(seen.has(RED)).toBe(true);
  expect(seen.size).toBeGreaterThan(1);
  expect([at(on, 350, 98), at(on, 352, 99)].join("")).not.toBe("");
});

test("a bar that begins before the range is cut at its edge", () => {
  const on = canvas(400, 100);
  drawBars(on, stack([[10, 10]], 2), { start: -5, step: 10, from: 0, to: 40 }, { ...look, colors: [BLUE] });
  expect(at(on, 0, 50)).toBe(BLUE);
  expect(at(on, 149, 50)).toBe("");
  expect(at(on, 155, 50)).toBe("");
});

test("yesterday's line lies over the bars with a halo", () => {
  const on = canvas(400, 100);
  drawBars(on, stack([[10, 10, 10, 10]], 4), place, { ...look, colors: [BLUE] });
  drawGhost(on, [5, 5, 5, 5], place, 10, "#000000", "#ffffff");
  expect(at(on, 52, 48.5)).not.toBe(BLUE);
});
