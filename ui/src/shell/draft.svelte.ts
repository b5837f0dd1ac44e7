/** The filter while it is written: what the server says of it, and what it offers. */
import { api, type Schema, wanted } from "../api/client.ts";
import { cut, toBytes } from "../lib/filter.ts";
import { instant } from "../lib/format.ts";
import { page } from "../lib/page.svelte.ts";
import { type Offer, offersOf } from "./offers.ts";

const WAIT_MS = 60;
const PLACE = "arachne.filters";
const KEPT = 50;

/** The answers to the last filters, so that a chip does not flash when it was read a moment ago. */
const read = new Map<string, Schema<"ParseAnswer">>();

/** What the server says of a filter. */
export async function parse(filter: string, table: string, signal?: AbortSignal): Promise<Schema<"ParseAnswer">> {
  const key = `${table} ${filter}`;
  const known = read.get(key);
  if (known) return known;
  const answer = await wanted(api.POST("/api/v1/filter/parse", { body: { filter, table }, signal }));
  if (read.size > 100) read.clear();
  read.set(key, answer);
  return answer;
}

class Draft {
  text = $state("");
  /** What was read of `of`. */
  answer: Schema<"ParseAnswer"> | null = $state.raw(null);
  of = $state("");
  offers: Offer[] = $state.raw([]);
  /** The offer that Enter takes; -1 for none. */
  active = $state(-1);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #flight: AbortController | null = null;

  /** Begins with a text. */
  begin(text: string): void {
    this.text = text;
    this.offers = [];
    this.active = -1;
  }

  /** Reads and completes what stands there, a moment after the last letter. */
  ask(cursor: number, now = false): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#ask(cursor), now ? 0 : WAIT_MS);
  }

  /** Forgets what is on its way. */
  end(): void {
    clearTimeout(this.#timer);
    this.#flight?.abort();
    this.offers = [];
    this.active = -1;
  }

  async #ask(cursor: number): Promise<void> {
    this.#flight?.abort();
    const flight = (this.#flight = new AbortController());
    const { text } = this;
    const { table, range } = page;
    const completion = api.POST("/api/v1/filter/complete", {
      body: { filter: text, table, cursor: toBytes(text, cursor), from: instant(range.from), to: instant(range.to) },
      signal: flight.signal,
    });
    try {
      const [answer, offered] = await Promise.all([parse(text, table, flight.signal), wanted(completion).catch(() => null)]);
      if (flight.signal.aborted || this.text !== text) return;
      this.answer = answer;
      this.of = text;
      this.offers = offered ? offersOf(text, offered) : [];
      this.active = -1;
    } catch {
      // The next letter asks again; what cannot be read is not applied.
    }
  }
}
export const draft = new Draft();

/** The last filters that were used, newest first. */
export function recent(): string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(PLACE) ?? "[]");
    return Array.isArray(kept) ? kept.filter((text): text is string => typeof text === "string") : [];
  } catch {
    return [];
  }
}

/** Keeps a filter among the last ones. */
export function remember(filter: string): void {
  if (filter.trim() === "") return;
  try {
    localStorage.setItem(PLACE, JSON.stringify([filter, ...recent().filter((other) => other !== filter)].slice(0, KEPT)));
  } catch {
    // A browser that keeps nothing has no history.
  }
}

/** A term with the place of its parts, for a chip. */
export interface Piece {
  text: string;
  field: string | null;
  negated: boolean;
  span: Schema<"Span">;
  wrong: string;
}

/** The terms of a filter as chips. */
export function pieces(text: string, answer: Schema<"ParseAnswer">): Piece[] {
  return answer.chips.map((chip) => ({
    text: cut(text, chip.span),
    field: chip.field ?? null,
    negated: chip.negated,
    span: chip.span,
    wrong: answer.diagnostics.find((mistake) => mistake.span.start < chip.span.end && mistake.span.end > chip.span.start)?.message ?? "",
  }));
}
