/** Draws the map. Lines of one colour and width go out as one path, so that thousands cost little. */
import { rgb } from "../../chart/heatmap.ts";
import type { Surface } from "../../chart/surface.ts";
import type { ColorName } from "../../lib/colors.svelte.ts";
import { count, percent } from "../../lib/format.ts";
import type { Graph, MapNode } from "./graph.ts";
import type { Place } from "./layout.ts";
import { type Camera, clipped, curve, largestOf, latency, oneStrand, pointOn, radius, type Size, strands, thickness, widest } from "./shape.ts";

/** Edges that are still drawn with bend and width, and how many keep them when there are more. */
const MANY = 800;
const WIDE = 60;

/** Where on an edge its latency may stand. */
const SPOTS = [0.5, 0.38, 0.62, 0.28, 0.72, 0.2];

export interface MapLook {
  camera: Camera;
  size: Size;
  colors: Record<ColorName, string>;
  font: string;
  /** Edges that carry their latency, by place. */
  labelled: ReadonlySet<number>;
  /** What is under the pointer: everything else is dimmed. */
  hot: { node: number; edge: number };
  /** Nodes that a search found; null for no search. */
  found: ReadonlySet<number> | null;
  /** By keyboard. */
  current: number;
  locked: (at: number) => boolean;
}

/** A colour between two of the theme's: `#rrggbb`. */
export function mixed(from: string, to: string, share: number): string {
  const [a, b] = [rgb(from), rgb(to)];
  return `rgb(${a.map((part, at) => Math.round(part + (b[at]! - part) * share)).join(" ")})`;
}

export function drawMap(on: Surface, graph: Graph, places: readonly Place[], look: MapLook): void {
  const { context, ratio } = on;
  const { camera, colors } = look;
  context.setTransform(camera.zoom * ratio, 0, 0, camera.zoom * ratio, camera.left * ratio, camera.top * ratio);
  context.lineCap = "butt";
  const most = widest(graph, look.size);
  const radii = graph.nodes.map((node) => radius(node, look.size, most.node));
  const bright = brightness(graph, look);
  drawLinks(context, graph, places, colors);
  drawEdges(context, graph, places, radii, most.edge, look, bright.edges);
  graph.nodes.forEach((node, at) => drawNode(context, node, places[at]!, radii[at]!, look, bright.nodes[at]!, at));
  context.globalAlpha = 1;
  // Names of hundreds at once are noise; they come with the zoom.
  const named = camera.zoom > (graph.nodes.length > 150 ? 0.75 : 0.42);
  const meant = look.hot.node >= 0 || look.hot.edge >= 0 || look.found !== null;
  const names = [...graph.nodes.keys()].filter((at) => named || at === look.current || (meant && bright.nodes[at] === 1));
  drawLabels(context, graph, places, radii, look, names, bright.edges);
  context.setTransform(1, 0, 0, 1, 0, 0);
}

/** How bright each is: what is hot and its neighbours, or what was found. */
function brightness(graph: Graph, look: MapLook): { nodes: number[]; edges: number[] } {
  const { hot, found } = look;
  const nodes = graph.nodes.map((_, at): number => (found && !found.has(at) ? 0.25 : 1));
  const edges = graph.edges.map((edge): number => (found && !found.has(edge.from) && !found.has(edge.to) ? 0.15 : 1));
  if (hot.node < 0 && hot.edge < 0) return { nodes, edges };
  const near = new Set<number>(hot.node < 0 ? [] : [hot.node]);
  graph.edges.forEach((edge, at) => {
    const lit = at === hot.edge || edge.from === hot.node || edge.to === hot.node;
    edges[at] = lit ? 1 : 0.12;
    if (lit) near.add(edge.from).add(edge.to);
  });
  return { nodes: nodes.map((_, at) => (near.has(at) ? 1 : 0.25)), edges };
}

function drawLinks(context: CanvasRenderingContext2D, graph: Graph, places: readonly Place[], colors: Record<ColorName, string>): void {
  if (graph.links.length === 0) return;
  context.beginPath();
  for (const [from, to] of graph.links) {
    context.moveTo(places[from]!.x, places[from]!.y);
    context.lineTo(places[to]!.x, places[to]!.y);
  }
  context.setLineDash([2, 4]);
  context.lineWidth = 1.3;
  context.strokeStyle = colors.faint;
  context.stroke();
  context.setLineDash([]);
}

function drawEdges(
  context: CanvasRenderingContext2D, graph: Graph, places: readonly Place[], radii: number[], most: number, look: MapLook, bright: number[],
): void {
  const { colors, size } = look;
  const paints = [colors.fast, colors["client-error"], colors.error];
  // Beyond some hundred edges nobody sees bend and width of each, but everybody the wait: hairlines cost a tenth. The largest,
  // and what is under the pointer, stay as they are.
  const many = graph.edges.length > MANY;
  const wide = many ? largestOf(graph, size, WIDE) : null;
  const hair = 1 / look.camera.zoom;
  const paths = new Map<string, { path: Path2D; kind: number; width: number; alpha: number }>();
  graph.edges.forEach((edge, at) => {
    const thin = wide !== null && !wide.has(at) && !(bright[at] === 1 && (look.hot.node >= 0 || look.hot.edge >= 0));
    const whole = thin ? hair : thickness(edge.sums[size], most);
    const c = curve(places[edge.from]!, places[edge.to]!, radii[edge.from]!, radii[edge.to]!);
    const length = Math.hypot(c[6] - c[0], c[7] - c[1]) || 1;
    const [nx, ny] = [-(c[7] - c[1]) / length, (c[6] - c[0]) / length];
    let shift = -whole / 2;
    const parts = thin ? oneStrand(edge, hair) : strands(edge, whole);
    parts.forEach((width, kind) => {
      if (width === 0) return;
      const rounded = thin ? width : Math.ceil(width * 2) / 2;
      const key = `${kind} ${rounded} ${bright[at]}`;
      let into = paths.get(key);
      if (!into) paths.set(key, (into = { path: new Path2D(), kind, width: rounded, alpha: bright[at]! }));
      const by = shift + width / 2;
      shift += width;
      const [x, y] = [nx * by, ny * by];
      into.path.moveTo(c[0] + x, c[1] + y);
      if (thin) into.path.lineTo(c[6] + x, c[7] + y);
      else into.path.bezierCurveTo(c[2] + x, c[3] + y, c[4] + x, c[5] + y, c[6] + x, c[7] + y);
    });
  });
  for (const { path, kind, width, alpha } of [...paths.values()].sort((a, b) => a.kind - b.kind)) {
    context.globalAlpha = alpha * (kind === 0 ? 0.8 : 1);
    context.strokeStyle = paints[kind]!;
    context.lineWidth = width;
    context.stroke(path);
  }
  context.globalAlpha = 1;
}

