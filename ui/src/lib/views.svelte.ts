/** Saved views: a name and an address without times, kept by the server for everybody. */
import { checked } from "../api/client.ts";
import { page } from "./page.svelte.ts";
import { decode, encode, type State } from "./url.ts";

/** A saved view. */
export interface SavedView {
  name: string;
  /** The address without times. */
  state: string;
}

/** What a view keeps of a state: all but when, and what is open. */
export function kept(state: State): string {
  return encode({ ...state, page: "explore", id: "", from: "", to: "", tz: "", sel: null, drill: null, live: false, x: "", tab: "", rest: [] });
}

class Views {
  all: SavedView[] = $state.raw([]);
  /** Why there are none; empty when they were read. */
  problem = $state("");

  async load(): Promise<void> {
    try {
      const answer: unknown = await (await checked(fetch("/api/v1/views"))).json();
      const list = Array.isArray(answer) ? answer : ((answer as { views?: unknown[] }).views ?? []);
      this.all = list.filter((entry): entry is SavedView => typeof entry?.name === "string" && typeof entry?.state === "string");
      this.problem = "";
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
    }
  }

  async save(name: string, state: string): Promise<void> {
    await checked(fetch(`/api/v1/views/${encodeURIComponent(name)}`, {
      method: "PUT", headers: { "content-type": "application/json" }, body: JSON.stringify({ state }),
    }));
    await this.load();
  }

  async remove(name: string): Promise<void> {
    await checked(fetch(`/api/v1/views/${encodeURIComponent(name)}`, { method: "DELETE" }));
    await this.load();
  }

  /** Another name: saved anew, then the old one goes. */
  async rename(view: SavedView, name: string): Promise<void> {
    await this.save(name, view.state);
    if (name !== view.name) await this.remove(view.name);
  }

  /** Shows a view in the range that is shown. */
  open(view: SavedView): void {
    const { from, to, tz, live, rest } = page.state;
    page.go({ ...decode(view.state), from, to, tz, live, rest }, "push");
  }

  /** Where it leads: the view in the range that is shown. */
  link(view: SavedView): string {
    const { from, to, tz } = page.state;
    return encode({ ...decode(view.state), from, to, tz });
  }
}
export const views = new Views();

const MODES: Record<State["mode"], string> = {
  grid: "as a grid", map: "as a map", sequence: "as a sequence diagram", waterfall: "as a waterfall", stats: "as stats", difference: "as a difference",
};
const NOUNS: Record<State["view"], string> = { http: "HTTP exchanges", tcp: "TCP sessions", packets: "packets" };

/** What a view has in it, in words. */
export function contents(address: string): string {
  const state = decode(address);
  const parts = [`${NOUNS[state.view]} ${MODES[state.mode]}`];
  parts.push(state.q === "" ? "no filter" : `filter ${state.q}`);
  if (state.lens === "err") parts.push("only errors");
  if (state.grp) parts.push(`bars by ${state.grp}`);
  if (state.cols.length > 0) parts.push(`columns ${state.cols.join(", ")}`);
  if (state.sort) parts.push(`sorted by ${state.sort.replace(/^-/, "")}, ${state.sort.startsWith("-") ? "largest" : "smallest"} first`);
  if (state.count !== "overlap") parts.push(`counted by ${state.count}`);
  if (state.cmp) parts.push({ prev: "against the window before", "1d": "against yesterday", "7d": "against last week" }[state.cmp]);
  if (!state.facets) parts.push("without facets");
  return parts.join(" · ");
}
