/** The questions behind the map, and the graph that their answers make. */
import { again, ask, type Asked, type QuestionOf } from "../../api/ask.svelte.ts";
import { both, page } from "../../lib/page.svelte.ts";
import { listed } from "../../lib/scope.ts";
import { forwardsOf, gatewaysOf } from "./gateways.ts";
import { type Graph, graph, type Pair, pairsOfMap, pairsOfTop } from "./graph.ts";

/** As many rows as the server gives of a top. */
const ROWS = 1000;
/** More callers that nobody calls share a node. */
const CLIENTS = 8;
/** Replicas are merged here, so that more of them than are shown must be told apart there. */
const BEFORE_MERGE = 400;

export interface MapSettings {
  nodes: number;
  hide: boolean;
  /** Each client is a node, however many there are. */
  each: boolean;
  merging: boolean;
  merged: (name: string) => string;
}
type Slot = () => QuestionOf<"top"> | null;

export class MapQuestions {
  #settings: () => MapSettings;
  #slots: [Asked<"top">, Slot][] = [];
  /** Who asks for whom, and who reaches which address. */
  callers: Asked<"top">;
  #reach: Asked<"top">;
  #homes: Asked<"top">;
  #mapped: Asked<"map">;
  #direct: Asked<"top">;
  #forwarded: Asked<"top">;
  #refused: Asked<"top">;
  #refusedForwarded: Asked<"top">;
  all: (Asked<"top"> | Asked<"map">)[];

  // Under the errors lens edges without errors go, but shares stay shares: the lens is not in the question.
  #scope = $derived.by(() => {
    const { q, drill } = page.state;
    return { ...listed(), filter: drill ? both(q, drill.q) : q };
  });
  gateways: string[] = $derived.by(() =>
    this.#settings().hide && this.callers.answer && this.#reach.answer ? gatewaysOf(this.callers.answer, this.#reach.answer) : []);
  /** Whether all that the picture needs is there. */
  #ready = $derived.by(() => {
    const { hide } = this.#settings();
    if (!this.callers.answer || !this.#homes.answer) return false;
    return hide ? this.#direct.answer !== null && (this.gateways.length === 0 || this.#forwarded.answer !== null) : this.#mapped.answer !== null;
  });
  picture: Graph | null = $derived.by(() => {
    if (!this.#ready) return null;
    const { hide, nodes, merged, each } = this.#settings();
    const forwarding = this.gateways.length > 0;
    const pairs = hide
      ? [...pairsOfTop(this.#direct.answer!), ...(forwarding ? pairsOfTop(this.#forwarded.answer!) : [])]
      : pairsOfMap(this.#mapped.answer!);
    const told = (asked: Asked<"top">): Pair[] => (asked.answer ? pairsOfTop(asked.answer).filter((pair) => pair.client !== null) : []);
    return graph(pairs, {
      nodes, merged, refused: [...told(this.#refused), ...(forwarding ? told(this.#refusedForwarded) : [])],
      places: this.#homes.answer!.rows.map((row) => [String(row.key[0] ?? ""), String(row.key[1] ?? ""), row.count]),
      forwards: hide ? new Map() : forwardsOf(this.callers.answer!), clients: each ? Infinity : CLIENTS, lens: page.state.lens === "err",
    });
  });

  /** Call it while a component is set up. */
  constructor(settings: () => MapSettings) {
    this.#settings = settings;
    const http = () => page.state.view === "http";
    const hiding = () => http() && settings().hide;
    this.callers = this.#top(() => (http() ? this.#question(["client", "origin"]) : null));
    this.#reach = this.#top(() => (hiding() ? this.#question(["client", "server.address"]) : null));
    this.#homes = this.#top(() => (http() ? this.#question(["service", "server.address"]) : null));
    this.#mapped = ask(() => this.#map());
    const known = () => hiding() && this.callers.answer !== null && this.#reach.answer !== null;
    this.#direct = this.#top(() => (known() ? this.#question(["client", "service"], this.#without(), true) : null));
    this.#forwarded = this.#top(() => (known() && this.gateways.length > 0 ? this.#question(["origin", "service"], this.#through(), true) : null));
    this.#refused = this.#top(() => (known() || (http() && !settings().hide) ? this.#question(["client", "service"], both(this.#without(), "status:4xx")) : null));
    this.#refusedForwarded = this.#top(() => (known() && this.gateways.length > 0 ? this.#question(["origin", "service"], both(this.#through(), "status:4xx")) : null));
    this.all = [this.#homes, this.#mapped, ...this.#slots.map(([asked]) => asked)];
  }

  again(): void {
    const map = this.#map();
    if (map) again(this.#mapped, map);
    for (const [asked, slot] of this.#slots) {
      const question = slot();
      if (question) again(asked, question);
    }
  }

  /** What gateways are asked is left out, and what they ask is asked by others. */
  #without(): string {
    const list = this.gateways.join(" or ");
    return list === "" ? "" : `-server:(${list}) -client:(${list})`;
  }
  #through(): string {
    const list = this.gateways.join(" or ");
    return `-server:(${list}) client:(${list})`;
  }
  #map(): QuestionOf<"map"> | null {
    const { hide, merging, nodes } = this.#settings();
    if (page.state.view !== "http" || hide) return null;
    return { kind: "map", scope: this.#scope, nodes: merging ? Math.max(nodes, BEFORE_MERGE) : nodes };
  }
  #question(by: string[], term = "", quantiles = false): QuestionOf<"top"> {
    return { kind: "top", scope: { ...this.#scope, filter: both(this.#scope.filter, term) }, by, limit: ROWS, of: "duration", order: "count", quantiles };
  }
  #top(slot: Slot): Asked<"top"> {
    const asked = ask(slot);
    this.#slots.push([asked, slot]);
    return asked;
  }
}
