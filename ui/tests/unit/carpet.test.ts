/** Panels of a carpet: what they ask, what becomes of the answers, and where a click leads. */
import { describe, expect, it } from "vitest";
import { change, text, ticks, unitOf } from "../../src/carpet/figures.ts";
import { cellOf, graded, headOf, leadOf, LIMITS, type Measured } from "../../src/carpet/health.ts";
import { type Beside, target } from "../../src/carpet/drill.ts";
import { custom, panelOf, sectionsOf, stagesOf } from "../../src/carpet/layers.ts";
import { nameOfText } from "../../src/carpet/names.ts";
import { dbSeconds, errors, LAYERS, light, rtt } from "../../src/carpet/panels.ts";
import { type Answer, figure, figureBefore, ghosts, isTrouble, picture, spanOf, tints } from "../../src/carpet/picture.ts";
import { agentTerm, asked, type Frame, gist, hostsTerm, POINT_MS, questions, rowsFilter, stepOf } from "../../src/carpet/questions.ts";
import { inLogs } from "../../src/lib/kept.ts";
import { isRows } from "../../src/carpet/spec.ts";

const START = Date.UTC(2026, 0, 1);
const STEP = 60_000;
const frame: Frame = { range: { from: START, to: START + 3_600_000 }, zone: "UTC", cmp: "", q: "", service: "", hosts: [], classes: { fast_ns: 500_000_000, slow_ns: 1_000_000_000 } };
const by = (hosts: string[] | null, more: Partial<Beside> = {}): Beside => ({ hosts, services: null, captors: null, ...more });
const drill = (filter: string) => ({ view: "exchanges", filter, mode: "end", exact: false, reason: "the log counted" }) as const;
const at = (ms: number) => new Date(ms).toISOString();

/** An answer about requests by class, of as many buckets as values; `compared` doubles them. */
function byClass(values: Record<string, (number | null)[]>, compared = false): Answer {
  const count = Object.values(values)[0]?.length ?? 3;
  const mean = (list: (number | null)[]) => list.reduce<number>((sum, value) => sum + (value ?? 0), 0) / list.length;
  return {
    kind: "series", start: at(START), from: at(START), to: at(START + count * STEP - 20_000), step_ns: STEP * 1e6, resolution_ns: 0, count, partial_first: false, partial_last: true,
    aggregate: "rate", metric_kind: "counter", unit: "1/s", by: ["label.class"], groups: 2, unread: 0, scanned: { rows: 0, skipped: 0, lost: 0 },
    series: Object.entries(values).map(([name, list]) => ({
      kind: name === "" ? "other" : "value", key: name === "" ? [] : [name], values: list, total: mean(list), drill: drill(name === "" ? "" : `class:${name}`),
      ...(compared ? { compared: list.map((value) => value && value * 2), compared_total: mean(list) * 2 } : {}),
    })),
  };
}

