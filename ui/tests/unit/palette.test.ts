/** The colours with a meaning stay apart for everybody: Machado 2009 and CIEDE2000, on the colours that the theme really has. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

type Triple = [number, number, number];

const css = readFileSync(new URL("../../src/styles/theme.css", import.meta.url), "utf8");
const MEANT = ["fast", "medium", "slow", "error", "client-error"];

/** Colours of the block that begins with a selector. */
function theme(selector: string): Map<string, string> {
  const block = css.slice(css.indexOf(selector)).match(/\{([^}]*)\}/)![1]!;
  return new Map([...block.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6})/gi)].map(([, name, value]) => [name!, value!]));
}

function linear(hex: string): Triple {
  return [1, 3, 5].map((at) => {
    const share = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as Triple;
}

function times(matrix: Triple[], [a, b, c]: Triple): Triple {
  return matrix.map(([x, y, z]) => x * a + y * b + z * c) as Triple;
}

/** At full severity. */
const SIGHT: Record<string, Triple[]> = {
  normal: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  protan: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  deutan: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
  tritan: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
};

function lab(rgb: Triple): Triple {
  const clipped = rgb.map((share) => Math.min(1, Math.max(0, share))) as Triple;
  const xyz = times([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]], clipped);
  const [x, y, z] = xyz.map((value, at) => {
    const share = value / [0.95047, 1, 1.08883][at]!;
    return share > 216 / 24389 ? Math.cbrt(share) : ((24389 / 27) * share + 16) / 116;
  }) as Triple;
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

const rad = (degrees: number) => (degrees * Math.PI) / 180;

/** CIEDE2000. */
function distance([l1, a1, b1]: Triple, [l2, a2, b2]: Triple): number {
  const mean = (Math.hypot(a1, b1) + Math.hypot(a2, b2)) / 2;
  const g = 0.5 * (1 - Math.sqrt(mean ** 7 / (mean ** 7 + 25 ** 7)));
  const [x1, x2] = [a1 * (1 + g), a2 * (1 + g)];
  const [c1, c2] = [Math.hypot(x1, b1), Math.hypot(x2, b2)];
  const hue = (y: number, x: number) => (x === 0 && y === 0 ? 0 : ((Math.atan2(y, x) * 180) / Math.PI + 360) % 360);
  const [h1, h2] = [hue(b1, x1), hue(b2, x2)];
  const gray = c1 * c2 === 0;
  let dh = gray ? 0 : h2 - h1;
  if (dh > 180) dh -= 360;
  else if (dh < -180) dh += 360;
  const dH = 2 * Math.sqrt(c1 * c2) * Math.sin(rad(dh / 2));
  const [l, c] = [(l1 + l2) / 2, (c1 + c2) / 2];
  let h = h1 + h2;
  if (!gray) h = Math.abs(h1 - h2) <= 180 ? h / 2 : h < 360 ? (h + 360) / 2 : (h - 360) / 2;
  const t = 1 - 0.17 * Math.cos(rad(h - 30)) + 0.24 * Math.cos(rad(2 * h)) + 0.32 * Math.cos(rad(3 * h + 6)) - 0.2 * Math.cos(rad(4 * h - 63));
  const sl = 1 + (0.015 * (l - 50) ** 2) / Math.sqrt(20 + (l - 50) ** 2);
  const sc = 1 + 0.045 * c;
  const sh = 1 + 0.015 * c * t;
  const turn = -Math.sin(rad(60 * Math.exp(-(((h - 275) / 25) ** 2)))) * 2 * Math.sqrt(c ** 7 / (c ** 7 + 25 ** 7));
  const [dl, dc] = [(l2 - l1) / sl, (c2 - c1) / sc];
  return Math.sqrt(dl ** 2 + dc ** 2 + (dH / sh) ** 2 + turn * dc * (dH / sh));
}

test("the distance is CIEDE2000", () => {
  // Pairs 1, 7 and 17 of Sharma, Wu and Dalal 2005.
  expect(distance([50, 2.6772, -79.7751], [50, 0, -82.7485])).toBeCloseTo(2.0425, 4);
  expect(distance([50, 0, 0], [50, -1, 2])).toBeCloseTo(2.3669, 4);
  expect(distance([50, 2.5, 0], [73, 25, -18])).toBeCloseTo(27.1492, 4);
});

const themes = [
  { name: "light", colors: theme(":root {\n  color-scheme: light"), least: 20 },
  { name: "dark", colors: theme(':root[data-theme="dark"]'), least: 16 },
];

describe.each(themes)("$name", ({ colors, least }) => {
  test.each(Object.keys(SIGHT))("colours with a meaning differ for %s sight", (sight) => {
    const seen = MEANT.map((name) => lab(times(SIGHT[sight]!, linear(colors.get(name)!))));
    for (let a = 0; a < seen.length; a += 1) {
      for (let b = a + 1; b < seen.length; b += 1) {
        expect(distance(seen[a]!, seen[b]!), `${MEANT[a]} and ${MEANT[b]}`).toBeGreaterThanOrEqual(least);
      }
    }
  });

  test.each(["text", "muted", "faint", "accent-text", "error-text", "sent", "received"])("--%s is legible on the panel", (name) => {
    const luminance = (hex: string) => times([[0.2126, 0.7152, 0.0722], [0, 0, 0], [0, 0, 0]], linear(hex))[0];
    const [one, two] = [luminance(colors.get(name)!), luminance(colors.get("panel")!)];
    expect((Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05)).toBeGreaterThanOrEqual(4.5);
  });
});
