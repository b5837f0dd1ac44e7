import { expect, test } from "vitest";
import { calls } from "../../src/lib/callers.ts";

test("what was answered of the API is told, and nothing else", () => {
  const origin = "http://localhost:7117";
  const entry = (path: string, duration = 1.5, responseStatus?: number) => ({ name: `${origin}${path}`, duration, ...(responseStatus === undefined ? {} : { responseStatus }) });
  expect(calls([
    entry("/api/v1/series"), entry("/api/v1/exchanges/01K?x=1", 2, 200), entry("/api/v1/nothing", 1, 404), entry("/api/v1/store", 1, 0),
    entry("/assets/a.js"), entry("/api/v1/timings"), entry("/api/v1/live", 4_000_000), { name: "https://elsewhere/api/v1/series", duration: 1 },
  ], origin)).toEqual([{ path: "/api/v1/series", duration_ns: 1_500_000 }, { path: "/api/v1/exchanges/01K", duration_ns: 2_000_000 }]);
});
