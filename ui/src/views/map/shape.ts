/** Sizes and ways on the map: what drawing and finding under the pointer have in common. */
import { duration } from "../../lib/format.ts";
import type { Graph, MapEdge, MapNode } from "./graph.ts";
import type { Place } from "./layout.ts";

export type Size = "bytes" | "count";
/** What is where: a point of the layout is at `x * zoom + left`. */
export interface Camera {
  zoom: number;
  left: number;
  top: number;
}
/** Radius of a node in units of the layout: its area grows with the logarithm. */
export function radius(node: MapNode, size: Size, most: number): number {
  if (node.role === "host") return 9;
  const value = Math.max(node.asked[size], node.answered[size]);
  return most <= 0 ? 9 : 9 + 15 * (Math.log1p(value) / Math.log1p(most)) ** 2;
}

export function widest(graph: Graph, size: Size): { node: number; edge: number } {
  let [node, edge] = [0, 0];
  for (const one of graph.nodes) node = Math.max(node, one.asked[size], one.answered[size]);
  for (const one of graph.edges) edge = Math.max(edge, one.sums[size]);
  return { node, edge };
}

/** Width of an edge in units of the layout: by the logarithm of what went over it. */
export function thickness(value: number, most: number): number {
  return most <= 0 ? 1 : 1.2 + 7 * (Math.log1p(value) / Math.log1p(most)) ** 3;
}

/** A cubic curve: start, two handles, end. */
export type Curve = [number, number, number, number, number, number, number, number];

/** The way of an edge: a bow to the right for calls forward, a loop for calls to itself, an arch for calls back. */
export function curve(from: Place, to: Place, fromRadius: number, toRadius: number): Curve {
  if (from.x === to.x && from.y === to.y) {
    const r = fromRadius;
    return [from.x + r * 0.7, from.y - r * 0.7, from.x + r * 3.4, from.y - r * 3, from.x + r * 3.4, from.y + r * 3, from.x + r * 0.7, from.y + r * 0.7];
  }
  if (to.x > from.x + fromRadius + toRadius) {
    const bend = Math.max(30, (to.x - from.x) * 0.45);
    return [from.x + fromRadius, from.y, from.x + fromRadius + bend, from.y, to.x - toRadius - bend, to.y, to.x - toRadius, to.y];
  }
  const side = to.y >= from.y ? 1 : -1;
  const lift = 60 + Math.abs(to.x - from.x) * 0.25;
  return [from.x, from.y + side * fromRadius, from.x + lift * 0.4, from.y + side * lift, to.x + lift * 0.4, to.y - side * lift, to.x, to.y - side * toRadius];
}

export function pointOn(c: Curve, t: number): Place {
  const u = 1 - t;
  const [a, b, d, e] = [u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t];
  return { x: a * c[0] + b * c[2] + d * c[4] + e * c[6], y: a * c[1] + b * c[3] + d * c[5] + e * c[7] };
}

/** The strands of an edge: what went well, what was refused, what failed, as widths that add up to the whole. */
export function strands(edge: MapEdge, whole: number): [number, number, number] {
  const { count: all, errors, refused } = edge.sums;
  if (all <= 0) return [whole, 0, 0];
  const share = (part: number) => (part === 0 ? 0 : Math.max(1, (whole * part) / all));
  const [bad, odd] = [share(errors), share(refused)];
  return [errors + refused >= all ? 0 : Math.max(0.8, whole - bad - odd), odd, bad];
}

/** A line too thin to be split says whether anything failed. */
export function oneStrand(edge: MapEdge, width: number): [number, number, number] {
  return edge.sums.errors > 0 ? [0, 0, width] : edge.sums.refused > 0 ? [0, width, 0] : [width, 0, 0];
}

/** The places of the edges with most. */
export function largestOf(graph: Graph, size: Size, wanted: number): Set<number> {
  const order = [...graph.edges.keys()].sort((a, b) => graph.edges[b]!.sums[size] - graph.edges[a]!.sums[size]);
  return new Set(order.slice(0, wanted));
}

/** The latency of an edge in words. */
export function latency(edge: MapEdge): string {
  const { p95, bound } = edge.sums;
  return p95 === null ? "" : `p95 ${bound ? "≤ " : ""}${duration(p95)}`;
}

/** A name that is not wider than its column: the end of it tells more than the middle. */
export function clipped(name: string, most = 26): string {
  return name.length <= most ? name : `${name.slice(0, most - 9)}…${name.slice(-8)}`;
}

/** The places of the slowest edges. */
export function slowest(graph: Graph, wanted: number): Set<number> {
  const order = [...graph.edges.keys()].filter((at) => graph.edges[at]!.sums.p95 !== null);
  order.sort((a, b) => graph.edges[b]!.sums.p95! - graph.edges[a]!.sums.p95!);
  return new Set(order.slice(0, wanted));
}
