import fc from "fast-check";
import { expect, test } from "vitest";
import { best, fit } from "../../src/lib/match.ts";
import { offersOf } from "../../src/shell/offers.ts";

test("what begins so comes first", () => {
  expect(best("st", ["last week", "status", "host", "read"], (text) => text, 9).sort()).toEqual(["host", "last week", "status"]);
  expect(best("st", ["last week", "status"], (text) => text, 9)[0]).toBe("status");
});
test("letters may be left out, not swapped", () => {
  expect(fit("cwl", "Compare with last week")).toBeGreaterThan(0);
  expect(fit("lwc", "Compare with last week")).toBe(0);
  expect(fit("", "anything")).toBeGreaterThan(0);
});
test("never fails, and a text fits itself", () => {
  fc.assert(fc.property(fc.string(), fc.string(), (typed, text) => {
    expect(fit(typed, text)).toBeGreaterThanOrEqual(0);
    if (text.trim() !== "") expect(fit(text, text)).toBeGreaterThan(0);
  }));
});

test("offers take the place of what is written", () => {
  const offers = offersOf("é service:sh x:1", {
    span: { start: 11, end: 13 }, field: "service", items: [{ insert: "header.", label: "header.", doc: "", kind: "field" }],
    values: [{ value: "shop", count: 5, filter: "service:shop" }, { value: null, count: 1, filter: "-service:*" }, { value: "a b", count: 1, filter: 'service:"a b"' }],
  });
  expect(offers.map((offer) => offer.text)).toEqual(["é service:shop x:1", 'é service:"a b" x:1', "é service:header. x:1"]);
  expect(offers[0]).toMatchObject({ cursor: 14, count: 5 });
});
