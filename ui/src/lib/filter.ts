/** Texts of filters: how terms are joined and taken out, and places in them. What a filter means is known to the server alone. */
import type { Schema } from "../api/client.ts";

type Span = Schema<"Span">;
type Part = Schema<"FilterPart">;

/** Puts a filter in parentheses when it has an `or` outside of them, so that something can be added. */
export function grouped(filter: string): string {
  let depth = 0;
  let quoted = false;
  let bare = "";
  for (let at = 0; at < filter.length; at += 1) {
    const letter = filter[at]!;
    if (letter === "\\") at += 1;
    else if (letter === '"') quoted = !quoted;
    else if (!quoted && (letter === "(" || letter === "[")) depth += 1;
    else if (!quoted && (letter === ")" || letter === "]")) depth -= 1;
    else if (!quoted && depth === 0) bare += letter;
  }
  return /(^|\s)or(\s|$)/i.test(bare) ? `(${filter})` : filter;
}

/** The opposite of a term. */
export function negated(term: string): string {
  if (/^-[^\s(]\S*$/.test(term)) return term.slice(1);
  return /\s/.test(term) || /^(not\b|-)/i.test(term) ? `-(${term})` : `-${term}`;
}

/** Joins two filters so that both hold. */
export function both(a: string, b: string): string {
  if (a.trim() === "") return b;
  if (b.trim() === "") return a;
  return `${grouped(a.trim())} ${grouped(b.trim())}`;
}

/** Places in a text as JavaScript counts them, from places in bytes of UTF-8 as the server counts. */
export function fromBytes(text: string): (byte: number) => number {
  // Plain ASCII, which most filters are, needs no table.
  if (!/[^\x00-\x7f]/.test(text)) return (byte) => Math.min(byte, text.length);
  const places: number[] = [];
  let at = 0;
  for (const letter of text) {
    const code = letter.codePointAt(0)!;
    const size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (let byte = 0; byte < size; byte += 1) places.push(at);
    at += letter.length;
  }
  return (byte) => places[byte] ?? text.length;
}

/** How many bytes of UTF-8 stand before a place. */
export function toBytes(text: string, place: number): number {
  return new TextEncoder().encode(text.slice(0, place).toWellFormed()).length;
}

/** A span as places of JavaScript. */
export function placed(text: string, span: Span): Span {
  const at = fromBytes(text);
  return { start: at(span.start), end: at(span.end) };
}

/** The text of a span. */
export function cut(text: string, span: Span): string {
  const { start, end } = placed(text, span);
  return text.slice(start, end);
}

/** The text with a span's text replaced. */
export function replaced(text: string, span: Span, by: string): string {
  const { start, end } = placed(text, span);
  return text.slice(0, start) + by + text.slice(end);
}

/** The filter without one of its terms: what joined it to the others goes with it. */
export function without(text: string, tree: Part | null | undefined, span: Span): string {
  if (!tree) return text;
  const path = pathTo(tree, span);
  // What is nothing without the term goes, too: its negation, and a group of one.
  while (path.length > 1 && (path.at(-2)!.parts?.length ?? 0) <= 1) path.pop();
  if (path.length <= 1) return "";
  const gone = path.at(-1)!;
  const parts = path.at(-2)!.parts!;
  const at = parts.indexOf(gone);
  const next = parts[at + 1];
  const before = parts[at - 1];
  const lost = next ? { start: gone.span.start, end: next.span.start } : { start: before!.span.end, end: gone.span.end };
  return replaced(text, lost, "").trim();
}

function pathTo(part: Part, span: Span): Part[] {
  const path = [part];
  for (;;) {
    const next = path.at(-1)!.parts?.find((inner) => inner.span.start <= span.start && inner.span.end >= span.end);
    if (!next) return path;
    path.push(next);
  }
}

/** The filter with one of its terms turned into its opposite. */
export function toggled(text: string, span: Span): string {
  const term = cut(text, span);
  const plain = term.replace(/^(-|not\s+)/i, "");
  return replaced(text, span, plain === term ? `-${term}` : plain);
}

/** The outermost parts that are joined by `and`. */
export function joined(tree: Part | null | undefined): Part[] {
  if (!tree) return [];
  return tree.kind === "and" ? (tree.parts ?? []) : [tree];
}

/** Splits a filter into what another table understands and what it does not: `diagnostics` are its answer to it. */
export function fitting(text: string, answer: Schema<"ParseAnswer">): { fits: string; foreign: string[] } {
  if (answer.diagnostics.length === 0) return { fits: text, foreign: [] };
  const parts = joined(answer.tree);
  const wrong = (part: Part) => answer.diagnostics.some((mistake) => mistake.span.start < part.span.end && mistake.span.end > part.span.start);
  if (parts.length === 0) return { fits: "", foreign: text.trim() === "" ? [] : [text.trim()] };
  return {
    fits: parts.filter((part) => !wrong(part)).map((part) => cut(text, part.span)).reduce(both, ""),
    foreign: parts.filter(wrong).map((part) => cut(text, part.span)),
  };
}

/** A stretch of text in one colour. */
export interface Stretch {
  text: string;
  kind: "field" | "value" | "plain";
  wrong: boolean;
}

/**
 * The text in colours, by what the server said of `of`, which may be what stood there some letters ago: what was read before
 * and behind the change keeps its colour.
 */
export function stretches(text: string, of: string, answer: Schema<"ParseAnswer"> | null): Stretch[] {
  if (!answer || text === "") return text === "" ? [] : [{ text, kind: "plain", wrong: false }];
  const place = fromBytes(of);
  const shared = common(text, of);
  const shift = text.length - of.length;
  const move = (span: Span): Span | null => {
    const { start, end } = { start: place(span.start), end: place(span.end) };
    if (end <= shared.head) return { start, end };
    return start >= of.length - shared.tail ? { start: start + shift, end: end + shift } : null;
  };
  const kinds = new Array<Stretch["kind"]>(text.length).fill("plain");
  const wrong = new Array<boolean>(text.length).fill(false);
  for (const term of terms(answer.tree)) {
    const first = term.values?.[0];
    const name = term.field && first ? move({ start: term.span.start, end: first.start }) : null;
    if (name) kinds.fill("field", name.start, name.end);
    for (const value of term.values ?? []) {
      const at = move(value);
      if (at) kinds.fill("value", at.start, at.end);
    }
  }
  if (text === of) {
    for (const mistake of answer.diagnostics) {
      const { start, end } = { start: place(mistake.span.start), end: place(mistake.span.end) };
      wrong.fill(true, Math.min(start, text.length - 1), Math.max(end, start + 1));
    }
  }
  const out: Stretch[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const last = out.at(-1);
    if (last && last.kind === kinds[at] && last.wrong === wrong[at]) last.text += text[at];
    else out.push({ text: text[at]!, kind: kinds[at]!, wrong: wrong[at]! });
  }
  return out;
}

function common(a: string, b: string): { head: number; tail: number } {
  const most = Math.min(a.length, b.length);
  let head = 0;
  while (head < most && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < most - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
  return { head, tail };
}

function terms(part: Part | null | undefined): Part[] {
  if (!part) return [];
  return part.kind === "term" ? [part] : (part.parts ?? []).flatMap(terms);
}
