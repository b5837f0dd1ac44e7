import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { broken, plain, pretty, unfolded } from "../../src/detail/doc.ts";
import { find, matchesIn, runs } from "../../src/detail/find.ts";
import { dump, findBytes, fromBase64, hexRow } from "../../src/detail/hex.ts";
import { streamHex, streamText } from "../../src/detail/stream.ts";
import { Highlighter, type Language, tokens } from "../../src/detail/tokens.ts";

const pause = () => Promise.resolve();

describe("JSON as lines", () => {
  it("keeps order, doubled names and long numbers", async () => {
    const doc = await pretty('{"b":1,"a":[],"b":12345678901234567890,"c":[1,{"x":null}]}', pause);
    expect(doc!.lines).toEqual(["{", '  "b": 1,', '  "a": [],', '  "b": 12345678901234567890,', '  "c": [', "    1,", "    {", '      "x": null', "    }", "  ]", "}"]);
    expect([...doc!.folds!]).toEqual([10, -1, -1, -1, 9, -1, 8, -1, -1, -1, -1]);
    expect(doc!.note).toBe("");
  });
  it("reads one value after another", async () => {
    expect((await pretty('{"a":1}\n{}\n"x"', pause))!.lines).toEqual(["{", '  "a": 1', "}", "{}", '"x"']);
  });
  it("shows what is cut or broken", async () => {
    const cut = await pretty('{"a": [1, 2', pause);
    expect(cut!.lines).toEqual(["{", '  "a": [', "    1,", "    2"]);
    expect(cut!.note).toContain("middle");
    const bad = await pretty('{"a": 1, oops}', pause);
    expect(bad!.lines.at(-1)).toBe("oops}");
    expect(bad!.note).toContain("no JSON");
    expect(await pretty("hello", pause)).toBeNull();
  });
  it("reads escapes of visible letters only", async () => {
    expect((await pretty('["\\u041f\\u0440", "\\u202e", "\\\\u0041", "\\u0022"]', pause))!.lines.slice(1, 5)).toEqual(['  "Пр",', '  "\\u202e",', '  "\\\\u0041",', '  "\\u0022"']);
  });
  it("means the same as before, whatever the JSON", async () => {
    await fc.assert(fc.asyncProperty(fc.jsonValue(), fc.boolean(), async (value, spaced) => {
      const doc = await pretty(JSON.stringify(value, null, spaced ? 3 : 0), pause);
      expect(JSON.parse(doc!.lines.join("\n"))).toEqual(JSON.parse(JSON.stringify(value)));
    }));
  });
  it("never throws, and loses nothing but white space", async () => {
    await fc.assert(fc.asyncProperty(fc.string({ unit: fc.constantFrom(..."{}[],:\"\\ \n1a-eu".split("")), maxLength: 40 }), async (text) => {
      const doc = await pretty(text, pause);
      if (doc) expect(doc.lines.join("").replace(/\s/g, "")).toBe(text.replace(/\s/g, ""));
    }), { numRuns: 2000 });
  });
});

describe("lines", () => {
  it("end at LF with or without CR", async () => {
    expect((await plain("a\r\nb\n\nc\n", "none", pause)).lines).toEqual(["a", "b", "", "c"]);
    expect((await plain("", "none", pause)).lines).toEqual([""]);
  });
  it("are hidden while they are folded, and broken at the width", async () => {
    const doc = (await pretty(`{"a":{"b":1},"c":"${"x".repeat(50)}"}`, pause))!;
    expect([...unfolded(doc, new Set([1]))]).toEqual([0, 1, 3, 4, 5].filter((line) => line < doc.lines.length));
    const rows = broken(doc, unfolded(doc, new Set()), 20);
    expect(rows.count).toBe(doc.lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / 20)), 0));
  });
});

