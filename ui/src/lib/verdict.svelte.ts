/** What the server says of the filter in the address: a mistake there is told once, for the whole page. */
import type { Schema } from "../api/client.ts";
import { page } from "./page.svelte.ts";

class Verdict {
  /** The filter that was read. */
  of = $state("");
  mistakes: Schema<"Mistake">[] = $state.raw([]);
  /** Whether what the page shows is asked with a mistake. */
  wrong = $derived(this.mistakes.length > 0 && this.of === page.state.q);

  take(of: string, mistakes: Schema<"Mistake">[]): void {
    this.of = of;
    this.mistakes = mistakes;
  }
}
export const verdict = new Verdict();
