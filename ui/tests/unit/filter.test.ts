import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Schema } from "../../src/api/client.ts";
import { both, cut, fitting, fromBytes, grouped, negated, placed, replaced, stretches, toBytes, toggled, without } from "../../src/lib/filter.ts";

type Part = Schema<"FilterPart">;
type Answer = Schema<"ParseAnswer">;
const term = (start: number, end: number, field: string | null = "a", value = start + 2): Part => ({ kind: "term", span: { start, end }, field, values: [{ start: value, end }] });

describe("joining", () => {
  test.each([
    ["a:1", "b:2", "a:1 b:2"], ["a:1 or b:2", "c:3", "(a:1 or b:2) c:3"], ["a:1", "b:2 OR c:3", "a:1 (b:2 OR c:3)"], ["", "b:2", "b:2"], ["a:1", " ", "a:1"],
    ["(a:1 or b:2)", "c:3", "(a:1 or b:2) c:3"], ['"this or that"', "c:3", '"this or that" c:3'], ["s:(a or b)", "c:3", "s:(a or b) c:3"], ["vendor:x", "for:y", "vendor:x for:y"],
    ["(a) or (b)", "c", "((a) or (b)) c"], [String.raw`a:"x\" or y"`, "b:1", String.raw`a:"x\" or y" b:1`],
  ])("%s and %s", (a, b, both_) => expect(both(a, b)).toBe(both_));

  test("grouping twice is grouping once", () => {
    fc.assert(fc.property(fc.constantFrom("a:1", "a:1 or b:2", "-(a or b)", "a b or c"), (filter) => {
      expect(grouped(grouped(filter))).toBe(grouped(filter));
    }));
  });
});

test.each([["a:1", "-a:1"], ["-a:1", "a:1"], ["a:1 b:2", "-(a:1 b:2)"], ["not a:1", "-(not a:1)"], ["-(a or b)", "-(-(a or b))"], ["-a:1 b:2", "-(-a:1 b:2)"], ['a:"x y"', '-(a:"x y")']])("the opposite of %s is %s", (of, is) => {
  expect(negated(of)).toBe(is);
});

describe("places", () => {
  test("bytes and letters", () => {
    const text = "é😀x";
    const at = fromBytes(text);
    expect([0, 2, 6, 7, 99].map(at)).toEqual([0, 1, 3, 4, 4]);
    expect([0, 1, 3, 4].map((place) => toBytes(text, place))).toEqual([0, 2, 6, 7]);
  });
  test("there and back", () => {
    fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => {
      const at = fromBytes(text);
      let place = 0;
      for (const letter of text) {
        expect(at(toBytes(text, place))).toBe(place);
        place += letter.length;
      }
      expect(at(toBytes(text, text.length))).toBe(text.length);
    }));
  });
  test("cutting and replacing", () => {
    expect(cut('"é" b:2', { start: 5, end: 8 })).toBe("b:2");
    expect(replaced('"é" b:2', { start: 5, end: 8 }, "c:3")).toBe('"é" c:3');
    expect(placed("é x", { start: 3, end: 4 })).toEqual({ start: 2, end: 3 });
  });
});

