/**
 * Another view with the same question: the terms that its table knows stay, the others wait in the address until their view
 * comes back; columns and order are remembered by view.
 */
import { api, wanted } from "../api/client.ts";
import { both, fitting } from "./filter.ts";
import { page } from "./page.svelte.ts";
import { CARPETS, type State, TABLES, type View } from "./url.ts";

/** What a view is called. */
export const VIEW_NAMES: Record<View, string> = { http: "HTTP", tcp: "TCP", packets: "Packets", logs: "Logs" };

type Kept = Pick<State, "cols" | "sort" | "grp" | "mode" | "lens">;
const kept = new Map<View, Kept>();
let ticket = 0;

/** Terms that wait for a view, as the address keeps them. */
export function waiting(view: View): string[] {
  return (page.state.opt[`for.${view}`] ?? "").split("\n").filter((term) => term !== "");
}

/** Settings of the address with other terms waiting for a view. */
export function withWaiting(opt: Record<string, string>, view: View, terms: string[]): Record<string, string> {
  const { [`for.${view}`]: _, ...rest } = opt;
  return terms.length === 0 ? rest : { ...rest, [`for.${view}`]: [...new Set(terms)].join("\n") };
}

/** Terms that are switched off and kept. */
export function off(): string[] {
  return (page.state.opt["off"] ?? "").split("\n").filter((term) => term !== "");
}

/** Settings of the address with other terms switched off. */
export function withOff(opt: Record<string, string>, terms: string[]): Record<string, string> {
  const { off: _, ...rest } = opt;
  return terms.length === 0 ? rest : { ...rest, off: [...new Set(terms)].join("\n") };
}

/** Shows another table. */
export async function switchView(view: View): Promise<void> {
  const { state } = page;
  if (state.page === "explore" && state.view === view) return;
  const mine = (ticket += 1);
  const from = state.view;
  // What a carpet shows has no filter that would fit here.
  let q = CARPETS.includes(state.page) ? "" : state.q;
  let opt = state.opt;
  if (view !== from) {
    kept.set(from, { cols: state.cols, sort: state.sort, grp: state.grp, mode: state.mode, lens: state.lens });
    // A server that does not answer must not hold anybody back: the filter then stays as it is.
    const answer = await wanted(api.POST("/api/v1/filter/parse", { body: { filter: q, table: TABLES[view] } })).catch(() => null);
    if (mine !== ticket) return;
    if (answer) {
      const { fits, foreign } = fitting(q, answer);
      q = [...waiting(view), ""].reduce((whole, term) => (whole.includes(term) ? whole : both(whole, term)), fits);
      opt = withWaiting(withWaiting(opt, view, []), from, [...waiting(from), ...foreign]);
    }
  }
  const back = kept.get(view) ?? { cols: [], sort: "", grp: "", mode: view === "logs" ? "codes" : "grid", lens: "" };
  page.go({ ...(view === from ? {} : back), page: "explore", view, id: "", q, opt, x: "", tab: "", drill: null }, "push");
}