describe("questions", () => {
  it("ask whole buckets up to the last whole point", () => {
    const step = stepOf(frame.range, 300);
    expect(step).toBe(60_000);
    expect(stepOf({ from: START, to: START + 60_000 }, 1200)).toBe(POINT_MS);
    expect(asked({ from: START + 61_000, to: START + 3_605_432 }, step)).toEqual({ from: START + 60_000, to: START + 3_600_000 });
    // A range shorter than a point is one.
    expect(asked({ from: START + 1000, to: START + 2000 }, POINT_MS)).toEqual({ from: START, to: START + POINT_MS });
  });

  it("carry the page's filter and what it is compared with", () => {
    const { now, before } = questions(light.asks[0]!, 1200, { ...frame, q: "agent:web-1", cmp: "7d" });
    expect(now).toMatchObject({ kind: "series", metric: "access.total", filter: "agent:web-1", by: ["class"], compare: "week", zone: "UTC" });
    expect(before).toBeNull();
    const rows = questions(errors.asks[0]!, 300, { ...frame, q: "agent:web-1 label.disk:x", cmp: "prev" });
    expect(rows.now).toMatchObject({ kind: "histogram", scope: { table: "exchanges", filter: "class:error agent:web-1", from: at(START) } });
    expect(rows.before).toMatchObject({ scope: { from: at(START - 3_600_000), to: at(START) } });
  });

  it("of a service go to its points, its rows, and the hosts that run it", () => {
    const shop = { ...frame, service: "shop one", hosts: ["a", "b"] };
    expect(questions(light.asks[0]!, 300, shop).now).toMatchObject({ filter: 'label.service:"shop one"' });
    expect(questions(errors.asks[0]!, 300, shop).now).toMatchObject({ scope: { filter: 'class:error service:"shop one"' } });
    expect(questions(rtt.asks[0]!, 300, shop).now).toMatchObject({ filter: "agent:(a or b)" });
    // Of a service that runs nowhere nothing is shown, rather than everything.
    expect(hostsTerm([])).not.toBe("");
  });

  it("find the hosts that a filter names", () => {
    expect(agentTerm('label.class:slow agent:(a or "b (c)") x')).toBe('agent:(a or "b (c)")');
    expect(agentTerm("agent:web-1")).toBe("agent:web-1");
    expect(agentTerm("label.agent:x -agent:y")).toBe("");
  });

  it("say which terms captured rows do not know", () => {
    expect(rowsFilter('agent:a -label.service:"x y" label.device:sda')).toEqual({ filter: 'agent:a -service:"x y"', whole: false });
    expect(rowsFilter("agent:a")).toEqual({ filter: "agent:a", whole: true });
    expect(rowsFilter('agent:(a or "b (c)")')).toEqual({ filter: 'agent:(a or "b (c)")', whole: true });
    expect(rowsFilter("")).toEqual({ filter: "", whole: true });
  });

  it("are the same when only time has moved on", () => {
    const later = { ...frame, range: { from: START + STEP, to: START + STEP + 3_600_000 } };
    expect(gist(questions(errors.asks[0]!, 300, frame).now)).toBe(gist(questions(errors.asks[0]!, 300, later).now));
    expect(gist(questions(errors.asks[0]!, 300, frame).now)).not.toBe(gist(questions(rtt.asks[0]!, 300, frame).now));
  });
});

describe("pictures", () => {
  const one = (answer: Answer) => [{ ask: light.asks[0]!, now: answer, before: null }];

  it("stack classes in their order, errors hatched and on top", () => {
    const of = picture(light, one(byClass({ fast: [5, 6, 7], error: [1, null, null], slow: [1, 1, 1] })), null)!;
    expect(of.layers.map(({ name, color, hatched }) => [name, color, hatched])).toEqual([["fast", "fast", false], ["slow", "slow", false], ["error", "error", true]]);
    expect(figure(of, light, 0)).toBe(7);
    expect(of.partial).toBe(true);
    expect(of.unit).toBe("rate");
  });

  it("tell what was not measured from zero", () => {
    const sparse = byClass({ fast: [5, null, null], error: [null, null, null] });
    expect([...picture(light, one(sparse), null)!.gaps]).toEqual([0, 1, 1]);
    // Something else was measured in the second bucket: nobody came.
    const beaten = (from: number) => from < START + 2 * STEP;
    const of = picture(light, one(sparse), beaten)!;
    expect([...of.gaps]).toEqual([0, 0, 1]);
    expect(figure(of, light, 1)).toBe(0);
    expect(figure(of, light, 2)).toBeNull();
  });

  it("compare wholes of bars, and give lines each their own", () => {
    const of = picture(light, one(byClass({ fast: [1, 2, null], error: [1, 1, null] }, true)), null)!;
    expect(ghosts(of, light)).toEqual([{ values: [4, 6, null], color: "text" }]);
    expect(change(figure(of, light, null), figureBefore(of, light))).toBe("−50 %");
    expect(ghosts(of, { ...light, kind: "lines" })).toHaveLength(2);
    expect(ghosts(picture(light, one(byClass({ fast: [1] })), null)!, light)).toEqual([]);
  });

  it("have no points without points", () => {
    const none = { ...byClass({}), series: [], unit: "", metric_kind: "" } as Answer;
    expect(picture(light, one(none), null)).toMatchObject({ any: false, layers: [] });
    expect(picture(light, [], null)).toBeNull();
  });

  it("give names of meaning their colours", () => {
    expect(tints("rating", ["good", "fair", "poor"])).toEqual(["fast", "medium", "error"]);
    expect(tints("level", ["error", "warn"])).toEqual(["error", "slow"]);
    expect(isTrouble("status", "503") && isTrouble("status", "000") && !isTrouble("status", "200")).toBe(true);
  });
});

