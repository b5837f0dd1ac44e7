/** The rows of the grid: pages by keyset as one scrolls, the old ones shown until the new are there. */
import { untrack } from "svelte";
import { again, ask, type Asked, type QuestionOf } from "../api/ask.svelte.ts";
import type { Cell, Failure, Schema } from "../api/client.ts";

/** Rows of the first page, and of each further one. */
const FIRST = 100;
const NEXT = 1000;
/** So many rows are held; further ones are a matter of the timeline. */
export const ROWS_MAX = 200_000;

/** What a list asks. */
export type List = Omit<QuestionOf<"list">, "kind" | "limit" | "cursor" | "count">;

/** A field with few values in each table: what it counts in all is how many rows there are. */
const COUNTED: Record<string, string> = { exchanges: "class", tcp_sessions: "protocol", packets: "direction", log_records: "level" };

/** Rows as they come. Make it while a component is set up. */
export class Rows {
  columns: Schema<"ColumnFacts">[] = $state.raw([]);
  rows: Cell[][] = $state.raw([]);
  /** How many there are in all; null until it is known. */
  total: number | null = $derived.by(() => (this.#count.waiting ? null : (this.#count.answer?.fields[0]?.total ?? null)));
  counting = $derived.by(() => this.#count.slow && !this.#first.waiting);
  failure: Failure | null = $derived.by(() => this.#first.failure);
  slow = $derived.by(() => this.#first.slow);
  stopped = $derived.by(() => this.#first.stopped);
  /** Whether the first answer has come. */
  ready = $state(false);
  #next: string | null = null;
  #first: Asked<"list">;
  #more: Asked<"list">;
  #count: Asked<"facets">;
  #question: () => List;

  constructor(question: () => List) {
    this.#question = question;
    // Rows are there at once. How many there are in all takes a look at each: it is counted in the same pass as facets.
    this.#first = ask<"list">(() => ({ kind: "list", ...question(), limit: FIRST, count: "none" }));
    this.#count = ask<"facets">(() => {
      const { scope } = question();
      return { kind: "facets", scope, fields: [COUNTED[scope?.table ?? "exchanges"]!], limit: 1 };
    });
    this.#more = ask<"list">(() => null);
    $effect(() => {
      const answer = this.#first.answer;
      if (answer) untrack(() => this.#start(answer));
    });
    $effect(() => {
      const answer = this.#more.answer;
      if (answer) untrack(() => this.#go(answer));
    });
  }

  /** Asks for what follows, when there is more and nothing on its way. */
  more(): void {
    if (this.#next === null || this.#more.waiting || this.#first.waiting || this.rows.length >= ROWS_MAX) return;
    again(this.#more, { kind: "list", ...this.#question(), limit: NEXT, cursor: this.#next, count: "none" });
  }

  /** Asks the first page once more. */
  retry(): void {
    again(this.#first, { kind: "list", ...this.#question(), limit: FIRST, count: "none" });
  }

  /** Whether all rows are here. */
  get complete(): boolean {
    return this.#next === null;
  }

  #start(answer: Schema<"ListAnswer">): void {
    this.columns = answer.columns;
    this.rows = answer.rows;
    this.#next = answer.next ?? null;
    this.ready = true;
  }

  #go(answer: Schema<"ListAnswer">): void {
    // The answer to an older list: its cursor is not ours.
    if (this.#first.waiting || this.#more.question?.cursor !== this.#next) return;
    this.rows = [...this.rows, ...answer.rows];
    this.#next = answer.next ?? null;
  }
}
