/**
 * Times what is drawn, as the program draws it, beside a lower bound: the same number of bare `fillRect` or `lineTo` calls on
 * whole pixels. `run.mjs` starts it in headless Chromium and reads `globalThis.bench`.
 */
import uPlot from "uplot";
import { drawBars } from "../src/chart/bars.ts";
import { pixels, show } from "../src/chart/pixels.ts";
import { stack } from "../src/chart/stack.ts";
import { surface, type Surface } from "../src/chart/surface.ts";
import { type Bar, drawWaterfall, pack } from "../src/chart/waterfall.ts";
import { draw, prepare } from "../src/carpet/draw.ts";
import type { Picture } from "../src/carpet/picture.ts";
import { cpu, light, rtt } from "../src/carpet/panels.ts";
import { colors } from "../src/lib/colors.svelte.ts";
import { drawMap } from "../src/views/map/draw.ts";
import { graph, type Pair } from "../src/views/map/graph.ts";
import { layout } from "../src/views/map/layout.ts";

/** A job and its lower bound: medians in milliseconds. */
export interface Result {
  name: string;
  ours: number;
  bound: number | null;
}

const [WIDTH, HEIGHT, RUNS] = [1200, 300, 9];
const canvas = document.getElementById("canvas") as HTMLCanvasElement;

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** The median time of a drawing, flushed by reading a pixel back. */
function timed(draw: (on: Surface) => void): number {
  const times: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const start = performance.now();
    const on = surface(canvas, WIDTH, HEIGHT);
    draw(on);
    on.context.getImageData(0, 0, 1, 1);
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[RUNS >> 1]!;
}

function bars(): Result {
  const next = random(1);
  const [buckets, series] = [300, 20];
  const values = Array.from({ length: series }, () => Array.from({ length: buckets }, () => Math.floor(next() * 100)));
  const look = { colors: Array.from({ length: series }, (_, at) => `hsl(${at * 18} 60% 50%)`), hatched: values.map((_, at) => at === series - 1), line: "#fff", top: series * 100 };
  const ours = timed((on) => drawBars(on, stack(values, buckets), { start: 0, step: 1, from: 0, to: buckets }, look));
  const bound = timed(({ context }) => {
    for (let k = 0; k < series; k += 1) {
      context.fillStyle = look.colors[k]!;
      for (let at = 0; at < buckets; at += 1) context.fillRect(at * 4, k * 15, 3, 15);
    }
  });
  return { name: "stacked bars, 300 buckets × 20 series", ours, bound };
}

async function lines(): Promise<Result> {
  const next = random(2);
  const count = 200_000;
  const x = Float64Array.from({ length: count }, (_, at) => at);
  const y = Float64Array.from({ length: count }, () => next() * 1000);
  const target = document.getElementById("lines")!;
  const times: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    target.replaceChildren();
    const start = performance.now();
    const plot = new uPlot({ width: WIDTH, height: HEIGHT, series: [{}, { stroke: "#1f6feb" }], scales: { x: { time: false } }, legend: { show: false } }, [x, y], target);
    // uPlot draws in a microtask of its own.
    await Promise.resolve();
    await Promise.resolve();
    plot.ctx.getImageData(0, 0, 1, 1);
    times.push(performance.now() - start);
    plot.destroy();
  }
  const bound = timed(({ context }) => {
    context.beginPath();
    for (let at = 0; at < WIDTH * 4; at += 1) context.lineTo(at / 4, (y[at]! * HEIGHT) / 1000);
    context.stroke();
  });
  return { name: "a line of 200 000 points (uPlot)", ours: times.sort((a, b) => a - b)[RUNS >> 1]!, bound };
}

function waterfall(): Result {
  const next = random(3);
  let at = 0;
  const all: Bar[] = Array.from({ length: 20_000 }, () => {
    at += next() * 1e6;
    const end = at + next() * 5e7;
    return { start: at, sent: at + 1e5, answer: end - 1e5, end, color: Math.floor(next() * 3), hatched: next() < 0.03 };
  });
  const names = all.map((_, bar) => `service ${bar % 40}`);
  const lanes = pack(all, names, 1);
  const look = {
    from: 0, to: at / 4, row: 12, scrolled: 400, head: 1, colors: [colors.of.fast, colors.of.medium, colors.of.error], request: colors.of.sent,
    response: colors.of.received, line: colors.of.panel, accent: colors.of.accent, hot: -1, current: -1,
  };
  let drawn = 0;
  const ours = timed((on) => {
    drawn = drawWaterfall(on, all, lanes, look);
  });
  const bound = timed(({ context }) => {
    context.fillStyle = "#888";
    for (let bar = 0; bar < drawn; bar += 1) context.fillRect((bar * 7) % WIDTH, (bar * 13) % HEIGHT, 20, 9);
  });
  return { name: "waterfall of 20 000 calls, a frame", ours, bound };
}