describe("a click", () => {
  it("names the bucket, what was counted, and that the list is what was kept", () => {
    const of = picture(light, [{ ask: light.asks[0]!, now: byClass({ fast: [5, 6, 7] }), before: null }], null)!;
    expect(target(of, light, of.layers[0]!, 1, "UTC", by(["edge-1"]))).toMatchObject({
      page: "explore", view: "http", q: "",
      drill: { q: "class:fast agent:edge-1", from: START + STEP, to: START + 2 * STEP, count: "end", says: 360, loose: true },
    });
    // The last bucket is not over: its rate is of the part that was measured.
    expect(spanOf(of, 2)).toEqual({ from: START + 2 * STEP, to: START + 3 * STEP - 20_000 });
    expect(target(of, light, of.layers[0]!, 2, "UTC", by(null)).drill).toMatchObject({ q: "class:fast", says: 280 });
  });

  it("on a reading of hosts lists what went on there, and claims no number", () => {
    const answer = { ...byClass({ "10.0.0.1": [1e6] }), unit: "ns", aggregate: "p95", metric_kind: "histogram" } as Answer;
    const of = picture(rtt, [{ ask: rtt.asks[0]!, now: answer, before: null }], null)!;
    const layer = { ...of.layers[0]!, drill: { ...drill("client:10.0.0.1"), mode: "overlap" as const, view: "tcp_sessions", kept: { view: "log_records", filter: "", mode: "start" as const, reason: "nothing was captured" } } };
    const to = target(of, rtt, layer, 0, "UTC", by(["web-1"]));
    expect(to).toMatchObject({ view: "tcp", drill: { q: "client:10.0.0.1 agent:web-1", says: null, loose: true, count: "overlap", kept: { q: "agent:web-1" } } });
    expect(to.drill!.kept!.why).toContain("nothing was captured");
    expect(inLogs(to.drill!)).toMatchObject({ view: "logs", drill: { q: "agent:web-1", count: "start", why: to.drill!.kept!.why } });
    expect(inLogs(inLogs(to.drill!)!.drill!)).toBeNull();
  });

  it("on a host that captured nothing lists what others saw of the same services", () => {
    const of = picture(light, [{ ask: light.asks[0]!, now: byClass({ error: [5, 6, 7] }), before: null }], null)!;
    const click = (more: Partial<Beside>) => target(of, light, of.layers[0]!, 1, "UTC", by(["edge-1"], more)).drill!.q;
    expect(click({ services: ["www", "api"], captors: new Set(["switch-1"]) })).toBe('class:error service:(www or api)');
    expect(click({ services: ["www"], captors: new Set(["switch-1", "edge-1"]) })).toBe("class:error agent:edge-1");
    expect(click({ services: ["www"], captors: new Set() })).toBe("class:error agent:edge-1");
  });

  it("on a database lists its sessions; on what nothing narrows down it chooses the moment", () => {
    const answer = { ...byClass({ x: [1e6] }), unit: "ns/s", aggregate: "rate", metric_kind: "counter" } as Answer;
    const of = picture(dbSeconds, [{ ask: dbSeconds.asks[0]!, now: answer, before: null }], null)!;
    const layer = { ...of.layers[0]!, drill: { ...drill(""), view: "exchanges", mode: "overlap" as const } };
    expect(target(of, dbSeconds, layer, 0, "UTC", by(["db-1"]))).toMatchObject({ view: "tcp", drill: { q: "protocol:postgresql agent:db-1" } });
    expect(target(of, dbSeconds, layer, 0, "UTC", by(["db-1"], { captors: new Set(["switch-1"]) }))).toMatchObject({ view: "tcp", drill: { q: "protocol:postgresql" } });
    const many = by(Array.from({ length: 40 }, (_, at) => `host-${at}`));
    const one = { ...layer, metric: "tcp.rtt", drill: { ...drill(""), view: "tcp_sessions", mode: "overlap" as const } };
    expect(target(of, rtt, one, 0, "UTC", many)).toEqual({ sel: spanOf(of, 0) });
  });

  it("on a quantile of rows lists those that took as long, and those that it may stand for: it is not exact", () => {
    const answer = {
      kind: "quantiles", start: at(START), step_ns: STEP * 1e6, count: 1, quantiles: [0.95], unit: "duration", mode: "start", other: 0, error: 0.01, scanned: { rows: 0, skipped: 0, lost: 0 },
      series: [{ key: "shop", values: [[2_000_000]], total: 9, drill: { view: "exchanges", filter: "service:shop", mode: "start", exact: true } }],
    } as unknown as Answer;
    const spec = { ...errors, kind: "lines" as const, asks: [{ rows: "exchanges" as const, by: "service", quantile: 0.95 }] };
    const of = picture(spec, [{ ask: spec.asks[0]!, now: answer, before: null, filter: "class:error" }], null)!;
    expect(target(of, spec, of.layers[0]!, 0, "UTC", by(null)).drill).toMatchObject({ q: "class:error service:shop duration:>=1978200ns", says: null });
  });
});

