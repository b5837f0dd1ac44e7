import { describe, expect, it } from "vitest";
import { anyOf, graph, pairsOfMap, type Pair, type Wishes } from "../../src/views/map/graph.ts";
import { hit, neighbour } from "../../src/views/map/hit.ts";
import { depths, distances, isStore, layout } from "../../src/views/map/layout.ts";
import { clipped, strands } from "../../src/views/map/shape.ts";
import { merger } from "../../src/views/parts/merge.ts";

function pair(client: string | null, service: string | null, count: number, errors = 0, refused = 0): Pair {
  return {
    client, service, count, errors, refused, bytes: count * 10, duration: count * 1e6, max: 5e6, p95: 2e6 + count,
    drill: `client:${client} service:${service}`, ends: [`client:${client}`, `service:${service}`],
  };
}
function wishes(change: Partial<Wishes> = {}): Wishes {
  return { nodes: 60, merged: (name) => name, places: [], lens: false, ...change };
}

describe("graph", () => {
  const chain = [pair("198.51.100.1", "shop", 10, 1), pair("10.0.0.5", "session", 8), pair("10.0.0.6", "users:8123", 4, 4)];
  const places = [["shop", "10.0.0.5", 10], ["session", "10.0.0.6", 8]] as const;

  it("finds the service behind the address of a client", () => {
    const of = graph(chain, wishes({ places }));
    expect(of.nodes.map((node) => node.name)).toEqual(["198.51.100.1", "shop", "session", "users:8123"]);
    expect(of.edges.map(({ from, to }) => [from, to])).toEqual([[0, 1], [1, 2], [2, 3]]);
    expect(of.columns).toEqual([0, 1, 2, 3]);
    expect(of.nodes[1]!.asked.count).toBe(8);
    expect(of.nodes[1]!.answered.count).toBe(10);
    expect(of.total.count).toBe(22);
  });
  it("keeps an address apart that several services share, and links it", () => {
    const of = graph([...chain, pair("198.51.100.1", "img", 3)], wishes({ places: [...places, ["img", "10.0.0.5", 3]] }));
    const host = of.nodes.findIndex((node) => node.role === "host");
    expect(of.nodes[host]!.name).toBe("10.0.0.5");
    expect(of.links.map(([from]) => of.nodes[from]!.name).sort()).toEqual(["img", "shop"]);
    expect(of.links.every(([, to]) => to === host)).toBe(true);
  });
  it("takes the service that gets nearly all calls to an address, whatever else was asked there once", () => {
    const of = graph(chain, wishes({ places: [...places, ["10.0.0.5:8080", "10.0.0.5", 0.2]] }));
    expect(of.nodes.some((node) => node.role === "host")).toBe(false);
  });
  it("puts who forwards behind what is asked by those that it asks for", () => {
    const of = graph([pair("198.51.100.1", "www", 20), pair("198.51.100.1", "api", 20), pair("10.0.0.9", "shop", 40)], wishes({ forwards: new Map([["10.0.0.9", new Set(["198.51.100.1"])]]) }));
    expect(of.nodes.find((node) => node.name === "10.0.0.9")!.role).toBe("host");
    expect(of.columns[of.nodes.findIndex((node) => node.name === "shop")]).toBe(3);
  });
  it("makes many clients one node", () => {
    const of = graph(Array.from({ length: 9 }, (_, at) => pair(`198.51.100.${at}`, "www", 2)), wishes({ clients: 8 }));
    expect(of.nodes.map((node) => node.name).sort()).toEqual(["9 clients", "www"]);
    expect(of.nodes.find((node) => node.role === "client")!.members.length).toBe(9);
  });
  it("knows nobody behind a loopback address", () => {
    const of = graph([pair("127.0.0.1", "shop", 5)], wishes({ places: [["shop", "127.0.0.1", 5]] }));
    expect(of.nodes.map((node) => node.role)).toEqual(["client", "service"]);
  });
  it("makes the rest one node of each kind and loses no call", () => {
    const many = Array.from({ length: 100 }, (_, at) => pair(`10.1.0.${at}`, `svc-${at % 30}`, at + 1, at % 2));
    const of = graph([...many, pair(null, null, 7)], wishes({ nodes: 20 }));
    expect(of.nodes.filter((node) => node.role !== "other").length).toBe(20);
    expect(of.nodes.length).toBeLessThanOrEqual(22);
    const sum = (key: "count" | "errors" | "bytes") => of.edges.reduce((total, edge) => total + edge.sums[key], 0);
    expect(sum("count")).toBe(5057);
    expect(sum("errors")).toBe(of.total.errors);
    expect(sum("bytes")).toBe(50_570);
  });
  it("merges replicas and says that their percentile is a bound", () => {
    const of = graph([pair("a", "web-1", 5), pair("a", "web-2", 9)], wishes({ merged: merger("-\\d+$").merged }));
    expect(of.nodes.map((node) => node.name)).toEqual(["a", "web"]);
    expect(of.edges[0]!.sums).toMatchObject({ count: 14, p95: 2e6 + 9, bound: true });
    expect(of.nodes[1]!.members).toEqual(["web-1", "web-2"]);
    expect(of.nodes[1]!.drills).toEqual(["service:web-1", "service:web-2"]);
    expect(anyOf(of.edges[0]!.drills)).toBe("(client:a service:web-1) or (client:a service:web-2)");
  });
  it("under the lens keeps edges with errors where they were", () => {
    const of = graph(chain, wishes({ places, lens: true }));
    expect(of.nodes.map((node) => node.name)).toEqual(["198.51.100.1", "shop", "session", "users:8123"]);
    expect(of.edges.length).toBe(2);
    expect(of.columns).toEqual([0, 1, 2, 3]);
    expect(of.nodes[1]!.answered.count).toBe(10);
  });
  it("counts 4xx with the edge and both of its ends", () => {
    const of = graph([pair("198.51.100.1", "shop", 10, 1, 3), pair("10.0.0.5", "session", 8)], wishes({ places }));
    expect(of.edges.map((edge) => edge.sums.refused)).toEqual([3, 0]);
    expect([of.nodes[0]!.asked.refused, of.nodes[1]!.answered.refused, of.total.refused]).toEqual([3, 3, 3]);
  });
  it("takes the server's answer as it is, the rest without a name", () => {
    const counts = { count: 5, errors: 2, bytes: 7, duration_ns: 9, outcomes: { success: 2, refused: 1, failed: 1, unanswered: 1, open: 0 } };
    const drill = (filter: string) => ({ view: "exchanges", filter, mode: "overlap", exact: true }) as const;
    const nodes = [{ kind: "client", name: null, drill: drill("-client:a"), ...counts }, { kind: "service", name: "shop", drill: drill("service:shop"), ...counts }] as const;
    const [first] = pairsOfMap({ nodes: [...nodes], edges: [{ from: 0, to: 1, drill: drill("-client:a service:shop"), ...counts }] } as never);
    expect(first).toMatchObject({ client: null, service: "shop", count: 5, errors: 2, refused: 1, drill: "-client:a service:shop", ends: ["-client:a", "service:shop"] });
  });
  it("survives names that are hostile", () => {
    const of = graph([pair("__proto__", "constructor", 1), pair("<img onerror=x>", "__proto__", 2)], wishes());
    expect(of.nodes.length).toBe(4);
  });
});

