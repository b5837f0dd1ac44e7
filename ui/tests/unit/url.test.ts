import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decode, encode, initial, type State } from "../../src/lib/url.ts";

/** Text that people would never write. A lone half of a pair has no place in an address. */
const text = fc.oneof(
  fc.string(), fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }),
  fc.constantFrom("&", "=", "?", "#", "%", "%zz", "+", " ", "..", "/", "\\", "\n", "\u0000", "a&q=b", "<script>", "__proto__", "é😀", "status:>=500 -path:\"/a b\""),
).map((value) => value.toWellFormed());
const filled = text.filter((value) => value !== "");
const span = fc.tuple(fc.integer({ min: 0, max: 2 ** 50 }), fc.integer({ min: 1, max: 2 ** 40 })).map(([from, width]) => ({ from, to: from + width }));
const count = fc.constantFrom("overlap", "start", "end") as fc.Arbitrary<State["count"]>;
const KNOWN = ["from", "to", "tz", "q", "cmp", "sel", "mode", "cols", "sort", "grp", "count", "lens", "x", "tab", "drill", "dq", "dw", "dk", "dkw", "live", "facets"];
const unknown = text.filter((key) => !KNOWN.includes(key) && !key.startsWith("o."));

const state: fc.Arbitrary<State> = fc.record({
  page: fc.constantFrom("overview", "layer", "service", "explore", "x", "session", "series", "processes", "system", "agents", "s") as fc.Arbitrary<State["page"]>,
  view: fc.constantFrom("http", "tcp", "packets", "logs") as fc.Arbitrary<State["view"]>,
  id: filled, from: text, to: text, tz: text, q: text,
  sel: fc.option(span),
  mode: fc.constantFrom("grid", "map", "sequence", "waterfall", "stats", "difference", "codes") as fc.Arbitrary<State["mode"]>,
  cols: fc.array(filled.map((name) => name.replaceAll(",", "")).filter((name) => name !== "")),
  sort: text, grp: text, count,
  cmp: fc.constantFrom("", "prev", "1d", "7d") as fc.Arbitrary<State["cmp"]>,
  lens: fc.constantFrom("", "err") as fc.Arbitrary<State["lens"]>,
  x: text, tab: text,
  drill: fc.option(fc.tuple(span, text, count, text, fc.option(fc.nat()), fc.boolean(), fc.option(fc.record({ q: text, why: text })))
    .map(([at, q, mode, why, says, loose, kept]) => ({ q, ...at, count: mode, why, says, loose, ...(kept ? { kept } : {}) }))),
  cls: fc.option(fc.tuple(fc.integer({ min: 1, max: 90_000 }), fc.nat(90_000)).map(([fast, more]) => ({ fast, slow: fast + more }))),
  live: fc.boolean(), facets: fc.boolean(),
  opt: fc.dictionary(text.filter((key) => key !== "__proto__"), filled, { noNullPrototype: true }),
  rest: fc.array(fc.tuple(unknown, text) as fc.Arbitrary<[string, string]>),
}).map((value) => (value.page === "explore" ? { ...value, id: "" } : { ...value, id: ["overview", "series", "processes"].includes(value.page) ? "" : value.id, view: "http" as const }));

describe("address", () => {
  test("what is written is read again, whatever it is", () => {
    fc.assert(fc.property(state, (value) => {
      expect(decode(encode(value))).toEqual(value);
    }), { numRuns: 2000 });
  });

  test("reading never fails, and what was read is written the same", () => {
    fc.assert(fc.property(fc.oneof(text, text.map((query) => `/explore/tcp?${query}`), fc.webQueryParameters().map((query) => `/x/a?${query}`)), (address) => {
      const read = decode(address);
      expect(decode(encode(read))).toEqual(read);
    }), { numRuns: 2000 });
  });

  test("an empty address is the overview; layers and services are below it", () => {
    expect(decode("/")).toEqual({ ...initial(), page: "overview" });
    expect(decode("/layer/db")).toEqual({ ...initial(), page: "layer", id: "db" });
    expect(encode({ ...initial(), page: "service", id: "a/b" })).toBe("/service/a%2Fb");
    expect(decode("/layer")).toEqual(initial());
    expect(encode(initial())).toBe("/explore/http");
  });

  test("addresses are legible", () => {
    expect(encode({ ...initial(), from: "now-1h", q: "status:>=500 path:/a*", opt: { off: "host:x" } }))
      .toBe("/explore/http?from=now-1h&q=status:%3E%3D500+path:/a*&o.off=host:x");
  });

  test("nonsense is left out", () => {
    const read = decode("/nowhere?sel=9..1&mode=dance&count=no&cmp=2d&cols=,,a,&drill=1&live=yes&sel=a..b");
    expect(read).toEqual({ ...initial(), cols: ["a"] });
  });

  test("no key reaches the prototype", () => {
    decode("/explore/http?o.__proto__=x&o.constructor=y");
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
    expect(decode("/?o.constructor=y").opt).toHaveProperty("constructor", "y");
  });
});