function drawNode(
  context: CanvasRenderingContext2D, node: MapNode, at: Place, r: number, look: MapLook, alpha: number, place: number,
): void {
  const { colors } = look;
  const sums = node.answered.count > 0 ? node.answered : node.asked;
  const share = sums.count > 0 ? sums.errors / sums.count : 0;
  context.globalAlpha = alpha;
  outline(context, node, at, r);
  // Redder where more of its calls failed; the ring tells the share exactly.
  const base = node.role === "service" ? colors.c2 : colors.c8;
  context.fillStyle = share > 0 ? mixed(colors.panel, colors.error, Math.min(0.75, 0.1 + Math.sqrt(share) * 0.7)) : mixed(colors.panel, base, 0.22);
  context.fill();
  context.lineWidth = node.role === "host" ? 1 : 2;
  context.strokeStyle = base;
  if (node.role === "other") context.setLineDash([4, 3]);
  context.stroke();
  context.setLineDash([]);
  if (node.role === "service") ring(context, at, r + 3.5, sums, colors);
  if (look.found?.has(place) || place === look.current) {
    context.beginPath();
    context.arc(at.x, at.y, r + 8, 0, Math.PI * 2);
    context.strokeStyle = colors.accent;
    context.lineWidth = 2;
    context.stroke();
  }
  if (look.locked(place)) {
    context.fillStyle = colors.muted;
    context.fillRect(at.x - 2.5, at.y - 2.5, 5, 5);
  }
}

function outline(context: CanvasRenderingContext2D, node: MapNode, at: Place, r: number): void {
  context.beginPath();
  if (node.role === "client") context.roundRect(at.x - r * 0.88, at.y - r * 0.88, r * 1.76, r * 1.76, 4);
  else context.arc(at.x, at.y, r, 0, Math.PI * 2);
}

/** The shares of refused and failed answers around a service, from the top on. */
function ring(context: CanvasRenderingContext2D, at: Place, r: number, sums: MapNode["answered"], colors: Record<ColorName, string>): void {
  if (sums.count === 0) return;
  let from = -Math.PI / 2;
  for (const [part, color] of [[sums.errors, colors.error], [sums.refused, colors["client-error"]]] as const) {
    if (part === 0) continue;
    // A share that is not nothing can be seen.
    const to = from + Math.max((part / sums.count) * Math.PI * 2, 0.16);
    context.beginPath();
    context.arc(at.x, at.y, r, from, to);
    context.strokeStyle = color;
    context.lineWidth = 3;
    context.stroke();
    from = to;
  }
}

function drawLabels(
  context: CanvasRenderingContext2D, graph: Graph, places: readonly Place[], radii: number[], look: MapLook, names: readonly number[], bright: number[],
): void {
  const { colors, camera } = look;
  // Letters keep their size on the screen while the map is drawn smaller.
  const scale = 1 / Math.min(1, camera.zoom);
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineJoin = "round";
  context.strokeStyle = colors.panel;
  const write = (text: string, x: number, y: number, color: string, size: number, weight = "") => {
    context.font = `${weight} ${size * scale}px ${look.font}`;
    context.lineWidth = 3.5 * scale;
    context.strokeText(text, x, y);
    context.fillStyle = color;
    context.fillText(text, x, y);
  };
  for (const at of names) {
    const node = graph.nodes[at]!;
    const { x, y } = places[at]!;
    const sums = node.answered.count > 0 ? node.answered : node.asked;
    const below = y + radii[at]! + 6 + 7 * scale;
    write(clipped(node.name), x, below, colors.text, 11.5, "600");
    if (node.role === "host" || camera.zoom < 0.5) continue;
    const bad = sums.errors > 0 ? ` · ${percent(sums.errors / sums.count)} failed` : "";
    write(`${count(sums.count)}${bad}`, x, below + 13 * scale, colors.muted, 10.5);
  }
  if (camera.zoom < 0.42) return;
  const taken: [number, number][] = [];
  for (const at of look.labelled) {
    const edge = graph.edges[at]!;
    if (bright[at]! < 0.5) continue;
    const way = curve(places[edge.from]!, places[edge.to]!, radii[edge.from]!, radii[edge.to]!);
    // Where the words of another edge stand already, they stand elsewhere on the way.
    const spots = SPOTS.map((share) => pointOn(way, share));
    const spot = spots.find(({ x, y }) => taken.every(([left, top]) => Math.abs(left - x) > 96 * scale || Math.abs(top - y) > 15 * scale)) ?? spots[0]!;
    taken.push([spot.x, spot.y]);
    write(latency(edge), spot.x, spot.y - 8, colors["warn-text"], 11, "600");
  }
}