describe("layout", () => {
  it("is the same for the same graph, without circles that never end", () => {
    const of = graph([pair("c", "a", 3), pair("10.0.0.1", "b", 2), pair("10.0.0.2", "a", 1)], wishes({ places: [["a", "10.0.0.1", 1], ["b", "10.0.0.2", 1]] }));
    expect(of.nodes.length).toBe(3);
    expect(layout(of)).toEqual(layout(of));
    expect(depths(3, [[0, 1], [1, 2], [2, 1]], [0])).toEqual([0, 1, 2]);
    expect(depths(2, [[0, 0], [0, 1]], [0])).toEqual([0, 1]);
  });
  it("does not overflow on a long chain, and takes the shortest way in a thicket", () => {
    const chain = Array.from({ length: 20_000 }, (_, at) => [at, at + 1] as const);
    expect(depths(20_001, chain, [0])[20_000]).toBe(20_000);
    expect(Math.max(...distances(20_001, chain, [0]))).toBe(7);
    expect(distances(3, [[0, 1]], [0])).toEqual([0, 1, 1]);
  });
  it("no two nodes stand on each other", () => {
    const of = graph(Array.from({ length: 400 }, (_, at) => pair(`10.0.${at % 3}.${at}`, `svc-${(at * 7) % 90}`, at + 1)), wishes({ nodes: 500 }));
    const seen = new Set(layout(of).places.map(({ x, y }) => `${x.toFixed(0)} ${y.toFixed(0)}`));
    expect(seen.size).toBe(of.nodes.length);
  });
  it("knows stores by port and name", () => {
    expect(["elastic:9200", "users-db:8123", "minio", "my-redis-1"].map(isStore)).toEqual([true, true, true, true]);
    expect(["shop", "store.example:8080", "assets3.example"].map(isStore)).toEqual([false, false, false]);
  });
});

