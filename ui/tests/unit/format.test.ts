import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ago, following, pair, read, span, words } from "../../src/lib/entry.ts";
import { bytes, cell, clock, count, duration, exact, instant, moment, offset, parseInstant, percent, rate, short, zoneName } from "../../src/lib/format.ts";

const AT = Date.parse("2026-11-21T14:05:03.217Z");

describe("counts", () => {
  test.each([
    [0, "0"], [7, "7"], [9.87, "9.87"], [98.7, "98.7"], [987, "987"], [999, "999"], [1230, "1.23k"], [12_300, "12.3k"], [123_000, "123k"], [1_230_000, "1.23M"],
    [999_499, "999k"], [999_950, "1.00M"], [1e9, "1G"], [0.5, "0.50"], [0.031, "0.031"], [-1230, "-1.23k"], [null, "–"], [undefined, "–"], [Number.NaN, "–"],
  ])("%s is %s", (value, text) => expect(count(value)).toBe(text));

  test("never more than three digits and a letter", () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 1e14 }), (value) => {
      expect(count(value)).toMatch(/^(\d{1,3}|\d\.\d{1,2}|\d\d\.\d)[kMGT]?$/);
    }), { numRuns: 2000 });
  });
  test("every digit with thin spaces", () => {
    expect(exact(1_234_567)).toBe("1\u202f234\u202f567");
    expect(exact(-1234.5)).toBe("-1\u202f234.5");
    expect(exact(999)).toBe("999");
    expect(exact(null)).toBe("–");
  });
  test("rates say so", () => expect([rate(1230), rate(0), rate(null)]).toEqual(["1.23k/s", "0/s", "–"]));
});

describe("durations", () => {
  test.each([
    [0, "0"], [1, "1 ns"], [999, "999 ns"], [1500, "1.50 µs"], [32_500, "32.5 µs"], [999_499, "999 µs"], [999_600, "1.00 ms"], [203e6, "203 ms"], [999.6e6, "1.00 s"],
    [1.5e9, "1.50 s"], [59.94e9, "59.9 s"], [60e9, "1m 00s"], [65e9, "1m 05s"], [7380e9, "2h 03m"], [273_600e9, "3d 4h"], [-2e9, "-2 s"], [null, "–"],
  ])("%s ns is %s", (value, text) => expect(duration(value)).toBe(text));
  test("grow with what they stand for", () => {
    expect(duration(59.96e9)).toBe("1m 00s");
    expect(duration(3599.6e9)).toBe("1h 00m");
  });
});

describe("bytes and shares", () => {
  test.each([[0, "0 B"], [999, "999 B"], [1023, "1023 B"], [1024, "1 KiB"], [1536, "1.50 KiB"], [1_048_576, "1 MiB"], [5.5 * 2 ** 30, "5.50 GiB"], [null, "–"]])("%s is %s", (value, text) => expect(bytes(value)).toBe(text));
  test.each([
    [0, "0 %"], [1, "100 %"], [0.123, "12.3 %"], [0.0031, "0.31 %"], [0.00001, "<0.01 %"], [0.9999, "99.99 %"], [0.99999, ">99.99 %"], [0.9996, "99.96 %"], [null, "–"],
  ])("%s is %s", (value, text) => expect(percent(value)).toBe(text));
  test("a share is all or nothing only when it is", () => {
    fc.assert(fc.property(fc.double({ min: 1e-12, max: 1 - 1e-12, noNaN: true }), (share) => {
      expect(percent(share)).not.toBe("0 %");
      expect(percent(share)).not.toBe("100 %");
    }));
  });
});

describe("instants", () => {
  test("clock, day and zone", () => {
    expect(clock(AT, "UTC", -1)).toBe("14:05");
    expect(clock(AT, "UTC", 3)).toBe("14:05:03.217");
    expect(moment(AT, "Asia/Kolkata")).toBe("2026-11-21 19:35:03");
    expect(zoneName("UTC", AT)).toBe("UTC");
    expect(zoneName("Asia/Kolkata", AT)).toBe("UTC+05:30 Asia/Kolkata");
    expect(zoneName("America/St_Johns", AT)).toBe("UTC-03:30 America/St_Johns");
    expect(offset(AT, "Europe/Moscow")).toBe(180);
  });
  test("keep microseconds on their way to the API and back", () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 4_000_000_000_000 }), fc.integer({ min: 0, max: 999 }), (ms, micros) => {
      const value = ms + micros / 1000;
      expect(Math.abs(parseInstant(instant(value)) - value)).toBeLessThan(0.001);
    }));
    expect(parseInstant("2026-11-21T21:40:29.405681123Z")).toBeCloseTo(Date.parse("2026-11-21T21:40:29.405Z") + 0.681123, 3);
    expect(instant(AT)).toBe("2026-11-21T14:05:03.217Z");
  });
  test("a clock never shows a second of 60", () => {
    fc.assert(fc.property(fc.double({ min: 0, max: 4e12, noNaN: true }), (ms) => {
      expect(clock(ms, "UTC", 3)).toMatch(/^([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}$/);
    }));
  });
});

