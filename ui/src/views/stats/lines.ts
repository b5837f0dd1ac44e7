/** uPlot, loaded when the first line is drawn, with the axes, colours and words of this page. */
import type uPlot from "uplot";
import { timeTicks } from "../../chart/ticks.ts";
import type { Range } from "../../lib/time.ts";

export interface LinesLook {
  colors: string[];
  grid: string;
  text: string;
  font: string;
  zone: string;
  value: (value: number) => string;
  ticks: (max: number) => number[];
  /** The bucket under the pointer, or null. */
  hover: (bucket: number | null) => void;
}

/** Draws lines into an element; gives what takes them away again. */
export async function drawLines(
  into: HTMLElement, width: number, height: number, range: Range, data: [number[], ...(number | null)[][]], look: LinesLook, gone: () => boolean,
): Promise<() => void> {
  const [{ default: Plot }] = await Promise.all([import("uplot"), import("uplot/dist/uPlot.min.css")]);
  if (gone()) return () => undefined;
  let max = 0;
  for (const row of data.slice(1)) for (const value of row) if (value !== null && value > max) max = value;
  const ticks = look.ticks(max || 1);
  const grid = { stroke: look.grid, width: 1 };
  const axis = { stroke: look.text, font: look.font, grid, ticks: { ...grid, size: 4 } };
  const options: uPlot.Options = {
    width, height, ms: 1, legend: { show: false }, padding: [8, 8, 0, 0],
    cursor: { y: false, drag: { x: false, y: false, setScale: false }, points: { size: 6 } },
    scales: { x: { time: false, min: range.from, max: range.to, auto: false, range: [range.from, range.to] }, y: { range: [0, ticks.at(-1)!] } },
    axes: [
      { ...axis, size: 22, splits: () => timeTicks(range, width - 60, look.zone, 90).map((tick) => tick.at), values: () => timeTicks(range, width - 60, look.zone, 90).map((tick) => tick.text) },
      { ...axis, size: 58, splits: () => ticks, values: () => ticks.map(look.value) },
    ],
    series: [{}, ...look.colors.map((stroke) => ({ stroke, width: 1.5, points: { show: sparse, size: 4, fill: stroke }, spanGaps: false }))],
    hooks: { setCursor: [(plot: uPlot) => look.hover(plot.cursor.idx ?? null)] },
  };
  const plot = new Plot(options, data, into);
  return () => plot.destroy();
}

/** A point whose neighbours are missing has no line: it is drawn as a dot. */
function sparse(plot: uPlot, series: number): boolean {
  const values = plot.data[series] ?? [];
  let alone = false;
  for (let at = 0; at < values.length && !alone; at += 1) {
    alone = values[at] !== null && (values[at - 1] ?? null) === null && (values[at + 1] ?? null) === null;
  }
  return alone;
}