describe("shapes", () => {
  it("shows what is not nothing, and nothing more", () => {
    const sums = { count: 1e6, errors: 1, refused: 0, bytes: 1, duration: 1, max: 1, p95: 1, bound: false };
    const [ok, odd, bad] = strands({ from: 0, to: 1, sums, drills: [] }, 4);
    expect(bad).toBe(1);
    expect(odd).toBe(0);
    expect(ok).toBeCloseTo(3);
    expect(strands({ from: 0, to: 1, sums: { ...sums, count: 5, errors: 5 }, drills: [] }, 4)).toEqual([0, 0, 4]);
  });
  it("finds nodes before edges, and edges by their bend", () => {
    const of = graph([pair("a", "b", 3)], wishes());
    const places = [{ x: 0, y: 0 }, { x: 300, y: 200 }];
    const camera = { zoom: 1, left: 0, top: 0 };
    expect(hit(of, places, [10, 10], camera, 3, 3)).toEqual({ node: 0, edge: -1 });
    expect(hit(of, places, [10, 10], camera, 150, 100)).toEqual({ node: -1, edge: 0 });
    expect(hit(of, places, [10, 10], camera, 20, 190)).toEqual({ node: -1, edge: -1 });
    expect(neighbour(places, 0, "ArrowRight")).toBe(1);
    expect(neighbour(places, 0, "ArrowLeft")).toBe(0);
    expect(neighbour(places, -1, "ArrowUp")).toBe(0);
  });
  it("cuts the middle of names", () => {
    expect(clipped("short")).toBe("short");
    expect(clipped("a-very-long-name.of.some.service.example:8080").length).toBeLessThanOrEqual(26);
  });
});

describe("merging", () => {
  it("cuts or replaces", () => {
    expect(merger("-\\d+$").merged("web-12")).toBe("web");
    expect(merger("^(.*)\\.dc\\d=>$1").merged("web.dc2")).toBe("web");
    expect(merger(".*").merged("web")).toBe("web");
  });
  it("refuses what could take for ever, and what is no expression", () => {
    for (const bad of ["(a+)+$", "(a|a)*b", "((a)*)*", "(", "(x)\\1", "a*b*c*d*e*f", "x".repeat(101)]) expect(merger(bad).error).not.toBe("");
    for (const good of ["-\\d+$", "\\.(dc1|dc2)$", "[-_]\\d+", "", "\\(\\d+\\)"]) expect(merger(good).error).toBe("");
  });
});