describe("finding", () => {
  it("takes any case and counts all", async () => {
    const found = await find(["aXa", "", "xx"], "x", pause);
    expect([...found.line]).toEqual([0, 2, 2]);
    expect([...found.from]).toEqual([1, 0, 1]);
    expect(matchesIn(found, 2, 0, 2)).toEqual([1, 3]);
    expect(matchesIn(found, 2, 1, 2)).toEqual([2, 3]);
    expect(matchesIn(found, 1, 0, 9)).toEqual([1, 1]);
    expect((await find(["a"], "", pause)).count).toBe(0);
  });
  it("keeps its places behind letters that grow", async () => {
    expect([...(await find(["İx"], "x", pause)).from]).toEqual([1]);
  });
  it("cuts rows without losing a letter", () => {
    fc.assert(fc.property(fc.string({ maxLength: 60 }), fc.nat(60), fc.nat(60), fc.array(fc.tuple(fc.nat(60), fc.nat(10))), (line, a, b, spans) => {
      const [from, to] = [Math.min(a, b, line.length), Math.min(Math.max(a, b), line.length)];
      const hits = spans.map(([start, length]) => ({ from: start, to: start + length, current: false }));
      expect(runs(line, from, to, [], hits).map((run) => run.text).join("")).toBe(line.slice(from, to));
    }));
  });
});

describe("highlighting", () => {
  const kinds = (line: string, language: Language) => tokens(line, language, "").tokens.map((token) => [line.slice(token.from, token.to), token.kind]);
  it("tells keys from values", () => {
    expect(kinds('"a": "b", 1 true', "json")).toEqual([['"a"', "key"], ['"b"', "string"], [",", "mark"], ["1", "numeral"], ["true", "word"]]);
  });
  it("carries comments and tags over lines", () => {
    const of = new Highlighter(["<!-- a", "b --> <p", 'x="1">t'], "markup");
    expect(of.of(1)[0]).toEqual({ from: 0, to: 5, kind: "comment" });
    expect(of.of(2).map((token) => token.kind)).toEqual(["key", "string", "tag"]);
  });
  it("reads code lightly", () => {
    expect(kinds("const a = `x`; // b", "js").map(([, kind]) => kind)).toEqual(["word", "string", "comment"]);
    expect(kinds("color: #fff;", "css").map(([, kind]) => kind)).toEqual(["key", "mark", "numeral", "mark"]);
  });
  it("stays in order and inside of the line, whatever it is given", () => {
    fc.assert(fc.property(fc.string({ maxLength: 80 }), fc.constantFrom<Language>("json", "markup", "css", "js"), (line, language) => {
      let at = 0;
      for (const token of tokens(line, language, "").tokens) {
        expect(token.from).toBeGreaterThanOrEqual(at);
        expect(token.to).toBeGreaterThan(token.from);
        at = token.to;
      }
      expect(at).toBeLessThanOrEqual(line.length);
    }), { numRuns: 2000 });
  });
});

describe("bytes", () => {
  it("are written as hexdump does", () => {
    expect(dump(new TextEncoder().encode("GET /"))).toMatch(/^0000 {2}47 45 54 20 2f .*\|GET \/\|$/);
    expect(hexRow(Uint8Array.of(1), 0)).toHaveLength(48);
  });
  it("are found as text and as digits", () => {
    const bytes = new TextEncoder().encode("a\r\nb\r\n");
    expect(findBytes(bytes, "b")).toEqual([3]);
    expect(findBytes(bytes, "0d 0a")).toEqual([1, 4]);
    expect(findBytes(bytes, "")).toEqual([]);
  });
  it("come from base64", () => {
    expect([...fromBase64("AAH/")]).toEqual([0, 1, 255]);
  });
});

describe("streams", () => {
  const piece = (direction: string, text: string, more = {}) => ({ direction, time: "2026-11-21T22:20:00Z", offset: 0, length: text.length, bytes: btoa(text), gap: false, retransmitted: false, ...more });
  it("join what goes on, and part what turns", () => {
    const { doc, looks, piece: from } = streamText([piece("client", "GET "), piece("client", "/\r\n\r\n"), piece("server", "HT"), piece("server", "", { gap: true, length: 5 }), piece("server", "TP\u0001")], "both");
    expect(doc.lines).toEqual(["GET /", "", "HT", "5 bytes from the server are missing here: they were not captured (offset 0).", "TP·"]);
    expect(looks).toEqual(["sent", "sent", "received", "gap", "received"]);
    expect([...from]).toEqual([0, 1, 2, 3, 4]);
  });
  it("show one side alone", () => {
    expect(streamText([piece("client", "a"), piece("server", "b")], "server").doc.lines).toEqual(["b"]);
    expect(streamHex([piece("client", "ab"), piece("client", "c"), piece("server", "d")], "both").map((each) => each.bytes.length)).toEqual([3, 1]);
  });
});
