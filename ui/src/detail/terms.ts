/** Terms of the filter language for values that are shown, so that each of them is one click from being a filter. */
import type { Cell } from "../api/client.ts";

/** What needs no quotes: no blank, no wildcard, nothing that opens or compares, no word of the language. */
const BARE = /^[\p{L}\p{N}._/][\p{L}\p{N}._/:@+%&$~#;-]*$/u;
/** In bare text `/…/` and `/…/i` would be a regular expression. */
const EXPRESSION = /^\/[^/]+\/i?$/;
const WORDS = /^(and|or|not)$/i;

/** A value as the filter language reads it back as itself. */
export function literal(value: string): string {
  if (BARE.test(value) && !EXPRESSION.test(value) && !WORDS.test(value)) return value;
  let out = '"';
  for (const letter of value) {
    if (letter === '"' || letter === "\\") out += `\\${letter}`;
    else if (letter === "\n") out += "\\n";
    else if (letter === "\r") out += "\\r";
    else if (letter === "\t") out += "\\t";
    else if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(letter)) out += `\\u{${letter.codePointAt(0)!.toString(16)}}`;
    else out += letter;
  }
  return `${out}"`;
}

/** `field:value`, with the unit that the field's kind wants; a value that is not there is `-field:*`. */
export function term(field: string, value: Cell, kind = "text"): string {
  if (value === null || value === "") return `-${field}:*`;
  if (typeof value === "number" && kind === "duration") return `${field}:${value}ns`;
  if (typeof value === "number" && kind === "size") return `${field}:${value}B`;
  if (typeof value !== "string" || kind === "instant" || kind === "address") return `${field}:${String(value)}`;
  // Values such as `5xx` or `500..` are patterns where fields are numbers; text is text.
  return `${field}:${literal(value)}`;
}

/** A header line of a side; a name that cannot stand in a filter gives null. */
export function headerTerm(side: string, name: string, value: string): string | null {
  if (!/^[A-Za-z0-9_-]+$/.test(name)) return null;
  return value === "" ? `${side}.header.${name.toLowerCase()}:*` : `${side}.header.${name.toLowerCase()}:${literal(value)}`;
}
