/** The map as a graph, from what the server counted: replicas merged, the rest as one, services found behind addresses. */
import type { AnswerOf } from "../../api/ask.svelte.ts";
import { columnsOf } from "./layout.ts";

/** What was counted of some calls. */
export interface Sums {
  count: number;
  errors: number;
  /** Answered 4xx. */
  refused: number;
  bytes: number;
  duration: number;
  max: number;
  /** The 95th percentile; of several merged groups an upper bound, since percentiles do not add. */
  p95: number | null;
  bound: boolean;
}
export type Role = "client" | "service" | "host" | "other";

export interface MapNode {
  id: string;
  role: Role;
  name: string;
  /** Names that were merged. */
  members: string[];
  asked: Sums;
  answered: Sums;
  /** Filters whose `or` gives its calls. */
  drills: string[];
}
export interface MapEdge {
  from: number;
  to: number;
  sums: Sums;
  drills: string[];
}
export interface Graph {
  nodes: MapNode[];
  edges: MapEdge[];
  /** From services to the address they share, which itself calls others: places in the nodes. */
  links: [number, number][];
  /** Depth of each node; of the errors lens as in the whole map, so that nothing jumps. */
  columns: number[];
  total: Sums;
}

/** Calls of a client with a service, as an answer has them; null for the rest. */
export interface Pair {
  client: string | null;
  service: string | null;
  count: number;
  errors: number;
  /** Answered 4xx. */
  refused: number;
  bytes: number;
  duration: number;
  max: number;
  p95: number | null;
  /** The filter of these calls, of all of the client, and of all of the service. */
  drill: string;
  ends: readonly [string, string];
}
export interface Wishes {
  nodes: number;
  merged: (name: string) => string;
  /** Service, address that it was reached at, and how often. */
  places: readonly (readonly [string, string, number])[];
  /** Addresses that ask for others, each with those it asks for: what they are asked themselves is likely to be behind them. */
  forwards?: ReadonlyMap<string, ReadonlySet<string>>;
  /** Callers that nobody calls are one node when there are more than so many. */
  clients?: number;
  /** Only edges with errors, and their ends. */
  lens: boolean;
}

function nothing(): Sums {
  return { count: 0, errors: 0, refused: 0, bytes: 0, duration: 0, max: 0, p95: null, bound: false };
}

function add(to: Sums, pair: Pair): void {
  if (pair.p95 !== null) {
    to.bound ||= to.p95 !== null;
    to.p95 = Math.max(to.p95 ?? 0, pair.p95);
  }
  to.count += pair.count;
  to.errors += pair.errors;
  to.refused += pair.refused;
  to.bytes += pair.bytes;
  to.duration += pair.duration;
  to.max = Math.max(to.max, pair.max);
}

/** The edges of a map. */
export function pairsOfMap({ nodes, edges }: Pick<AnswerOf<"map">, "nodes" | "edges">): Pair[] {
  return edges.map((edge) => {
    const [client, service] = [nodes[edge.from]!, nodes[edge.to]!];
    return {
      client: client.name ?? null, service: service.name ?? null, count: edge.count, errors: edge.errors, refused: edge.outcomes?.refused ?? 0,
      bytes: edge.bytes, duration: edge.duration_ns, max: edge.max ?? 0, p95: edge.percentiles?.p95 ?? null,
      drill: edge.drill.filter, ends: [client.drill.filter, service.drill.filter],
    };
  });
}

const LOOP = /^(127\.0\.0\.1|::1)$/;

/** A service that gets nearly all of the calls to an address is who asks from there. */
const HOME_SHARE = 0.95;
/** Less of a client's calls than this does not tell who forwards them. */
const BEHIND_SHARE = 0.05;

/** Where clients are services themselves: the service of an address, or all that share it. */
function homes(pairs: readonly Pair[], wishes: Wishes): Map<string, string[]> {
  const at = new Map<string, Map<string, number>>();
  const put = (address: string, service: string, count: number) => {
    const there = at.get(address) ?? new Map<string, number>();
    at.set(address, there.set(wishes.merged(service), (there.get(wishes.merged(service)) ?? 0) + count));
  };
  // Behind a loopback address may be anybody.
  for (const [service, address, count] of wishes.places) if (!LOOP.test(address)) put(address, service, count);
  for (const [address, origins] of wishes.forwards ?? []) {
    if (at.has(address)) continue;
    const own = new Set(pairs.filter((pair) => pair.client === address).map((pair) => pair.service));
    const asked = new Map<string, number>();
    let sum = 0;
    for (const { client, service, count } of pairs) {
      if (client === null || service === null || !origins.has(client) || own.has(service)) continue;
      asked.set(service, (asked.get(service) ?? 0) + count);
      sum += count;
    }
    for (const [service, count] of asked) if (count >= sum * BEHIND_SHARE) put(address, service, count);
  }
  return new Map([...at].map(([address, services]) => {
    const ranked = [...services].sort((a, b) => b[1] - a[1]);
    const sum = ranked.reduce((total, [, count]) => total + count, 0);
    return [address, ranked[0]![1] >= sum * HOME_SHARE ? [ranked[0]![0]] : ranked.map(([name]) => name)];
  }));
}

