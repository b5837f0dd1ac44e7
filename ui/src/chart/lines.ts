/** Draws lines on whole buckets: what was not measured is a break, a value without neighbours a dot. */
import { edges } from "./stack.ts";
import { hatch, type Surface } from "./surface.ts";
import type { BarsPlace } from "./bars.ts";

/** What a line looks like. */
export interface LineLook {
  color: string;
  /** CSS pixels. */
  thick: number;
  dashed?: boolean;
  /** A wider line below it, which keeps it legible on fills. */
  halo?: string;
}

/** Draws one line, through the middles of its buckets. */
export function drawLine(on: Surface, values: readonly (number | null)[], place: BarsPlace, top: number, look: LineLook): void {
  const { context, width, height, ratio } = on;
  const x = edges(place.start, place.step, values.length, place.from, place.to, width);
  const scale = height / top;
  const passes: [string, number, boolean][] = [[look.color, look.thick, look.dashed ?? false]];
  if (look.halo) passes.unshift([look.halo, look.thick + 2.5, false]);
  context.lineJoin = "round";
  for (const [style, thick, dashed] of passes) {
    const alone: [number, number][] = [];
    context.beginPath();
    let open = false;
    for (let at = 0; at < values.length; at += 1) {
      const value = values[at]!;
      if (value === null || value === undefined) {
        open = false;
        continue;
      }
      const middle = (x[at]! + x[at + 1]!) / 2;
      const y = Math.max(height - value * scale, ratio);
      if (open) context.lineTo(middle, y);
      else {
        context.moveTo(middle, y);
        if ((values[at + 1] ?? null) === null) alone.push([middle, y]);
      }
      open = true;
    }
    context.strokeStyle = style;
    context.lineWidth = thick * ratio;
    context.setLineDash(dashed ? [4 * ratio, 3 * ratio] : []);
    context.stroke();
    context.fillStyle = style;
    const size = Math.max(2, Math.round((thick + 1.5) * ratio));
    for (const [left, y] of alone) context.fillRect(Math.round(left - size / 2), Math.round(y - size / 2), size, size);
  }
  context.setLineDash([]);
}

/** Hatches buckets in which nothing was measured: they are not zero. */
export function drawGaps(on: Surface, gaps: Uint8Array, place: BarsPlace, color: string, ground: string): void {
  const { context, width, height, ratio } = on;
  const x = edges(place.start, place.step, gaps.length, place.from, place.to, width);
  context.fillStyle = hatch(context, ground, color, ratio);
  for (let at = 0; at < gaps.length; at += 1) {
    if (gaps[at] === 0) continue;
    let end = at;
    while (end < gaps.length && gaps[end] === 1) end += 1;
    if (x[end]! > x[at]!) context.fillRect(x[at]!, 0, x[end]! - x[at]!, height);
    at = end;
  }
}

/** Veils the last bucket, which is not over: it will still grow. */
export function drawPartial(on: Surface, count: number, place: BarsPlace, ground: string, line: string): void {
  const { context, width, height, ratio } = on;
  const x = edges(place.start, place.step, count, place.from, place.to, width);
  const [left, right] = [x[count - 1] ?? 0, x[count] ?? 0];
  context.globalAlpha = 0.55;
  context.fillStyle = hatch(context, ground, line, ratio);
  context.fillRect(left, 0, right - left, height);
  context.globalAlpha = 1;
}
