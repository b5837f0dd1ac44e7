/** Merging replicas: a pattern that is cut out of names, so that `shop-1` and `shop-2` are one. */

export interface Merger {
  /** The name without what tells replicas apart. */
  merged: (name: string) => string;
  /** Why the pattern cannot be used; empty when it can. */
  error: string;
}

const LENGTH_MAX = 100;
const NAME_MAX = 256;
const SAME: Merger = { merged: (name) => name, error: "" };

/**
 * Reads `pattern` or `pattern=>replacement`. The browser's expressions can take exponential time, so a repetition of a group
 * that itself repeats is refused, and long names are left alone.
 */
export function merger(text: string): Merger {
  const trimmed = text.trim();
  if (trimmed === "") return SAME;
  if (trimmed.length > LENGTH_MAX) return { ...SAME, error: `at most ${LENGTH_MAX} characters` };
  const arrow = trimmed.indexOf("=>");
  const source = arrow < 0 ? trimmed : trimmed.slice(0, arrow);
  const into = arrow < 0 ? "" : trimmed.slice(arrow + 2);
  if (costly(source)) return { ...SAME, error: "a repeated group must not repeat or branch inside" };
  let expression: RegExp;
  try {
    expression = new RegExp(source, "gu");
  } catch {
    return { ...SAME, error: "not a regular expression" };
  }
  const known = new Map<string, string>();
  const merged = (name: string): string => {
    let out = known.get(name);
    if (out === undefined) {
      // A name that would vanish altogether keeps its own.
      out = name.length > NAME_MAX ? name : name.replace(expression, into) || name;
      known.set(name, out);
    }
    return out;
  };
  return { merged, error: "" };
}

/** Whether a group that is repeated holds a repetition or an alternative, or something refers back. */
function costly(source: string): boolean {
  const plain = source.replace(/\\[^\d]|\[(?:\\.|[^\]\\])*\]/g, "x");
  if (/\\\d/.test(plain)) return true;
  const open: boolean[] = [];
  let repetitions = 0;
  for (let at = 0; at < plain.length; at += 1) {
    const letter = plain[at]!;
    const repeats = letter === "*" || letter === "+" || letter === "{";
    if (repeats) repetitions += 1;
    if (letter === "(") open.push(false);
    else if (letter === ")") {
      const inner = open.pop() ?? false;
      if (inner && /[*+{]/.test(plain[at + 1] ?? "")) return true;
      if (open.length > 0 && inner) open[open.length - 1] = true;
    } else if ((repeats || letter === "|") && open.length > 0) open[open.length - 1] = true;
  }
  return repetitions > 4;
}
