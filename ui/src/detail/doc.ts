/** A text as lines that can be folded, highlighted and found in: what bodies and streams are shown as. */
import type { Language } from "./tokens.ts";

export interface Doc {
  lines: string[];
  language: Language;
  /** For a line that opens something: the line that closes it; -1 for all others. Null where nothing folds. */
  folds: Int32Array | null;
  /** A remark on how it was read, such as where it stops being JSON. */
  note: string;
}

/** Lets the page breathe in the middle of long work; ends it when nobody waits any more. */
export type Pause = () => Promise<void>;

/** Pauses whenever the work went on for longer than a frame allows. */
export function pausing(signal: AbortSignal, budget = 10): Pause {
  let since = performance.now();
  return async () => {
    if (performance.now() - since < budget) return;
    await new Promise((resolve) => setTimeout(resolve));
    signal.throwIfAborted();
    since = performance.now();
  };
}

/** Text as lines, without the marks of their ends. */
export async function plain(text: string, language: Language, pause: Pause): Promise<Doc> {
  const lines: string[] = [];
  let from = 0;
  while (from <= text.length) {
    let to = text.indexOf("\n", from);
    if (to < 0) to = text.length;
    lines.push(text.slice(from, to > from && text[to - 1] === "\r" ? to - 1 : to));
    from = to + 1;
    if ((lines.length & 2047) === 0) await pause();
  }
  if (lines.length > 1 && lines.at(-1) === "") lines.pop();
  return { lines, language, folds: null, note: "" };
}

/**
 * JSON as indented lines. It is read token by token, so that the order of fields, doubled names and the digits of long
 * numbers stay; what follows a mistake, or where the text was cut, is shown as it is.
 */
export async function pretty(text: string, pause: Pause): Promise<Doc | null> {
  const lines: string[] = [];
  const ends: [number, number][] = [];
  const open: number[] = [];
  let line = "";
  let steps = 0;
  let any = false;
  const put = () => {
    lines.push("  ".repeat(Math.min(open.length, 60)) + line);
    line = "";
  };
  const token = /\s*(?:([{[])(?:\s*([}\]]))?|([}\]])|([,:])|("(?:[^"\\\n\r]|\\.)*")|(-?\d[\d.eE+-]*|true|false|null))/y;
  while (token.lastIndex < text.length) {
    const at = token.lastIndex;
    const match = token.exec(text);
    if (!match) {
      const rest = text.slice(at);
      if (rest.trim() === "") break;
      if (!any) return null;
      return stopped(lines, ends, line, rest, open.length);
    }
    const [, opens, closesAtOnce, closes, mark, string, scalar] = match;
    if (opens && closesAtOnce) line += opens + closesAtOnce;
    else if (opens) {
      line += opens;
      put();
      open.push(lines.length - 1);
    } else if (closes) {
      if (line !== "") put();
      const began = open.pop();
      if (began === undefined) return any ? stopped(lines, ends, "", text.slice(at), 0) : null;
      line = closes;
      ends.push([began, lines.length]);
    } else if (mark === ",") {
      line += ",";
      put();
    } else if (mark === ":") line += ": ";
    else line += string === undefined ? scalar : readable(string);
    // One value after another, as in NDJSON: each begins its own line.
    if (open.length === 0 && mark === undefined) put();
    any = true;
    if ((steps++ & 1023) === 0) await pause();
  }
  if (open.length > 0 || line !== "") return stopped(lines, ends, line, "", open.length);
  return finished(lines, ends, "");
}

function finished(lines: string[], ends: [number, number][], note: string): Doc {
  const folds = new Int32Array(lines.length).fill(-1);
  for (const [from, to] of ends) if (to > from && to < lines.length) folds[from] = to;
  return { lines, language: "json", folds, note };
}

function stopped(lines: string[], ends: [number, number][], line: string, rest: string, depth: number): Doc {
  const indent = "  ".repeat(Math.min(depth, 60));
  if (line !== "") lines.push(indent + line);
  const at = lines.length;
  if (rest.trim() !== "") lines.push(...rest.trim().split(/\r?\n/));
  const note = rest.trim() === "" ? "It ends in the middle: JSON up to there." : `From line ${at + 1} on it is no JSON and is shown as it is.`;
  return finished(lines, ends, note);
}

/** `\u041f` as the letter it is, where that is a visible one; all other escapes stay. */
function readable(string: string): string {
  if (!string.includes("\\u")) return string;
  return string.replace(/(?<!\\)((?:\\\\)*)((?:\\u[0-9a-fA-F]{4})+)/g, (whole, before: string, escapes: string) => {
    const letters = escapes.replace(/\\u(.{4})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
    return letters.isWellFormed() && /^[\p{L}\p{M}\p{N}\p{S}\p{P} ]+$/u.test(letters) && !/["\\]/.test(letters) ? before + letters : whole;
  });
}

/** Lines that are shown: all but those inside of something folded. */
export function unfolded(doc: Doc, folded: ReadonlySet<number>): Int32Array {
  const out = new Int32Array(doc.lines.length);
  let count = 0;
  for (let at = 0; at < doc.lines.length; at += 1) {
    out[count++] = at;
    const end = doc.folds?.[at] ?? -1;
    if (end > at && folded.has(at)) at = end - 1;
  }
  return out.subarray(0, count);
}

/** Rows on the screen: lines broken after `columns` letters. `row` to line and place by the two arrays. */
export interface Rows {
  line: Int32Array;
  from: Int32Array;
  count: number;
}

/** Breaks lines, so that every row has the same height and the list can be virtual. */
export function broken(doc: Doc, shown: Int32Array, columns: number): Rows {
  const width = Math.max(columns, 20);
  let count = 0;
  for (const at of shown) count += Math.max(1, Math.ceil(doc.lines[at]!.length / width));
  const line = new Int32Array(count);
  const from = new Int32Array(count);
  let row = 0;
  for (const at of shown) {
    const length = doc.lines[at]!.length;
    for (let place = 0; place === 0 || place < length; place += width) {
      line[row] = at;
      from[row++] = place;
    }
  }
  return { line, from, count };
}
