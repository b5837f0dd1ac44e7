/** The page: what its address says, the instants its range means, and where it was before. */
import { preferences } from "./preferences.svelte.ts";
import { type Range, resolve } from "./time.ts";
import { decode, encode, type State, TABLES } from "./url.ts";

const UNDO_MAX = 100;

class Current {
  state: State = $state.raw(decode(location.pathname + location.search));
  /** The instant that `now` means to all panels; moves with a refresh. */
  now = $state(Date.now());
  /** The range of all data, once it is known: what empty ends mean. */
  data: Range | null = $state.raw(null);
  #undo: [string, string][] = [];
  #redo: [string, string][] = [];

  /** `UTC`, `browser`, or a name. */
  zone = $derived(this.state.tz || preferences.value.zone);
  /** The table that is explored. */
  table = $derived(TABLES[this.state.view]);
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
      preferences.show();
    });
  }

  /** Changes the state; `push` makes a step that the back button undoes, else the address is replaced. */
  go(change: Partial<State>, how: "push" | "replace" = "replace"): void {
    const next = { ...this.state, ...change };
    const address = encode(next);
    if (address === encode(this.state)) return;
    if (how === "push") history.pushState(null, "", address);
    else history.replaceState(null, "", address);
    this.state = next;
  }

  /** The address of the state with a change: for links. */
  link(change: Partial<State>): string {
    return encode({ ...this.state, ...change });
  }

  /** Shows another range; `undoTime` leads back. */
  time(from: string, to: string, rest: Partial<State> = {}): void {
    this.#undo.push([this.state.from, this.state.to]);
    if (this.#undo.length > UNDO_MAX) this.#undo.shift();
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
    this.#step(this.#undo, this.#redo);
  }

  redoTime(): void {
    this.#step(this.#redo, this.#undo);
  }

  #step(out: [string, string][], into: [string, string][]): void {
    const range = out.pop();
    if (!range) return;
    into.push([this.state.from, this.state.to]);
    this.go({ from: range[0], to: range[1], live: false });
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

/** Whether a filter has an `or` outside of parentheses and quotes, so that it must be grouped before something is added. */
function grouped(filter: string): string {
  let depth = 0;
  let quoted = false;
  let bare = "";
  for (let at = 0; at < filter.length; at += 1) {
    const letter = filter[at]!;
    if (letter === "\\") at += 1;
    else if (letter === '"') quoted = !quoted;
    else if (!quoted && (letter === "(" || letter === "[")) depth += 1;
    else if (!quoted && (letter === ")" || letter === "]")) depth -= 1;
    else if (!quoted && depth === 0) bare += letter;
  }
  return /(^|\s)or(\s|$)/i.test(bare) ? `(${filter})` : filter;
}

function negated(term: string): string {
  if (term.startsWith("-")) return term.slice(1);
  return /\s/.test(term) || /^not\b/i.test(term) ? `-(${term})` : `-${term}`;
}

/** Joins two filters so that both hold. */
export function both(a: string, b: string): string {
  if (a.trim() === "") return b;
  if (b.trim() === "") return a;
  return `${grouped(a.trim())} ${grouped(b.trim())}`;
}

export const page = new Current();