function map(): Result {
  const next = random(4);
  const pairs: Pair[] = Array.from({ length: 2000 }, (_, at) => ({
    client: `10.0.${at % 250}.1`, service: `service-${Math.floor(next() * 250)}`, count: 100, errors: Math.floor(next() * 5), refused: 0, bytes: Math.floor(next() * 1e6),
    duration: 1e9, max: 1e8, p95: 1e7, drill: "", ends: ["", ""],
  }));
  const whole = graph(pairs, { nodes: 500, merged: (name) => name, places: [], lens: false });
  const placed = layout(whole);
  const ours = timed((on) => drawMap(on, whole, placed.places, {
    camera: { left: 20, top: 20, zoom: 0.4 }, colors: colors.of, font: "12px sans-serif", size: "bytes", hot: { node: -1, edge: -1 }, found: null, labelled: new Set(), current: -1, locked: () => false,
  }));
  const bound = timed(({ context }) => {
    context.strokeStyle = "#888";
    context.beginPath();
    for (let edge = 0; edge < whole.edges.length; edge += 1) {
      context.moveTo(20, (edge * 7) % HEIGHT);
      context.lineTo(WIDTH - 20, (edge * 13) % HEIGHT);
    }
    context.stroke();
  });
  return { name: `map of ${whole.nodes.length} nodes and ${whole.edges.length} edges`, ours, bound };
}

/** A carpet: 40 panels, a third of them lines, each with what it is compared with, all redrawn, each on a canvas of its own. */
function carpet(buckets: number): Result {
  const next = random(5);
  const [panels, series, wide, high] = [40, 6, 300, 84];
  const drill = { view: "exchanges", filter: "", mode: "end" as const, exact: false };
  const pictures = Array.from({ length: panels }, (_, panel): Picture => ({
    start: 0, step: 10_000, count: buckets, from: 0, to: buckets * 10_000, unit: "rate", gaps: Uint8Array.from({ length: buckets }, (_, at) => (at % 37 === panel % 37 ? 1 : 0)),
    partial: true, any: true,
    layers: Array.from({ length: series }, (_, at) => ({
      name: `series ${at}`, color: (["c1", "c2", "c3", "c4", "c5", "error"] as const)[at]!, hatched: at === series - 1, values: Array.from({ length: buckets }, () => next() * 100),
      total: 50, before: Array.from({ length: buckets }, () => next() * 100), beforeTotal: 50, drill, metric: "", labels: {}, counts: true, from: null,
    })),
  }));
  const canvases = pictures.map(() => document.createElement("canvas"));
  const range = { from: 0, to: buckets * 10_000 };
  const times: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const start = performance.now();
    pictures.forEach((picture, at) => {
      const on = pixels(wide, high, devicePixelRatio, colors.of.panel);
      draw(on, prepare(picture, [light, cpu, rtt][at % 3]!, range), colors.of);
      show(canvases[at]!, on);
    });
    for (const one of canvases) one.getContext("2d")!.getImageData(0, 0, 1, 1);
    times.push(performance.now() - start);
  }
  const bare: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const start = performance.now();
    for (const one of canvases) {
      const { context } = surface(one, wide, high);
      for (let k = 0; k < series; k += 1) {
        context.fillStyle = "#888";
        for (let at = 0; at < 100; at += 1) context.fillRect(at * 3, k * 14, 2, 14);
      }
      context.getImageData(0, 0, 1, 1);
    }
    bare.push(performance.now() - start);
  }
  const median = (list: number[]) => list.sort((a, b) => a - b)[RUNS >> 1]!;
  return { name: `carpet of 40 panels, ${buckets.toLocaleString("en").replace(",", " ")} buckets × 6 series, redrawn`, ours: median(times), bound: median(bare) };
}

(globalThis as unknown as { bench: () => Promise<Result[]> }).bench = async () => [bars(), await lines(), waterfall(), map(), carpet(100), carpet(2880)];
