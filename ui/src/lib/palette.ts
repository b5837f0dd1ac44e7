/** Which colour stands for what: pure, what it looks like is the theme's (`colors.svelte.ts`). */

/** The classes in the order in which they are stacked, errors on top. */
export const CLASSES = ["fast", "medium", "slow", "open", "upgrade", "error"];

/** The variables of the theme that hold colours. */
export const NAMES = [
  "bg", "panel", "raised", "line", "line-strong", "text", "muted", "faint", "accent", "accent-soft", "hover", "selected", "fast", "medium",
  "slow", "error", "client-error", "open", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "other", "warn-text", "sent", "received",
] as const;
export type ColorName = (typeof NAMES)[number];

/**
 * The colours of a stack: by meaning for classes and status codes, else by name, so that a name keeps its colour over panels
 * and reloads; names that would share one take the next free one.
 */
export function paint(field: string, keys: string[]): ColorName[] {
  if (field === "class") return keys.map(classColor);
  if (field === "http.response.status_code" || field === "status") return keys.map(statusColor);
  const taken = new Set<number>();
  return keys.map((key) => {
    let at = hash(key) % 8;
    for (let tries = 0; tries < 8 && taken.has(at); tries += 1) at = (at + 1) % 8;
    taken.add(at);
    return `c${at + 1}` as ColorName;
  });
}

function classColor(name: string): ColorName {
  if (name === "fast" || name === "medium" || name === "slow" || name === "error" || name === "open") return name;
  // Of access logs: refused by a limit, and requests whose time is not the service's.
  if (name === "limited") return "client-error";
  if (name === "untimed") return "open";
  return name === "upgrade" ? "c2" : "other";
}

/** Of a status code. */
export function statusColor(status: string): ColorName {
  if (status.startsWith("5")) return "error";
  if (status.startsWith("4")) return "client-error";
  if (status.startsWith("3")) return "c6";
  return status.startsWith("2") ? "fast" : "other";
}

function hash(text: string): number {
  let value = 2166136261;
  for (let at = 0; at < text.length; at += 1) value = Math.imul(value ^ text.charCodeAt(at), 16777619) >>> 0;
  return value;
}
