import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { NOTED, noteOn } from "../../src/detail/anomalies.ts";
import { formFields, kindOf, textOf, withheldWords } from "../../src/detail/body.ts";
import { alignHeaders, alignLines } from "../../src/detail/diff.ts";
import { between, classOf, headerLines, Item, micros, nanos } from "../../src/detail/item.ts";
import { frieze, reasons, widths } from "../../src/detail/phases.ts";
import { pieces, readings } from "../../src/detail/secrets.ts";
import type { Schema } from "../../src/api/client.ts";
import { arrowText, segments } from "../../src/detail/segments.ts";
import { target, written } from "../../src/detail/target.ts";
import { headerTerm, literal, term } from "../../src/detail/terms.ts";

/** An item of some columns. */
function item(values: Record<string, string | number | boolean | null>): Item {
  const names = Object.keys(values);
  return new Item({ columns: names.map((name) => ({ name, label: name, kind: "text" })) as never, row: Object.values(values), links: {} });
}

describe("what is open", () => {
  it("reads what it wrote", () => {
    for (const x of ["01M8", "session:01M8", "packet:01M8:17", "compare:a,b,c"]) expect(written(target(x)!)).toBe(x);
  });
  it("refuses what names nothing", () => {
    for (const x of ["", "session:", "packet:a", "packet:a:b", "a b", "other:x", "session:a:b", "compare:", "<script>"]) expect(target(x)).toBeNull();
  });
  it("compares each once, and not too many", () => {
    expect(target("compare:a,a,b")).toEqual({ kind: "compare", ids: ["a", "b"] });
    expect(target(`compare:${"abcdefghij".split("").join(",")}`)).toMatchObject({ ids: { length: 6 } });
  });
});

describe("oddities", () => {
  it("have a note for every name that the parser may give", () => {
    const source = readFileSync(new URL("../../../crates/model/src/anomaly.rs", import.meta.url), "utf8");
    const list = source.slice(source.lastIndexOf("anomalies! {"));
    const names = [...list.slice(0, list.indexOf("\n}")).matchAll(/^ {4}\w+ "(\w+)"/gm)].map((match) => match[1]);
    expect(names.length).toBeGreaterThan(30);
    expect([...NOTED].sort()).toEqual(names.sort());
  });
  it("say themselves when they are new", () => {
    expect(noteOn("very_new").title).toBe("very new");
  });
});

describe("terms", () => {
  it("quote what the language would read as something else", () => {
    expect(literal("api.shop.example")).toBe("api.shop.example");
    expect(literal("/api/users")).toBe("/api/users");
    expect(literal("/api/")).toBe('"/api/"');
    expect(literal("a b")).toBe('"a b"');
    expect(literal("or")).toBe('"or"');
    expect(literal('say "x"\\')).toBe('"say \\"x\\"\\\\"');
    expect(literal("*")).toBe('"*"');
    expect(literal("-x")).toBe('"-x"');
    expect(literal("a\nb\u202e")).toBe('"a\\nb\\u{202e}"');
    expect(literal("[::1]:80")).toBe('"[::1]:80"');
  });
  it("carry units and absence", () => {
    expect(term("duration", 5, "duration")).toBe("duration:5ns");
    expect(term("size", 10, "size")).toBe("size:10B");
    expect(term("status", 404, "integer")).toBe("status:404");
    expect(term("user", null)).toBe("-user:*");
    expect(term("provisional", true, "flag")).toBe("provisional:true");
  });
  it("name header lines", () => {
    expect(headerTerm("request", "X-Id", "a b")).toBe('request.header.x-id:"a b"');
    expect(headerTerm("response", "Empty", "")).toBe("response.header.empty:*");
    expect(headerTerm("request", "bad name", "x")).toBeNull();
  });
});

