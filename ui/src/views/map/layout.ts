/** Where the nodes stand: columns by depth, clients left, stores right, the order in each by barycentres. Always the same. */
import type { Graph } from "./graph.ts";

export interface Place {
  x: number;
  y: number;
}
export interface Layout {
  places: Place[];
  /** Of each node, from 0. */
  columns: number[];
  width: number;
  height: number;
}

/** Few columns stand further apart, few rows are higher: edges and names have room then. */
const COLUMN = [0, 480, 440, 380, 330, 300];
const ROW = 84;
const ROW_FEW = 96;
const FEW = 7;
/** Further sub-columns of a crowded column stand closer. */
const SUB = 190;
const SWEEPS = 8;
/** More columns than this nobody follows. */
const COLUMNS_MAX = 8;

/** Depth of each node: one more than the deepest of those that call it; calls that close a circle do not count. */
export function depths(count: number, arcs: readonly (readonly [number, number])[], start: readonly number[]): number[] {
  const next: number[][] = Array.from({ length: count }, () => []);
  for (const [from, to] of arcs) if (from !== to) next[from]!.push(to);
  const state = new Uint8Array(count);
  const order: number[] = [];
  const forward: number[][] = Array.from({ length: count }, () => []);
  for (const root of [...start, ...next.keys()]) {
    if (state[root] !== 0) continue;
    // A walk in depth without recursion, so that a long chain cannot overflow the stack.
    const walk: [number, number][] = [[root, 0]];
    state[root] = 1;
    while (walk.length > 0) {
      const step = walk[walk.length - 1]!;
      const to = next[step[0]]![step[1]];
      if (to === undefined) {
        state[step[0]] = 2;
        order.push(step[0]);
        walk.pop();
        continue;
      }
      step[1] += 1;
      if (state[to] === 1) continue;
      forward[step[0]]!.push(to);
      if (state[to] === 0) {
        state[to] = 1;
        walk.push([to, 0]);
      }
    }
  }
  const out = new Array<number>(count).fill(0);
  for (const from of order.reverse()) for (const to of forward[from]!) out[to] = Math.max(out[to]!, out[from]! + 1);
  return out;
}

/** Steps from the nearest of `start`; what is not reached from there stands as far as one step. */
export function distances(count: number, arcs: readonly (readonly [number, number])[], start: readonly number[]): number[] {
  const next: number[][] = Array.from({ length: count }, () => []);
  for (const [from, to] of arcs) next[from]!.push(to);
  const out = new Array<number>(count).fill(-1);
  let ring = [...start];
  for (const at of ring) out[at] = 0;
  for (let far = 1; ring.length > 0; far += 1) {
    const further: number[] = [];
    for (const at of ring) {
      for (const to of next[at]!) {
        if (out[to]! >= 0) continue;
        out[to] = Math.min(far, COLUMNS_MAX - 1);
        further.push(to);
      }
    }
    ring = further;
  }
  return out.map((far) => (far < 0 ? 1 : far));
}

const STORE_PORT = /:(3306|5432|5984|6333|6379|8086|8123|8529|9000|9042|9200|11211|27017)$/;
const STORE_NAME = /(^|[-_.])(elastic(search)?|opensearch|solr|clickhouse|influx(db)?|couch(db)?|minio|s3|redis|mongo|postgres|mysql|qdrant)([-_.:]|\d|$)/i;

/** Whether a service keeps data, by its port or name: such stand rightmost. */
export function isStore(name: string): boolean {
  return STORE_PORT.test(name) || STORE_NAME.test(name);
}

type Parts = Pick<Graph, "nodes" | "edges" | "links">;

function arcsOf(graph: Parts): (readonly [number, number])[] {
  return [...graph.edges.map((edge) => [edge.from, edge.to] as const), ...graph.links];
}