test("cells by kind", () => {
  expect(cell(null, "label", "UTC")).toBe("–");
  expect(cell(1_500_000, "duration", "UTC")).toBe("1.50 ms");
  expect(cell(2048, "size", "UTC")).toBe("2 KiB");
  expect(cell("2026-11-21T14:05:03.217Z", "instant", "UTC")).toBe("14:05:03.217");
  expect(cell(true, "flag", "UTC")).toBe("yes");
  expect(cell("<b>", "text", "UTC")).toBe("<b>");
});

test("long ids lose their middle", () => {
  expect(short("01M8037JAG358FEH57A0000001", 11)).toBe("01M80…00001");
  expect(short("abc")).toBe("abc");
  fc.assert(fc.property(fc.string({ minLength: 13 }), fc.integer({ min: 3, max: 12 }), (id, length) => {
    expect(short(id, length).length).toBe(length);
  }));
});

describe("ranges in words and back", () => {
  const now = AT;
  test.each([
    ["now-1h", "now", { from: "now-1h", to: "now" }], ["3h", "", { from: "now-3h", to: "now" }], ["last 15m", "", { from: "now-15m", to: "now" }],
    ["2026-11-21 10:00 .. 2026-11-21 11:00", "", { from: "2026-11-21T10:00:00.000Z", to: "2026-11-21T11:00:00.000Z" }],
    ["2026-11-20 – 2026-11-21", "", { from: "2026-11-20T00:00:00.000Z", to: "2026-11-21T00:00:00.000Z" }],
    ["2026-11-21 10:00", "now", { from: "2026-11-21T10:00:00.000Z", to: "now" }],
  ])("%s and %s", (from, to, range) => expect(read(from, to, now, "UTC")).toEqual(range));

  test("what is wrong is said beside its field", () => {
    expect(read("gestern", "now", now, "UTC")).toMatchObject({ wrong: { from: expect.stringContaining("gestern") } });
    expect(read("now", "now-1h", now, "UTC")).toEqual({ wrong: { to: "The end must come after the start." } });
    expect(read("", "now", now, "UTC")).toMatchObject({ wrong: { from: expect.stringContaining("begin") } });
    expect(read("now-1h", "bald", now, "UTC")).toMatchObject({ wrong: { to: expect.stringContaining("bald") } });
  });
  test("one end alone is no pair", () => {
    expect(pair("now-1h")).toBeNull();
    expect(pair("2026-11-21")).toBeNull();
  });
  test("words", () => {
    expect(words("now-15m", "now", { from: AT - 900_000, to: AT }, "UTC")).toBe("last 15m");
    expect(words("now/d", "now", { from: AT, to: AT }, "UTC")).toBe("today");
    expect(span({ from: Date.parse("2020-11-21T10:00:00Z"), to: Date.parse("2020-11-22T10:00:00Z") }, "UTC")).toBe("21 Nov 2020 10:00 – 22 Nov 2020 10:00");
    expect(span({ from: Date.parse("2020-11-21T10:00:00Z"), to: Date.parse("2020-11-21T11:00:00Z") }, "UTC")).toBe("21 Nov 2020 10:00 – 11:00");
  });
  test("what follows now is as wide, nearly", () => {
    expect(following({ from: 0, to: 900_000 })).toBe("now-15m");
    expect(following({ from: 0, to: 2_496_200 })).toBe("now-42m");
    expect(following({ from: 0, to: 86_400_000 })).toBe("now-1d");
    expect(following({ from: 0, to: 100 })).toBe("now-1s");
  });
  test("ago", () => expect([ago(AT - 5000, AT), ago(AT - 125_000, AT), ago(AT + 5000, AT)]).toEqual(["5 s ago", "2m 05s ago", "0 s ago"]));
});