describe("redaction's rest", () => {
  const mark = "[redacted:0123456789abcdef]";
  it("is cut at the marks", () => {
    expect(pieces(`sid=${mark}; a`)).toEqual([{ text: "sid=", secret: null }, { text: mark, secret: "0123456789abcdef" }, { text: "; a", secret: null }]);
    expect(pieces("[redacted:xyz]")).toEqual([{ text: "[redacted:xyz]", secret: null }]);
    expect(pieces("")).toEqual([]);
  });
  it("tells the user of Basic", () => {
    expect(readings("Authorization", `Basic bob:${mark}`)).toEqual([{ what: "Basic", lines: [["user", "bob"]] }]);
    expect(readings("X-Other", `Basic bob:${mark}`)).toEqual([]);
  });
  it("tells the claims of a token", () => {
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const token = `${part({ alg: "HS256" })}.${part({ sub: "a", iat: 1_795_299_000, list: [1] })}.${mark}`;
    expect(readings("Authorization", `Bearer ${token}`)).toEqual([{
      what: "JSON Web Token", lines: [["alg", "HS256"], ["sub", "a"], ["iat", "2026-11-21T22:10:00Z = 1795299000"], ["list", "[1]"]],
    }]);
    expect(readings("Authorization", "Bearer eyJhbGci.eyJicm9rZW4.x")).toEqual([]);
  });
});

describe("rows", () => {
  it("keep nanoseconds", () => {
    expect(nanos("2026-11-21T22:20:00.000000001Z")! - nanos("2026-11-21T22:20:00Z")!).toBe(1n);
    expect(nanos("nonsense")).toBeNull();
    expect(between(1n, null)).toBeNull();
    expect(micros("2026-11-21T22:20:00.000960000Z", "UTC")).toBe("22:20:00.000960");
  });
  it("read header lines in order", () => {
    expect(headerLines("A: 1\nb:2\nno colon\nA:\n")).toEqual([
      { name: "A", value: "1" }, { name: "b", value: "2" }, { name: "no colon", value: "" }, { name: "A", value: "" },
    ]);
  });
  it("know their class as the server does", () => {
    const at = (status: number | null, ms: number, open = false) => classOf(item({
      "http.response.status_code": status, start: "2026-11-21T22:20:00Z", end: `2026-11-21T22:20:0${Math.floor(ms / 1000)}.${String(ms % 1000).padStart(3, "0")}Z`, provisional: open,
    }));
    expect([at(200, 499), at(200, 500), at(200, 1000), at(500, 0), at(null, 0), at(null, 0, true), at(101, 0)])
      .toEqual(["fast", "medium", "slow", "error", "error", "open", "upgrade"]);
  });
});

describe("phases", () => {
  const at = (ns: number) => `2026-11-21T22:20:00.${String(ns).padStart(9, "0")}Z`;
  const whole = item({
    start: at(1000), "request.end": at(2000), "response.start": at(10_000), end: at(12_000), "http.request.method": "GET", "http.response.status_code": 200, "http.response.size": 10,
  });
  const session = item({ start: at(0), established: at(400), "tcp.syn_seen": true });
  it("follow each other", () => {
    expect(frieze(whole, session, true).phases.map((phase) => [phase.name, phase.from, phase.length])).toEqual([
      ["connect", 0, 400], ["idle", 400, 600], ["request", 1000, 1000], ["wait", 2000, 8000], ["response", 10_000, 2000],
    ]);
    expect(frieze(whole, session, false).phases.map((phase) => phase.name)).toEqual(["request", "wait", "response"]);
  });
  it("say what is not known", () => {
    const alone = frieze(item({ start: at(0), "http.request.method": "GET", "request.end": null, "http.response.status_code": null, "response.start": null, end: null }), null, false);
    expect(alone.phases).toEqual([{ name: "request", from: 0, length: null, note: "its end was not seen" }]);
    expect(alone.missing).toEqual(["No answer was seen."]);
    expect(frieze(whole, item({ "tcp.syn_seen": false }), true).missing).toEqual(["The handshake was not captured."]);
  });
  it("never run backwards", () => {
    const early = item({ start: at(0), "request.end": at(5000), "response.start": at(3000), end: at(9000), "http.request.method": "POST", "http.response.status_code": 413 });
    expect(frieze(early, null, false).phases[1]).toMatchObject({ name: "wait", length: 0, note: "the answer began before the request was complete" });
  });
  it("have widths that add up, and nothing vanishes", () => {
    const shares = widths([{ name: "request", from: 0, length: 1, note: "" }, { name: "wait", from: 1, length: 1e9, note: "" }, { name: "response", from: 2, length: null, note: "" }]);
    expect(shares.reduce((a, b) => a + b)).toBeCloseTo(1);
    expect(shares[0]).toBeGreaterThan(0.005);
    expect(shares[2]).toBe(0);
  });
  it("are told by their weight", () => {
    const words = reasons(whole, frieze(whole, null, false), { duration: (ns) => `${ns}`, percent: (share) => share.toFixed(2), bytes: (n) => `${n}` });
    expect(words[0]).toBe("The server thought for 8000 = 0.73 of the time.");
    expect(words).toHaveLength(3);
  });
});