/** The column of each node. */
export function columnsOf(graph: Parts): number[] {
  const count = graph.nodes.length;
  const arcs = arcsOf(graph);
  const start = [...graph.nodes.keys()].filter((at) => graph.nodes[at]!.role === "client");
  const longest = depths(count, arcs, start);
  // Where everybody calls everybody the longest way winds through all of them: then the shortest tells more.
  const columns = Math.max(0, ...longest) < COLUMNS_MAX ? longest : distances(count, arcs, start);
  graph.nodes.forEach((node, at) => {
    // A service that nobody was seen to call, and the rest of the services, do not stand among the clients.
    if (columns[at] === 0 && (node.role === "service" || node.id === "s:")) columns[at] = 1;
  });
  const deepest = Math.max(0, ...columns);
  const callers = new Set(arcs.filter(([from, to]) => from !== to).map(([from]) => from));
  graph.nodes.forEach((node, at) => {
    if (deepest > 1 && !callers.has(at) && node.role === "service" && isStore(node.name)) columns[at] = deepest;
  });
  return columns;
}

/** Lays a graph out. */
export function layout(graph: Graph): Layout {
  const count = graph.nodes.length;
  return placed(ordered(count, arcsOf(graph), graph.columns, graph), graph.columns, count);
}

function ordered(count: number, arcs: readonly (readonly [number, number])[], columns: readonly number[], graph: Graph): number[][] {
  const levels: number[][] = Array.from({ length: Math.max(0, ...columns) + 1 }, () => []);
  const weight = graph.nodes.map((node) => node.asked.count + node.answered.count);
  for (const at of [...graph.nodes.keys()].sort((a, b) => weight[b]! - weight[a]! || (graph.nodes[a]!.id < graph.nodes[b]!.id ? -1 : 1))) {
    levels[columns[at]!]!.push(at);
  }
  const near: number[][] = Array.from({ length: count }, () => []);
  for (const [from, to] of arcs) {
    near[from]!.push(to);
    near[to]!.push(from);
  }
  const rank = new Float64Array(count);
  const spread = (level: number[]) => level.forEach((at, place) => (rank[at] = (place + 0.5) / level.length));
  levels.forEach(spread);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const way = sweep % 2 === 0 ? levels.slice(1) : levels.slice(0, -1).reverse();
    for (const level of way) {
      const centre = new Map<number, number>();
      for (const at of level) {
        let sum = 0;
        let seen = 0;
        for (const other of near[at]!) {
          if (sweep % 2 === 0 ? columns[other]! < columns[at]! : columns[other]! > columns[at]!) {
            sum += rank[other]!;
            seen += 1;
          }
        }
        centre.set(at, seen > 0 ? sum / seen : rank[at]!);
      }
      // The rest is always the last of its column.
      const last = (at: number) => (graph.nodes[at]!.role === "other" ? 1 : 0);
      level.sort((a, b) => last(a) - last(b) || centre.get(a)! - centre.get(b)! || rank[a]! - rank[b]!);
      spread(level);
    }
  }
  return levels;
}

/** Columns become places; a crowded one is folded, so that the whole stays about twice as wide as high. */
function placed(levels: readonly number[][], columns: number[], count: number): Layout {
  const rows = Math.max(9, Math.ceil(Math.sqrt(count * 1.25)));
  const places: Place[] = Array.from({ length: count }, () => ({ x: 0, y: 0 }));
  const most = Math.min(rows, Math.max(1, ...levels.map((level) => level.length)));
  const high = most <= FEW ? ROW_FEW : ROW;
  const far = COLUMN[Math.min(levels.length, COLUMN.length) - 1]!;
  const height = most * high;
  let x = 0;
  for (const level of levels) {
    if (level.length === 0) continue;
    const subs = Math.ceil(level.length / rows);
    const tall = Math.ceil(level.length / subs);
    level.forEach((at, place) => {
      // Neighbours in the order stay neighbours: the fold runs across, and every second sub-column is half a row lower.
      const sub = place % subs;
      const row = Math.floor(place / subs);
      const step = Math.min(high * 1.6, height / tall);
      places[at] = { x: x + sub * SUB, y: height / 2 + (row - (tall - 1) / 2) * step + (subs > 1 && sub % 2 === 1 ? high / 2 : 0) };
    });
    x += (subs - 1) * SUB + far;
  }
  return { places, columns, width: Math.max(0, x - far), height };
}
