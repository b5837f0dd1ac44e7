import { describe, expect, it } from "vitest";
import { condition, losses, over, perSecond, pieces, rights, same, switched, type Agent, type Status } from "../../src/agents/figures.ts";

const status = (change: Partial<Status> = {}): Status => ({
  protocol: 1, version: "0.1.0", host: "web", epoch: "0000000000000001", started: 1e18, sent: 1e18 + 4e9, state: "capturing",
  config: { received: 1, applied: 1, error: null, unknown: [] }, interfaces: [], stages: {}, pressure: "none", gave_way: {}, processes: [], sandbox: [],
  capture: { packets: 0, bytes: 0, kernel_drops: 0, bytes_lost: 0, ring_bytes: 0, threads: 1, filter: "" },
  spool: { bytes: 0, cap_bytes: 1, live_batches: 0, backlog_batches: 0, live_lag_ns: 0, delivered: 0, delivered_bytes: 0, dropped: {}, oldest: null },
  delivery: { name: "server", state: "closed", opened: 0, calls: 0, failures: 0, error_share: 0, latency_ns: 0, error: null }, breakers: [],
  why: null, clock_offset_ns: null, round_trip_ns: null, newest_packet: null, preview: null, ...change,
}) as Status;
const agent = (change: Partial<Agent> = {}): Agent => ({
  name: "web-1", created: "2026-11-21T00:00:00Z", revoked: null, local: false, online: true, last_seen: "2026-11-22T10:00:00Z", rates: null, status: status(),
  config: {}, delivered: {}, ...change,
}) as Agent;
const NOW = Date.parse("2026-11-22T10:03:00Z");

describe("the condition of an agent", () => {
  it.each([
    ["captures", agent(), "capturing", "good"],
    ["has no right", agent({ status: status({ state: "no_right", why: "setcap cap_net_raw+ep /usr/bin/arachne-agent" }) }), "no right", "bad"],
    ["is silent", agent({ online: false }), "silent 3m 00s", "bad"],
    ["was never there", agent({ online: false, last_seen: null, status: null }), "never seen", "warn"],
    ["is revoked, whatever it says", agent({ revoked: "2026-11-22T09:00:00Z" }), "revoked", "quiet"],
    ["has not told anything since the server's start", agent({ status: null }), "starting", "quiet"],
  ])("%s", (_, of, text, tone) => {
    expect(condition(of, NOW)).toMatchObject({ text, tone });
  });
  it("says why in the agent's words", () => {
    expect(condition(agent({ status: status({ state: "no_right", why: "setcap …" }) }), NOW).why).toBe("setcap …");
  });
});

describe("losses", () => {
  it("are none of a healthy agent: what is no exchange is not lost", () => {
    expect(losses(status({ stages: { packets: { input: 9, output: 5, in_flight: 0, dropped: { udp: 3, not_ip: 1 } } } }))).toEqual([]);
  });
  it("are told whatever gave them up: a full queue, a process that died, a refusal", () => {
    const dropped = { queue_full: 1, process_died: 2, refused: 3, large_flow: 4, not_kept: 5 };
    const found = losses(status({ stages: { records: { input: 15, output: 0, in_flight: 0, dropped } } }));
    expect(found.map((loss) => loss.count)).toEqual([1, 2, 3, 4]);
  });
  it("keep the three kinds apart", () => {
    const found = losses(status({
      capture: { ...status().capture, kernel_drops: 7, bytes_lost: 1460 }, stages: { segments: { input: 3, output: 1, in_flight: 0, dropped: { memcap: 2 } } },
      gave_way: { bodies: 4 }, spool: { ...status().spool, dropped: { exchanges: 12 } },
    }));
    expect(found.map((loss) => [loss.what, loss.count, loss.of])).toEqual([
      ["kernel", 7, "packets"], ["memcap", 2, "segments"], ["bodies", 4, "times"], ["spool: exchanges", 12, "records"], ["not seen", 1460, "bytes"],
    ]);
  });
});

describe("rates", () => {
  const count = (of: Status) => of.capture.packets;
  const at = (sent: number, packets: number, started = 1e18) => status({ sent: 1e18 + sent * 1e9, started, capture: { ...status().capture, packets } });
  it("are told from two statuses of one run", () => {
    expect(perSecond(at(2, 100), at(4, 300), count)).toBe(100);
  });
  it("are not told over a restart, from one status, or backwards", () => {
    expect(perSecond(at(2, 100), at(4, 300, 1e18 + 1e9), count)).toBeNull();
    expect(perSecond(undefined, at(4, 300), count)).toBeNull();
    expect(perSecond(at(4, 300), at(4, 300), count)).toBeNull();
    expect(perSecond(at(2, 300), at(4, 100), count)).toBeNull();
  });
});

describe("ranges on a strip", () => {
  it("are cut at its ends; what lasts reaches the end", () => {
    const from = Date.parse("2026-11-22T09:00:00Z");
    const found = pieces([
      { state: "capturing", from: "2026-11-22T08:00:00Z", to: "2026-11-22T09:15:00Z" }, { state: "failed", from: "2026-11-22T09:15:00Z", to: null },
      { state: "starting", from: "2026-11-22T07:00:00Z", to: "2026-11-22T08:00:00Z" },
    ], from, from + 3_600_000);
    expect(found.map((piece) => [piece.state, piece.left, piece.width])).toEqual([["capturing", 0, 0.25], ["failed", 0.25, 0.75]]);
  });
});

it("configurations are the same whatever their versions", () => {
  const config = { version: 1, capture: true, interfaces: ["any"], save: { bodies: true, packets: "none" } } as unknown as Agent["config"];
  expect(same(config, { ...config, version: 2 })).toBe(true);
  expect(same(config, { ...config, capture: false })).toBe(false);
  expect(same(config, { ...config, save: { ...config.save, packets: "headers" } })).toBe(false);
  expect(same(config, { ...config, interfaces: ["eth0"] })).toBe(false);
});

it("names the rights of a process where they are few", () => {
  expect(rights([])).toBe("no capability");
  expect(rights(["CAP_NET_RAW", "CAP_SETUID"])).toBe("CAP_NET_RAW CAP_SETUID");
  expect(rights(Array.from({ length: 41 }, (_, at) => `CAP_${at}`))).toBe("41 capabilities, as root");
});

it("a configuration whose time is over is said so, and starting it gives it another", () => {
  const config = { capture: true, until: 5_000 * 1e6 } as Agent["config"];
  expect([over(config, 4_999), over(config, 5_000), over({ ...config, until: null }, 5_000), over({ ...config, capture: false }, 5_000)]).toEqual([false, true, false, false]);
  expect(switched({ ...config, capture: false }, true, 6_000)).toEqual({ capture: true, until: null });
  expect(switched(config, true, 4_000)).toEqual(config);
  expect(switched(config, false, 6_000)).toEqual({ ...config, capture: false });
});