describe("taking out", () => {
  test("one of several that are joined", () => {
    const tree: Part = { kind: "and", span: { start: 0, end: 11 }, parts: [term(0, 3), term(4, 7), term(8, 11)] };
    expect(without("a:1 b:2 c:3", tree, { start: 0, end: 3 })).toBe("b:2 c:3");
    expect(without("a:1 b:2 c:3", tree, { start: 4, end: 7 })).toBe("a:1 c:3");
    expect(without("a:1 b:2 c:3", tree, { start: 8, end: 11 })).toBe("a:1 b:2");
  });
  test("the or goes with it", () => {
    const tree: Part = { kind: "or", span: { start: 0, end: 10 }, parts: [term(0, 3), term(7, 10)] };
    expect(without("a:1 or b:2", tree, { start: 0, end: 3 })).toBe("b:2");
    expect(without("a:1 or b:2", tree, { start: 7, end: 10 })).toBe("a:1");
  });
  test("the last one leaves nothing", () => {
    expect(without("a:1", term(0, 3), { start: 0, end: 3 })).toBe("");
    const tree: Part = { kind: "not", span: { start: 0, end: 4 }, parts: [term(1, 4)] };
    expect(without("-a:1", tree, { start: 0, end: 4 })).toBe("");
  });
  test("inside of a group, and with its negation", () => {
    const text = "-(a:1 or b:2) -c:3";
    const tree: Part = {
      kind: "and", span: { start: 0, end: 18 },
      parts: [
        { kind: "not", span: { start: 0, end: 13 }, parts: [{ kind: "or", span: { start: 1, end: 13 }, parts: [term(2, 5), term(9, 12)] }] },
        { kind: "not", span: { start: 14, end: 18 }, parts: [term(15, 18)] },
      ],
    };
    expect(without(text, tree, { start: 2, end: 5 })).toBe("-(b:2) -c:3");
    expect(without(text, tree, { start: 14, end: 18 })).toBe("-(a:1 or b:2)");
  });
  test("turned around", () => {
    expect(toggled("a:1 -b:2", { start: 0, end: 3 })).toBe("-a:1 -b:2");
    expect(toggled("a:1 -b:2", { start: 4, end: 8 })).toBe("a:1 b:2");
    expect(toggled("not b:2", { start: 0, end: 7 })).toBe("b:2");
  });
});

describe("another table", () => {
  const mistake = (start: number, end: number) => ({ code: "unknown-field", message: "", span: { start, end }, fixes: [] });
  const answer = (tree: Part, diagnostics: Schema<"Mistake">[]): Answer => ({ valid: diagnostics.length === 0, canonical: "", explanation: "", chips: [], tree, diagnostics });
  const tree: Part = { kind: "and", span: { start: 0, end: 11 }, parts: [term(0, 3), term(4, 7), term(8, 11)] };

  test("keeps what it knows", () => {
    expect(fitting("a:1 b:2 c:3", answer(tree, [mistake(4, 7)]))).toEqual({ fits: "a:1 c:3", foreign: ["b:2"] });
    expect(fitting("a:1 b:2 c:3", answer(tree, []))).toEqual({ fits: "a:1 b:2 c:3", foreign: [] });
  });
  test("an or goes as one", () => {
    const either: Part = { kind: "or", span: { start: 0, end: 10 }, parts: [term(0, 3), term(7, 10)] };
    expect(fitting("a:1 or b:2", answer(either, [mistake(7, 10)]))).toEqual({ fits: "", foreign: ["a:1 or b:2"] });
  });
});

describe("colours", () => {
  const of = "a:1 b:22";
  const answer: Answer = {
    valid: true, canonical: "", explanation: "", chips: [], diagnostics: [{ code: "x", message: "", span: { start: 6, end: 8 }, fixes: [] }],
    tree: { kind: "and", span: { start: 0, end: 8 }, parts: [term(0, 3), term(4, 8)] },
  };
  test("fields, values, mistakes", () => {
    expect(stretches(of, of, answer)).toEqual([
      { text: "a:", kind: "field", wrong: false }, { text: "1", kind: "value", wrong: false }, { text: " ", kind: "plain", wrong: false },
      { text: "b:", kind: "field", wrong: false }, { text: "22", kind: "value", wrong: true },
    ]);
  });
  test("what was read keeps its colour while more is written", () => {
    expect(stretches("a:1 x b:22", of, answer).map((part) => part.kind)).toEqual(["field", "value", "plain", "field", "value"]);
  });
  test("no letter is lost, whatever is written", () => {
    fc.assert(fc.property(fc.string(), (text) => {
      expect(stretches(text, of, answer).map((part) => part.text).join("")).toBe(text);
    }));
  });
});
