/** Levels of log lines: their order, and how they look. Pure. */
import type { Cell } from "../api/client.ts";
import type { ColorName } from "../lib/colors.svelte.ts";

/** From the gravest; a line that tells none (null) may be grave, and stands behind warnings. */
export const LEVELS: readonly (string | null)[] = ["fatal", "error", "warn", null, "info", "debug", "trace"];

/** Its place among the levels, 0 for the gravest; unknown ones are last. */
export function gravity(level: Cell): number {
  const at = LEVELS.indexOf(level === "none" ? null : (level as string | null));
  return at < 0 ? LEVELS.length : at;
}

/** Whether it says that something failed. */
export function isGrave(level: Cell): boolean {
  return level === "fatal" || level === "error";
}

/** Colours of meaning: what failed is an error, what may become one is slow, all else is quiet. */
export function levelColor(level: Cell): ColorName {
  if (isGrave(level)) return "error";
  if (level === "warn") return "slow";
  return level === "info" ? "fast" : "other";
}

/** The stripe at the left of a row. */
export function levelTone(level: Cell): string {
  const color = levelColor(level);
  return color === "other" ? "" : color;
}