describe("bodies", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  it("are what headers and looks say", () => {
    expect(kindOf("application/problem+json", bytes("{}"))).toBe("json");
    expect(kindOf("", bytes(' {"a":1}'))).toBe("json");
    expect(kindOf("text/html; charset=utf-8", bytes("<p>"))).toBe("markup");
    expect(kindOf("application/x-www-form-urlencoded", bytes("a=1"))).toBe("form");
    expect(kindOf("application/x-www-form-urlencoded", bytes('{"a":1}'))).toBe("json");
    expect(kindOf("text/plain", Uint8Array.of(0, 1, 2))).toBe("binary");
    expect(kindOf("image/png", Uint8Array.of(137, 80))).toBe("image");
    expect(kindOf("image/svg+xml", bytes("<svg/>"))).toBe("markup");
  });
  it("are decoded by their charset", () => {
    expect(textOf(Uint8Array.of(0xe9), "text/plain; charset=iso-8859-1")).toBe("é");
    expect(textOf(Uint8Array.of(0xc3, 0xa9), "text/plain; charset=unheard-of")).toBe("é");
  });
  it("say why they were withheld", () => {
    expect(withheldWords("the body was seen and not kept: lost_sync")).toContain("claims a form");
    expect(withheldWords("no such body was kept of this exchange")).toContain("keeps no bodies");
  });
  it("have fields", () => {
    expect(formFields("a=1&b=x+y%20z&c&d=%zz")).toEqual([{ name: "a", value: "1" }, { name: "b", value: "x y z" }, { name: "c", value: "" }, { name: "d", value: "%zz" }]);
  });
});

describe("segments", () => {
  const answer = (number: number, direction: string, sequence: number, length: number, more: Partial<Schema<"Segment">> = {}): Schema<"Segment"> => ({
    number, time: `2026-11-21T22:20:00.00000${number}Z`, direction, sequence, acknowledgement: 1, length, flags: ["ACK"], window: 100, retransmitted: false, out_of_order: false, duplicate_ack: false, keep_alive: false, zero_window: false,
    duplicate_packet: false, bad_checksum: false, ...more,
  });
  it("show gaps, resets and closed windows", () => {
    const read = segments([
      answer(1, "client", 0, 0, { flags: ["SYN"], acknowledgement: null }), answer(2, "client", 1, 10), answer(3, "client", 31, 5), answer(4, "client", 1, 10, { retransmitted: true }),
      answer(5, "server", 0, 0, { window: 0, zero_window: true }), answer(6, "server", 0, 0, { window: 0, flags: ["RST"] }),
    ]);
    expect(read.map((each) => each.marks)).toEqual([[], [], ["20 B not seen before it"], ["retransmitted"], ["zero window"], ["reset"]]);
    expect(read[1]!.at).toBe(1000);
    expect(read.map(arrowText)).toEqual(["SYN", "10 B", "5 B", "10 B", "ACK 1", "RST"]);
  });
});

describe("comparing", () => {
  it("aligns headers by name and turn", () => {
    const rows = alignHeaders([
      [{ name: "Vary", value: "a" }, { name: "vary", value: "b" }, { name: "X", value: "1" }],
      [{ name: "X", value: "2" }, { name: "Vary", value: "a" }],
    ]);
    expect(rows).toEqual([
      { name: "vary", cells: ["a", "a"], same: true }, { name: "vary", cells: ["b", null], same: false }, { name: "x", cells: ["1", "2"], same: false },
    ]);
  });
  it("aligns lines", () => {
    expect(alignLines([["a", "b", "c"], ["a", "x", "c", "d"]])).toEqual([
      { cells: ["a", "a"], same: true }, { cells: ["b", "x"], same: false }, { cells: ["c", "c"], same: true }, { cells: [null, "d"], same: false },
    ]);
    expect(alignLines([["{", "b", "}"], ["{", "x", "y", "}"]])).toEqual([
      { cells: ["{", "{"], same: true }, { cells: ["b", "x"], same: false }, { cells: [null, "y"], same: false }, { cells: ["}", "}"], same: true },
    ]);
    expect(alignLines([["a"], ["a"], []])).toEqual([{ cells: ["a", "a", null], same: false }]);
    expect(alignLines([[], []])).toEqual([]);
  });
});