describe("figures", () => {
  it("have the unit of the answer, or the one that was wished", () => {
    expect(unitOf("ns/s")).toEqual({ unit: "load", scale: 1e-9 });
    expect(unitOf("ns/s", "share")).toEqual({ unit: "share", scale: 1e-9 });
    expect(unitOf("By/s", "bits/s")).toEqual({ unit: "bits/s", scale: 8 });
    expect(unitOf("1e-9")).toEqual({ unit: "count", scale: 1e-9 });
    expect([text("load", 1.5), text("share", 0.5), text("time", 2e6), text("bytes/s", 2048), text("rate", null)]).toEqual(["1.50 s/s", "50 %", "2 ms", "2 KiB/s", "–"]);
  });
  it("of different ones are estimates, and say so where they are not sure", () => {
    expect([text("about", 7), text("about", 1234), text("about", null)]).toEqual(["7", `≈ ${text("count", 1234)}`, "–"]);
    expect(unitOf("1", "about")).toEqual({ unit: "about", scale: 1 });
  });
  it("have axes in round numbers of their unit", () => {
    expect(ticks("bytes", 3 * 2 ** 20)).toEqual([0, 2 * 2 ** 20, 4 * 2 ** 20]);
    expect(ticks("time", 0)).toEqual([0, 1e6]);
    expect(change(1, 0)).toBeNull();
  });
});

