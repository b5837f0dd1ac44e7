/** The page: what its address says, the instants its range means, and where it was before. */
import { both, grouped, negated } from "./filter.ts";
import { preferences } from "./preferences.svelte.ts";
import { openingRange, type Range, resolve } from "./time.ts";
import { type Trail, TRAIL_MAX, trailOf } from "./trail.ts";
import { CARPETS, decode, encode, type State, TABLES } from "./url.ts";

export { both };

class Current {
  state: State = $state.raw(decode(location.pathname + location.search));
  /** The instant that `now` means to all panels; moves with a refresh. */
  now = $state(Date.now());
  /** The range of all data, once it is known: what empty ends mean. */
  data: Range | null = $state.raw(null);
  /** Width of a bar in milliseconds, as the timeline draws it; 0 while it draws none. */
  step = $state(0);
  #undo: [string, string][] = $state.raw(trailOf(history.state).undo);
  #redo: [string, string][] = $state.raw(trailOf(history.state).redo);
  canUndo = $derived(this.#undo.length > 0);
  canRedo = $derived(this.#redo.length > 0);

  /** `UTC`, `browser`, or a name. */
  zone = $derived(this.state.tz || preferences.value.zone);
  /** The table that is explored; of a carpet that of its points. */
  table = $derived(CARPETS.includes(this.state.page) ? "points" : TABLES[this.state.view]);
  /** The instants that all panels show. */
  range: Range = $derived.by(() => {
    const fit = this.data ?? { from: this.now - 3_600_000, to: this.now };
    const from = this.state.from ? resolve(this.state.from, this.now, this.zone) : fit.from;
    const to = this.state.to ? resolve(this.state.to, this.now, this.zone, true) : this.state.from ? this.now : fit.to;
    if (from === null || to === null) return fit;
    return { from: Math.floor(from), to: Math.max(Math.ceil(to), Math.floor(from) + 100) };
  });
  /** What a list covers: the click on a bar, else the brush, else the range. */
  listed: Range = $derived(this.state.drill ?? this.state.sel ?? this.range);

  constructor() {
    addEventListener("popstate", () => {
      this.state = decode(location.pathname + location.search);
      // The trail is apart from the browser's history: it goes along.
      history.replaceState(this.#kept(), "");
      preferences.show();
    });
  }

  /** Changes the state; `push` makes a step that the back button undoes, else the address is replaced. */
  go(change: Partial<State>, how: "push" | "replace" = "replace"): void {
    const next = { ...this.state, ...change };
    const address = encode(next);
    if (address === encode(this.state)) return;
    if (how === "push") history.pushState(this.#kept(), "", address);
    else history.replaceState(this.#kept(), "", address);
    this.state = next;
  }

  #kept(): { trail: Trail } {
    return { trail: { undo: this.#undo, redo: this.#redo } };
  }

  /** The address of the state with a change: for links. */
  link(change: Partial<State>): string {
    return encode({ ...this.state, ...change });
  }

  /** Shows another range; `undoTime` leads back. */
  time(from: string, to: string, rest: Partial<State> = {}): void {
    this.#undo = [...this.#undo, [this.state.from, this.state.to] as [string, string]].slice(-TRAIL_MAX);
    this.#redo = [];
    this.now = Date.now();
    this.go({ from, to, live: false, ...rest });
  }

  /** Shows a range of instants. */
  show(range: Range, rest: Partial<State> = {}): void {
    this.time(new Date(Math.floor(range.from)).toISOString(), new Date(Math.ceil(range.to)).toISOString(), rest);
  }

  /** Back to the range before, on its own trail apart from the browser's history. */
  undoTime(): void {
    const range = this.#undo.at(-1);
    if (!range) return;
    this.#undo = this.#undo.slice(0, -1);
    this.#redo = [...this.#redo, [this.state.from, this.state.to]];
    this.go({ from: range[0], to: range[1], live: false });
  }

  redoTime(): void {
    const range = this.#redo.at(-1);
    if (!range) return;
    this.#redo = this.#redo.slice(0, -1);
    this.#undo = [...this.#undo, [this.state.from, this.state.to]];
    this.go({ from: range[0], to: range[1], live: false });
  }

  /** The range of an address without one: see {@link openingRange}. */
  opening(): { from: string; to: string } {
    return openingRange(this.data, Date.now());
  }

  /** Adds a term to the filter. Terms are joined by a blank, which is `and`; an `or` is put in parentheses first. */
  include(term: string, how: "include" | "exclude" = "include"): void {
    if (term === "") return;
    const q = this.state.q.trim();
    const added = how === "exclude" ? negated(term) : grouped(term);
    if (q.split(/\s+(?=\S)/).includes(added) || q === added) return;
    this.go({ q: q === "" ? added : `${grouped(q)} ${added}`, drill: null }, "push");
  }

  /** Takes `now` anew: all panels ask again where their range is relative. */
  refresh(): void {
    this.now = Date.now();
  }
}

export const page = new Current();
