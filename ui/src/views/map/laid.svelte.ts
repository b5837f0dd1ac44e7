/** Graphs with their layouts, made by a worker: the picture from before stays until the next one is laid out. */
import type { Graph } from "./graph.ts";
import { type Layout, layout } from "./layout.ts";
import address from "./layout.worker.ts?worker&url";

/** A picture that can be drawn. */
export interface Laid {
  graph: Graph;
  layout: Layout;
}

/** What of Trusted Types is used here; browsers without them take the address as it is. */
interface Policies {
  createPolicy: (name: string, rules: { createScriptURL: (url: string) => string }) => { createScriptURL: (url: string) => string };
}

/** The only address that may be run: that of our own worker. */
function trusted(): string {
  const policies = (globalThis as { trustedTypes?: Policies }).trustedTypes;
  if (!policies) return address;
  const createScriptURL = (url: string) => {
    if (url !== address) throw new TypeError(`${url} is no script of this page`);
    return url;
  };
  return policies.createPolicy("arachne-worker", { createScriptURL }).createScriptURL(address);
}

let started: Worker | null | undefined;
/** One worker for all maps of the page; null where there can be none. */
function worker(): Worker | null {
  if (started !== undefined) return started;
  try {
    started = new Worker(trusted(), { type: "module", name: "map" });
    started.addEventListener("error", () => (started = null));
  } catch {
    started = null;
  }
  return started;
}

/** Lays out whatever `graph` gives. Call it while a component is set up. */
export class Layouts {
  current: Laid | null = $state.raw(null);
  #ticket = 0;

  constructor(graph: () => Graph | null) {
    $effect(() => {
      const next = graph();
      const ticket = (this.#ticket += 1);
      if (!next) {
        this.current = null;
        return;
      }
      const beside = worker();
      const here = () => {
        if (ticket === this.#ticket) this.current = { graph: next, layout: layout(next) };
      };
      if (!beside) return here();
      const take = ({ data }: MessageEvent<{ ticket: number; laid: Layout }>) => {
        if (data.ticket === ticket) this.current = { graph: next, layout: data.laid };
      };
      beside.addEventListener("message", take);
      beside.addEventListener("error", here);
      beside.postMessage({ ticket, graph: next });
      return () => {
        beside.removeEventListener("message", take);
        beside.removeEventListener("error", here);
      };
    });
  }
}