/** Puts it together. At most `nodes` nodes, those with most calls; the rest is one client and one service. */
export function graph(pairs: readonly Pair[], wishes: Wishes): Graph {
  const home = homes(pairs, wishes);
  const hosts = new Map<string, string[]>();
  const clientId = (name: string | null): string => {
    if (name === null) return "c:";
    const services = home.get(name) ?? [];
    if (services.length === 1) return `s:${services[0]}`;
    if (services.length > 1) {
      hosts.set(`h:${name}`, services);
      return `h:${name}`;
    }
    return joined ? "c:*" : `c:${wishes.merged(name)}`;
  };
  const outer = new Set(pairs.map((pair) => pair.client).filter((name) => name !== null && (home.get(name) ?? []).length === 0));
  const joined = outer.size > (wishes.clients ?? Infinity);
  const serviceId = (name: string | null) => (name === null ? "s:" : `s:${wishes.merged(name)}`);

  const weight = new Map<string, number>();
  for (const pair of pairs) {
    for (const id of [clientId(pair.client), serviceId(pair.service)]) weight.set(id, (weight.get(id) ?? 0) + pair.count);
  }
  if (joined) weight.set("c:*", Infinity);
  const ranked = [...weight].filter(([id]) => id.length > 2).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const kept = new Set(ranked.slice(0, wishes.nodes).map(([id]) => id));
  const keep = (id: string) => (kept.has(id) ? id : id.startsWith("s:") ? "s:" : "c:");

  const places = new Map<string, number>();
  const out: Graph = { nodes: [], edges: [], links: [], columns: [], total: nothing() };
  const node = (id: string): MapNode => {
    let at = places.get(id);
    if (at === undefined) {
      at = out.nodes.length;
      places.set(id, at);
      const role: Role = id.length <= 2 ? "other" : id.startsWith("s:") ? "service" : id.startsWith("h:") ? "host" : "client";
      const name = id === "c:*" ? `${outer.size} clients` : id.length > 2 ? id.slice(2) : id === "c:" ? "other clients" : "other services";
      out.nodes.push({ id, role, name, members: [], asked: nothing(), answered: nothing(), drills: [] });
    }
    return out.nodes[at]!;
  };
  const members = new Map<MapNode, Set<string>>();
  const join = (into: MapNode, value: string | null) => {
    if (!value || into.role === "other") return;
    const names = members.get(into);
    if (names) names.add(value);
    else members.set(into, new Set([value]));
  };
  const edges = new Map<string, MapEdge>();
  const drills = new Map<MapNode, Set<string>>();
  /** A service that asks others is filtered by what it answers; the rest by all that its edges list. */
  const drill = (into: MapNode, pair: Pair, end: 0 | 1) => {
    const term = into.role === "other" ? pair.drill : (into.role === "service") === (end === 1) ? pair.ends[end] : "";
    if (term) drills.set(into, (drills.get(into) ?? new Set<string>()).add(term));
  };
  for (const pair of pairs) {
    const [from, to] = [keep(clientId(pair.client)), keep(serviceId(pair.service))];
    const [client, service] = [node(from), node(to)];
    const key = `${from}\n${to}`;
    const edge = edges.get(key) ?? { from: places.get(from)!, to: places.get(to)!, sums: nothing(), drills: [] };
    edges.set(key, edge);
    for (const sums of [client.asked, service.answered, edge.sums, out.total]) add(sums, pair);
    if (client.role !== "service") join(client, pair.client);
    join(service, pair.service);
    if (pair.drill) edge.drills.push(pair.drill);
    drill(client, pair, 0);
    drill(service, pair, 1);
  }
  out.edges = [...edges.values()];
  for (const [one, names] of members) one.members = [...names];
  for (const [host, services] of hosts) {
    const at = places.get(host);
    if (at === undefined) continue;
    for (const service of services) {
      const from = places.get(`s:${service}`);
      if (from !== undefined) out.links.push([from, at]);
    }
  }
  for (const [one, terms] of drills) one.drills = [...terms];
  out.columns = columnsOf(out);
  return wishes.lens ? withErrors(out) : out;
}

/** Only the edges with errors, and their ends. */
function withErrors(whole: Graph): Graph {
  const edges = whole.edges.filter((edge) => edge.sums.errors > 0);
  const ends = new Set(edges.flatMap((edge) => [edge.from, edge.to]));
  const kept = [...whole.nodes.keys()].filter((at) => ends.has(at));
  const place = new Map(kept.map((old, at) => [old, at]));
  const both = ([from, to]: [number, number]): [number, number][] => {
    const [a, b] = [place.get(from), place.get(to)];
    return a === undefined || b === undefined ? [] : [[a, b]];
  };
  return {
    nodes: kept.map((at) => whole.nodes[at]!), columns: kept.map((at) => whole.columns[at]!), links: whole.links.flatMap(both), total: whole.total,
    edges: edges.map((edge) => ({ ...edge, from: place.get(edge.from)!, to: place.get(edge.to)! })),
  };
}

/** Filters joined by `or`. */
export function anyOf(drills: readonly string[]): string {
  return drills.length <= 1 ? (drills[0] ?? "") : drills.map((drill) => (drill.includes(" ") ? `(${drill})` : drill)).join(" or ");
}
