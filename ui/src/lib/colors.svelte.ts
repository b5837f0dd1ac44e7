/** Colours for canvases: read from the theme's variables, again whenever the theme changes. */

/** The classes in the order in which they are stacked, errors on top. */
export const CLASSES = ["fast", "medium", "slow", "open", "upgrade", "error"];

const NAMES = [
  "bg", "panel", "raised", "line", "line-strong", "text", "muted", "faint", "accent", "accent-soft", "hover", "selected", "fast", "medium",
  "slow", "error", "client-error", "open", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "other", "warn-text", "sent", "received",
] as const;
export type ColorName = (typeof NAMES)[number];

class Colors {
  /** Every colour by name, as CSS text. */
  of: Record<ColorName, string> = $state.raw(read());
  font = $state.raw("");

  constructor() {
    const again = () => {
      this.of = read();
    };
    new MutationObserver(again).observe(document.documentElement, { attributeFilter: ["data-theme", "data-density"] });
  }
}

function read(): Record<ColorName, string> {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()])) as Record<ColorName, string>;
}

export const colors = new Colors();

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

/** The colour of a value as a variable of the theme, where its field has colours of meaning; else that of quiet bars. */
export function tintOf(field: string, value: unknown): string {
  const meant = field === "class" || field === "http.response.status_code" || field === "status";
  return meant && value !== null ? `var(--${paint(field, [String(value)])[0]})` : "var(--line-strong)";
}
