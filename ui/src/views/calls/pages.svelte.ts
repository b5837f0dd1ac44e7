/** Exchanges from the first on, page by page. */
import { type Asked, ask, again, type QuestionOf } from "../../api/ask.svelte.ts";
import { page } from "../../lib/page.svelte.ts";
import { listed } from "../../lib/scope.ts";
import { type Call, callsOf, COLUMNS, secondOf } from "./rows.ts";

export class Calls {
  /** All that came so far, by start. */
  rows: Call[] = $state.raw([]);
  /** The instant (milliseconds since 1970) that the rows' times count from. */
  base = $state(0);
  /** Of the whole list, once counted. */
  total: number | null = $state(null);
  /** Whether there are more. */
  rest = $state(false);
  asked: Asked<"list">;
  #cursor: string | null = $state(null);
  #about = "";
  #next: string | null = null;
  #question: () => QuestionOf<"list"> | null;

  /** Call it while a component is set up. */
  constructor(first: number, further: number, readonly most: number) {
    this.#question = () => {
      if (page.state.view !== "http") return null;
      const scope = listed();
      const about = JSON.stringify(scope);
      // Another question begins at the first page, whatever page the last one was at.
      const kept = this.#cursor;
      const cursor = about === this.#about ? kept : null;
      return {
        kind: "list", scope, columns: COLUMNS, order: "start", ascending: true, cursor, limit: cursor ? further : first,
        count: cursor ? "none" : "exact",
      };
    };
    this.asked = ask(this.#question);
    let last: unknown = null;
    $effect(() => {
      const { answer, question } = this.asked;
      if (!answer || !question || answer === last) return;
      last = answer;
      this.#take(answer, question);
    });
  }

  /** Asks for the next page, once. */
  more(): void {
    if (this.rest && !this.asked.waiting && !this.asked.failure) this.#cursor = this.#next;
  }

  again(): void {
    const question = this.#question();
    if (question) again(this.asked, question);
  }

  #take(answer: NonNullable<Asked<"list">["answer"]>, question: QuestionOf<"list">): void {
    if (question.cursor) {
      this.rows = [...this.rows, ...callsOf(answer, this.base)];
    } else {
      const first = answer.rows[0]?.[1];
      this.base = typeof first === "string" ? secondOf(first) : 0;
      this.total = answer.total ?? null;
      this.rows = callsOf(answer, this.base);
    }
    this.#about = JSON.stringify(question.scope);
    this.#next = answer.next ?? null;
    this.rest = this.#next !== null && this.rows.length < this.most;
  }
}
