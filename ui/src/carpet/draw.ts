/** Draws a panel: gaps, bars or lines, the range that it is compared with. Pure. */
import { type BarsPlace, highest } from "../chart/bars.ts";
import { drawGaps, drawLine, drawPartial, fillBars } from "../chart/lines.ts";
import { fill, packed, type Pixels } from "../chart/pixels.ts";
import { stack, type Stack } from "../chart/stack.ts";
import type { ColorName } from "../lib/palette.ts";
import type { Range } from "../lib/time.ts";
import { ticks } from "./figures.ts";
import { ghosts, type Picture } from "./picture.ts";
import type { PanelSpec } from "./spec.ts";

/** What of a picture does not depend on its size: made once per answer, drawn often. */
export interface Prepared {
  picture: Picture;
  spec: PanelSpec;
  /** Of bars. */
  stack: Stack | null;
  ghosts: { values: (number | null)[]; color: ColorName }[];
  place: BarsPlace;
  /** Marks of the axis, and the value at its top. */
  ticks: number[];
  top: number;
}

/** Prepares a picture for a range. */
export function prepare(picture: Picture, spec: PanelSpec, range: Range): Prepared {
  const place = { start: picture.start, step: picture.step, from: range.from, to: range.to };
  const bars = spec.kind === "lines" ? null : stack(picture.layers.map((layer) => layer.values), picture.count);
  const over = ghosts(picture, spec);
  let max = bars ? highest(bars, place) : 0;
  for (const { values } of bars ? over : [...over, ...picture.layers]) for (const value of values) if (value !== null && value > max) max = value;
  const top = max > 0 ? max * 1.05 : 1;
  return { picture, spec, stack: bars, ghosts: over, place, ticks: max > 0 ? ticks(picture.unit, max).filter((tick) => tick <= top) : [], top };
}

/** Draws it. */
export function draw(on: Pixels, of: Prepared, colors: Record<ColorName, string>): void {
  const { picture, place, top } = of;
  for (const tick of of.ticks) fill(on, 0, Math.min(on.height - 1, on.height - Math.round((tick / top) * on.height)), on.width, 1, packed(colors.line));
  drawGaps(on, picture.gaps, place, colors.line, colors.panel);
  if (of.stack) {
    fillBars(on, of.stack, place, {
      colors: picture.layers.map((layer) => colors[layer.color]), hatched: picture.layers.map((layer) => layer.hatched), line: colors.panel, top,
    });
  } else {
    // The first ones are the largest: they lie on top.
    for (const layer of [...picture.layers].reverse()) drawLine(on, layer.values, place, top, { color: colors[layer.color], thick: 1.5 });
  }
  if (picture.partial && picture.count > 0) drawPartial(on, picture.count, place, colors.panel, colors["line-strong"]);
  // Over fills alone a line needs a halo.
  const halo = of.stack ? { halo: colors.panel } : {};
  for (const ghost of of.ghosts) drawLine(on, ghost.values, place, top, { color: colors[ghost.color], thick: 1.25, dashed: true, ...halo });
}
