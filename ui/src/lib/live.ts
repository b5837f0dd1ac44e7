/** When a live page draws anew. */

/** Without new rows the picture moves with time, in milliseconds at least. */
const MOVE_MS = 2000;

/**
 * Whether a live page draws anew, `passed` milliseconds after it last did. New rows are drawn at once, but answering takes no more than a
 * third of the time (`took`: how long the last answers took): where they take long, others ask too. Without new rows the picture
 * moves on by about a bar (`step` milliseconds).
 */
export function isDue(passed: number, took: number, isNew: boolean, step: number): boolean {
  return passed >= (isNew ? 3 * took : Math.max(MOVE_MS, step, 3 * took));
}
