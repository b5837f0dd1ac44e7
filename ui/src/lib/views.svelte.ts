/** Saved views: a name and an address without times, kept by the server for everybody. */
import { checked } from "../api/client.ts";
import { page } from "./page.svelte.ts";
import { CARPETS, decode, encode, initial, type State, TABLES, viewOf } from "./url.ts";

/** A saved view. */
export interface SavedView {
  name: string;
  /** The address without times. */
  state: string;
  /** Who saved it last, and when. */
  by: string;
  changed: string;
}

/** As the server keeps it: what others may want to read of it, and the address as what it need not look into. */
interface Kept {
  name?: unknown;
  table?: unknown;
  filter?: unknown;
  columns?: unknown;
  layout?: { state?: unknown };
  by?: unknown;
  changed?: unknown;
}

/** Reads a view of the server; one that another program saved has no address of ours. */
export function fromServer(entry: Kept): SavedView | null {
  if (typeof entry.name !== "string") return null;
  const text = (value: unknown) => (typeof value === "string" ? value : "");
  const cols = Array.isArray(entry.columns) ? entry.columns.filter((name): name is string => typeof name === "string") : [];
  const plain = encode({ ...initial(), view: viewOf(text(entry.table)), q: text(entry.filter), cols });
  return { name: entry.name, state: kept(decode(text(entry.layout?.state) || plain)), by: text(entry.by), changed: text(entry.changed) };
}

/** What a view keeps of a state: all but when, and what is open. */
export function kept(state: State): string {
  const where = CARPETS.includes(state.page) ? {} : ({ page: "explore", id: "" } as const);
  return encode({ ...state, ...where, from: "", to: "", tz: "", sel: null, drill: null, live: false, x: "", tab: "", rest: [] });
}

class Views {
  all: SavedView[] = $state.raw([]);
  /** Why there are none; empty when they were read. */
  problem = $state("");

  async load(): Promise<void> {
    try {
      const answer: unknown = await (await checked(fetch("/api/v1/views"))).json();
      this.all = (Array.isArray(answer) ? (answer as Kept[]) : []).flatMap((entry) => fromServer(entry) ?? []);
      this.problem = "";
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
    }
  }

  async save(name: string, state: string): Promise<void> {
    const { page, view, q, cols } = decode(state);
    // The filter of a carpet is about points: it stands in the address alone.
    const body = { table: TABLES[view], filter: CARPETS.includes(page) ? "" : q, columns: cols, layout: { state } };
    await checked(fetch(`/api/v1/views/${encodeURIComponent(name)}`, {
      method: "PUT", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
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
    // The brush and the clicked bar were about other rows.
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
  codes: "by code",
};
const NOUNS: Record<State["view"], string> = { http: "HTTP exchanges", tcp: "TCP sessions", packets: "packets", logs: "log lines" };

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