describe("layers", () => {
  it("have panels whose ids are their own, and each says what to do where nothing is measured", () => {
    for (const layer of LAYERS) {
      const sections = sectionsOf(layer);
      const panels = sections.flatMap((section) => section.panels);
      const ids = panels.map((panel) => panel.id);
      expect(new Set(ids).size, layer).toBe(ids.length);
      for (const section of sections) for (const panel of section.panels) {
        expect(panel.missing !== "" || section.needs !== undefined, `${layer}: ${panel.id}`).toBe(true);
        expect(panel.asks.length, panel.id).toBeGreaterThan(0);
        if (panel.asks.some(isRows)) expect(panel.drill).not.toBe("hosts");
      }
      // One request asks a hundred questions at most: captured rows ask twice where they are compared.
      const many = panels.reduce((sum, panel) => sum + panel.asks.length * (panel.asks.some(isRows) ? 2 : 1) + (panel.figures?.length ?? 0), 0);
      expect(many, layer).toBeLessThan(90);
    }
  });

  it("ask how many different clients had errors, of how many", () => {
    const panel = sectionsOf("edge").flatMap((section) => section.panels).find((one) => one.id === "5xx")!;
    const asked = panel.figures!.map((entry) => questions(entry.ask, 300, { ...frame, service: "shop" }).now);
    expect(asked).toMatchObject([
      { metric: "access.clients", aggregate: "distinct", filter: "label.class:error label.service:shop", by: [] },
      { metric: "access.clients", aggregate: "distinct", filter: "label.service:shop", by: [] },
    ]);
  });

  it("know which text a statement's name is the beginning of", () => {
    // The 200th byte is the first half of a letter.
    const long = `union ${"größe, ".repeat(60)}x`;
    expect(nameOfText(long)).toBe(`union ${"größe, ".repeat(21)}grö`);
    expect(nameOfText("select $1")).toBe("select $1");
  });

  it("make panels of metrics that somebody's rules named", () => {
    const label = (name: string) => ({ name, values: 3 });
    const facts = (name: string, metric_kind: string, labels: string[]) => ({ name, metric_kind, unit: "ns", labels: labels.map(label), agents: 1, series: 3, values: 9, last: at(START) });
    const stages = facts("frontik.stages", "histogram", ["file", "handler", "stage"]);
    const calls = facts("xsl.calls", "counter", ["file", "xsl_file"]);
    expect(custom([facts("access.time", "histogram", []), stages, calls]).map((metric) => metric.name)).toEqual(["frontik.stages", "xsl.calls"]);
    expect(stagesOf([calls])).toBeNull();
    expect(stagesOf([calls, stages])).toMatchObject({ kind: "bars", asks: [{ aggregate: "p95", by: ["stage"] }], layer: "app" });
    expect(panelOf(calls)).toMatchObject({ kind: "bars", asks: [{ by: ["xsl_file"] }] });
  });
});

describe("health", () => {
  const measured: Measured = {
    app: new Map([["shop", { share: 0.02, count: 100 }]]), edge: new Map([["nginx", { share: 0, count: 10 }]]), hosts: new Map([["shop", new Set(["a", "b"])]]),
    cpu: new Map([["a", 0.2], ["b", 0.99]]), resent: new Map([["a", 0.001]]), db: new Map([["pg", 0.9]]), browser: 0.3,
  };
  it("is that of a service or of a host, never of one for the other, and says why", () => {
    expect(cellOf("os", "b", measured)).toEqual({ grade: "error", why: "99.0 % of CPU time busy" });
    expect([cellOf("os", "shop", measured).grade, cellOf("network", "b", measured).grade, cellOf("app", "a", measured).grade]).toEqual(["none", "none", "none"]);
    expect(cellOf("app", "shop", measured)).toEqual({ grade: "slow", why: "2.0 % of 100 failed" });
    expect(cellOf("network", "a", measured).grade).toBe("fast");
    expect(cellOf("db", "pg", measured).grade).toBe("slow");
    expect(cellOf("browser", "nginx", measured).grade).toBe("slow");
    expect(cellOf("edge", "shop", measured).grade).toBe("none");
  });
  it("leads to what a cell is of, with what the page is filtered by", () => {
    expect(leadOf("app", "shop", "")).toMatchObject({ page: "service", id: "shop", q: "" });
    expect(leadOf("os", "a", "label.class:slow")).toMatchObject({ page: "layer", id: "os", q: "label.class:slow agent:a" });
    expect(leadOf("os", "a", "agent:a").q).toBe("agent:a");
    expect(leadOf("edge", "www shop", "").q).toBe('label.service:"www shop"');
    expect(leadOf("db", "pg", "")).toMatchObject({ id: "db", q: "label.instance:pg" });
    expect(leadOf("browser", "nginx", "").q).toBe("");
    expect([headOf("nginx", measured, ""), headOf("pg", measured, ""), headOf("b", measured, "")]).toMatchObject([{ page: "service" }, { page: "layer", id: "db" }, { page: "layer", id: "os" }]);
  });
  it("grades at its limits", () => {
    expect([null, 0, 0.001, 0.01, 0.05].map((share) => graded(share, [...LIMITS.errors]))).toEqual(["none", "fast", "medium", "slow", "error"]);
  });
});
