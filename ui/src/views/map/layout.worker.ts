/** Lays maps out beside the page, which stays quick meanwhile. */
import type { Graph } from "./graph.ts";
import { layout } from "./layout.ts";

addEventListener("message", (event: MessageEvent<{ ticket: number; graph: Graph }>) => {
  const { ticket, graph } = event.data;
  postMessage({ ticket, laid: layout(graph) });
});
