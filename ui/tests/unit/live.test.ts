import { expect, test } from "vitest";
import { isDue } from "../../src/lib/live.ts";

test.each([
  // passed, took, new rows, step, due
  [0, 0, true, 15_000, true],
  [500, 100, true, 15_000, true],
  [500, 400, true, 15_000, false],
  [1200, 400, true, 15_000, true],
  [1900, 10, false, 100, false],
  [2000, 10, false, 100, true],
  [5000, 10, false, 15_000, false],
  [15_000, 10, false, 15_000, true],
  [15_000, 6000, false, 15_000, false],
])("after %i ms, with answers of %i ms, new rows %s and bars of %i ms: %s", (passed, took, isNew, step, due) => {
  expect(isDue(passed, took, isNew, step)).toBe(due);
});
