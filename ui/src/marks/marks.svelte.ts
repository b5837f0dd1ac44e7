/** Marks (releases, notes): those of the range that is shown, and how one is set and removed. Axes draw them, the dialog lists them. */
import { api, type Schema, wanted } from "../api/client.ts";
import { rounded } from "../carpet/questions.ts";
import { instant, parseInstant } from "../lib/format.ts";
import { page } from "../lib/page.svelte.ts";
import type { Range } from "../lib/time.ts";
import type { State } from "../lib/url.ts";

/** Something that happened at an instant. */
export interface Mark {
  id: string;
  /** Milliseconds since 1970. */
  at: number;
  /** `release`, `note`, or another word. */
  kind: string;
  text: string;
  service: string;
  labels: Record<string, string>;
  /** Who set it. */
  by: string;
}

/** Marks beyond these, the newest, are not drawn: an axis of nothing but marks says nothing. */
const MARKS_MAX = 200;
/** How long before and behind a mark are compared, in milliseconds: at most and at least. */
const [AROUND_MAX_MS, AROUND_MIN_MS] = [3_600_000, 60_000];

const read = (mark: Schema<"Mark">): Mark => ({ ...mark, at: parseInstant(mark.at), service: mark.service ?? "" });

class Marks {
  /** Those of the range, the oldest first. */
  all: Mark[] = $state.raw([]);
  /** How many there are in it. */
  total = $state(0);
  /** The one that was clicked on an axis. */
  chosen = $state("");
  /** Counts changes that were made here. */
  #round = $state(0);

  /** Keeps up with the range of the page; call it while a component is set up that has an axis. */
  watch(): void {
    const range = $derived(rounded(page.range));
    const key = $derived(`${range.from} ${range.to} ${this.#round}`);
    $effect(() => {
      if (key === "") return;
      const abort = new AbortController();
      const query = { from: instant(range.from), to: instant(range.to), limit: MARKS_MAX };
      // Without marks an axis is as good: who cannot reach the server is told elsewhere.
      wanted(api.GET("/api/v1/marks", { params: { query }, signal: abort.signal })).then((answer) => {
        if (abort.signal.aborted) return;
        this.all = (answer.marks ?? []).map(read);
        this.total = answer.total ?? this.all.length;
      }, () => undefined);
      return () => abort.abort();
    });
  }

  /** Sets one; throws a `Failure` with the field that is wrong. */
  async add(mark: Schema<"NewMark">): Promise<Mark> {
    const kept = read(await wanted(api.POST("/api/v1/marks", { body: mark })));
    this.#round += 1;
    return kept;
  }

  /** Removes one; throws a `Failure`. */
  async remove(mark: Mark): Promise<void> {
    await wanted(api.DELETE("/api/v1/marks/{id}", { params: { path: { id: mark.id } } }));
    this.all = this.all.filter((other) => other.id !== mark.id);
    this.#round += 1;
  }
}
export const marks = new Marks();

/** A mark in words. */
export function said(mark: Mark): string {
  return `${mark.kind}${mark.service ? ` of ${mark.service}` : ""}: ${mark.text}`;
}

/** What tells what a mark changed: the time from it on beside as long a time before, of its service. Pure. */
export function difference(mark: Mark, range: Range, now: number, filter: string): Partial<State> {
  const until = Math.min(now, Math.max(range.to, mark.at + AROUND_MIN_MS));
  const width = Math.max(AROUND_MIN_MS, Math.min(until - mark.at, AROUND_MAX_MS));
  return {
    page: "explore", view: "http", id: "", q: filter, mode: "difference", sel: { from: Math.floor(mark.at), to: Math.floor(mark.at + width) },
    drill: null, lens: "", x: "", tab: "", opt: { base: "before" },
  };
}
