/** How well a text fits what was typed: letters in their order, best where words begin and where they stand together. */

/** 0 when it does not fit; the more the better. */
export function fit(typed: string, text: string): number {
  const wanted = typed.trim().toLowerCase();
  if (wanted === "") return 1;
  const within = text.toLowerCase();
  const whole = within.indexOf(wanted);
  if (whole >= 0) return 1000 - Math.min(whole, 400) - Math.min(within.length, 400) / 10 + (begins(within, whole) ? 200 : 0);
  let score = 0;
  let at = -1;
  for (const letter of wanted) {
    if (letter === " ") continue;
    const next = within.indexOf(letter, at + 1);
    if (next < 0) return 0;
    score += next === at + 1 ? 6 : begins(within, next) ? 4 : 1;
    at = next;
  }
  // Letters strewn over a long text are no match that anybody meant.
  return score >= wanted.replaceAll(" ", "").length * 2.5 ? score : 0;
}

function begins(text: string, at: number): boolean {
  return at === 0 || !/[\p{L}\p{N}]/u.test(text[at - 1]!);
}

/** Those that fit, best first; equal ones keep their order. What is said beside the name counts where it holds all of it. */
export function best<T>(typed: string, all: readonly T[], text: (item: T) => string, most: number, beside: (item: T) => string = () => ""): T[] {
  const score = (item: T) => fit(typed, text(item)) || Math.max(0, fit(typed, beside(item)) - 600) / 100;
  return all
    .map((item, place) => ({ item, place, score: score(item) }))
    .filter((entry) => entry.score > 0)
    .sort((a, b) => b.score - a.score || a.place - b.place)
    .slice(0, most)
    .map((entry) => entry.item);
}
