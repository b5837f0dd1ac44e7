/** The question behind the map, and the graph that its answer makes. */
import { again, ask, type Asked, type QuestionOf } from "../../api/ask.svelte.ts";
import { both, page } from "../../lib/page.svelte.ts";
import { firstLook, listed } from "../../lib/scope.ts";
import { type Graph, graph, pairsOfMap } from "./graph.ts";

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

export class MapQuestions {
  asked: Asked<"map">;
  #settings: () => MapSettings;

  /** Addresses that are left out. */
  gateways: string[] = $derived.by(() =>
    this.#settings().hide ? (this.asked.answer?.gateways ?? []).filter((gateway) => gateway.entry).map((gateway) => gateway.address) : []);
  picture: Graph | null = $derived.by(() => {
    const { answer } = this.asked;
    if (!answer) return null;
    const { hide, nodes, merged, each } = this.#settings();
    const forwards = hide ? [] : answer.gateways.map(({ address, origins }) => [address, new Set(origins)] as const);
    return graph(pairsOfMap(answer), {
      nodes, merged, places: answer.places.map(({ service, address, count }) => [service, address, count]),
      forwards: new Map(forwards), clients: each ? Infinity : CLIENTS, lens: page.state.lens === "err",
    });
  });

  /** Call it while a component is set up. */
  constructor(settings: () => MapSettings) {
    this.#settings = settings;
    this.asked = ask(() => this.#question(), (whole) => {
      const scope = firstLook(whole.scope!);
      return scope && { ...whole, scope };
    });
  }

  again(): void {
    const question = this.#question();
    if (question) again(this.asked, question);
  }

  #question(): QuestionOf<"map"> | null {
    const { q, drill, view } = page.state;
    if (view !== "http") return null;
    const { hide, merging, nodes } = this.#settings();
    // Under the errors lens edges without errors go, but shares stay shares: the lens is not in the question.
    const scope = { ...listed(), filter: drill ? both(q, drill.q) : q };
    return { kind: "map", scope, nodes: merging ? Math.max(nodes, BEFORE_MERGE) : nodes, hide_gateways: hide, quantiles: true };
  }
}
