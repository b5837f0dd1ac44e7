import { describe, expect, it } from "vitest";
import type { Agent, Status } from "../../src/agents/figures.ts";
import { checks } from "../../src/system/figures.ts";

const collector = (change: object) => ({ name: "logs", readings: 3, rows: 9, took_ns: 5e6, error: null, missing: [], ...change });
const agent = (name: string, collectors: object[]) => ({
  name, revoked: null, local: false, online: true, last_seen: "2026-11-22T10:00:00Z", config: {}, delivered: {},
  status: {
    state: "capturing", config: { received: 1, applied: 1, error: null, unknown: [] }, stages: {}, gave_way: {}, collectors, capture: { kernel_drops: 0, bytes_lost: 0 },
    spool: { dropped: {}, backlog_batches: 0, bytes: 0 }, delivery: { name: "server", state: "closed" }, breakers: [],
  } as unknown as Status,
}) as unknown as Agent;
const said = (...agents: Agent[]) => checks(null, null, agents, [], Date.parse("2026-11-22T10:00:01Z")).find((one) => one.name === "Collectors");

describe("what is said of collectors", () => {
  it("is that all is read only when nothing is missing", () => {
    expect(said(agent("web-1", [collector({})]))).toMatchObject({ tone: "good", says: "all read" });
  });
  it("counts what cannot be read and names the first with its reason", () => {
    const lacks = [{ what: "the lines of /var/log/a.log", why: "Permission denied", fix: "…" }, { what: "times", why: "no column", fix: "…" }];
    const check = said(agent("web-1", [collector({ missing: lacks })]));
    expect(check?.tone).toBe("warn");
    expect(check?.says).toBe("2 things are missing, each with what to do about it: logs on web-1: the lines of /var/log/a.log (Permission denied), ….");
  });
  it("names collectors that fail as well", () => {
    const check = said(agent("web-1", [collector({ name: "tcp", error: "no right" })]), agent("web-2", [collector({ missing: [{ what: "x", why: "y", fix: "z" }] })]));
    expect(check?.says).toBe("tcp on web-1 cannot read. 1 thing is missing, each with what to do about it: logs on web-2: x (y).");
  });
});
