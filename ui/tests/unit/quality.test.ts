import { describe, expect, it } from "vitest";
import type { Schema } from "../../src/api/client.ts";
import { judge } from "../../src/explore/quality.ts";

type Series = Pick<Schema<"QualitySeries">, "stage" | "count"> & Partial<Schema<"QualitySeries">>;
const judged = (...series: Series[]) => {
  const whole = series.map((one) => ({ reason: null, loss: null, values: [1], total: 1, ...one }));
  const answer = { start: "2026-11-22T10:00:00Z", step_ns: 60e9, count: 1, mode: "start", series: whole, scanned: {} };
  return judge(answer as unknown as Schema<"QualityAnswer">)[0];
};
const packets: Series = { stage: "packets", count: "in", values: [10_000] };

describe("the quality of a minute", () => {
  it("is fair where bodies gave way, and they are no packets", () => {
    const quality = judged(packets, { stage: "bodies", count: "dropped", reason: "pressure", loss: "own", values: [7] });
    expect(quality?.severity).toBe("fair");
    expect(quality?.words[0]).toMatch(/^10.000 packets captured$/);
    expect(quality?.words.slice(1)).toEqual(["7 bodies left out or shortened by Arachne under load"]);
  });
  it("goes by the share of records that were dropped", () => {
    const dropped: Series = { stage: "spool", count: "dropped", reason: "spool_full_records", loss: "own", values: [5] };
    const share = (came: number) => judged(packets, { stage: "spool", count: "in", values: [came] }, dropped)?.severity;
    expect([share(10), share(100_000)]).toEqual(["bad", "fair"]);
    expect(judged(dropped)?.severity).toBe("bad");
  });
  it("tells a new setup from a death", () => {
    const unknown = (reason: string): Series => ({ stage: "capture", count: "unaccounted", reason, loss: "unaccounted", values: [2e9] });
    expect(judged(packets, unknown("reconfigured"))?.words[1]).toContain("set up anew");
    expect(judged(packets, unknown("reconfigured"), unknown("process_died"))?.words[1]).toContain("died");
    expect(judged()?.severity).toBe("none");
  });
});
