/** What buttons of the detail do: filter, open, copy. */
import { page } from "../lib/page.svelte.ts";
import type { State, View } from "../lib/url.ts";
import { type Target, written } from "./target.ts";

/** Adds a term to the filter of Explore; from a page of its own it leads there, with the row still open beside the list. */
export function filterBy(term: string, view: View, how: "include" | "exclude"): void {
  page.include(term, how);
  if (page.state.page !== "explore") page.go({ page: "explore", view, x: own(page.state) });
  else if (page.state.view !== view) page.go({ view });
}

/** Explore with one filter alone, over all times: for links to what belongs together. */
export function only(q: string, view: View = "http", rest: Partial<State> = {}): Partial<State> {
  return { page: "explore", view, q, drill: null, sel: null, lens: "", mode: "grid", x: "", tab: "", ...rest };
}

/** What the page itself is about, as `x` would say it. */
function own(state: State): string {
  return state.page === "session" ? `session:${state.id}` : state.id;
}

/** What opens a target: beside the list, or as a page where no list is. */
export function opening(of: Target): Partial<State> {
  if (page.state.page === "explore") return { x: written(of), tab: "" };
  if (of.kind === "exchange") return { page: "x", id: of.id, tab: "" };
  if (of.kind === "session") return { page: "session", id: of.id, tab: "" };
  return { page: "explore", x: written(of), tab: "" };
}
