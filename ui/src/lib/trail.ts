/** Ranges to go back and forth to: kept with the entry of the browser's history, so that they outlive a reload. */

/** As many as are kept each way. */
export const TRAIL_MAX = 100;

/** Both ends as they are written, the latest last. */
export interface Trail {
  undo: [string, string][];
  redo: [string, string][];
}

/** The trail of a history entry; whatever else may stand there is none. */
export function trailOf(state: unknown): Trail {
  const kept = (state as { trail?: Partial<Record<keyof Trail, unknown>> | null } | null)?.trail;
  const ranges = (list: unknown) => (Array.isArray(list) ? list : [])
    .filter((entry): entry is [string, string] => Array.isArray(entry) && entry.length === 2 && entry.every((end) => typeof end === "string"))
    .slice(-TRAIL_MAX);
  return { undo: ranges(kept?.undo), redo: ranges(kept?.redo) };
}
