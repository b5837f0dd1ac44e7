/** What redaction left: marks in the place of secrets, and the readable parts of tokens and credentials. */

/** A piece of text; `secret` has the digits of a mark. */
export interface Piece {
  text: string;
  secret: string | null;
}

const MARK = /\[redacted:([0-9a-f]{16})\]/g;

/** Why a mark stands there, for a tooltip. */
export function secretNote(digits: string): string {
  return `A secret was replaced before anything was stored. Equal marks mean equal secrets: ${digits}`;
}

/** Text cut at the marks. */
export function pieces(text: string): Piece[] {
  if (!text.includes("[redacted:")) return text === "" ? [] : [{ text, secret: null }];
  const out: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(MARK)) {
    if (match.index > from) out.push({ text: text.slice(from, match.index), secret: null });
    out.push({ text: match[0], secret: match[1]! });
    from = match.index + match[0].length;
  }
  if (from < text.length) out.push({ text: text.slice(from), secret: null });
  return out;
}

/** Marks that meet the letters `from` to `to` of a text, as ranges. A line may be megabytes long: no more of it is looked at. */
export function marks(text: string, from: number, to: number): { from: number; to: number; digits: string }[] {
  const start = Math.max(0, from - 27);
  const near = text.slice(start, to + 27);
  if (!near.includes("[redacted:")) return [];
  return [...near.matchAll(MARK)].map((match) => ({ from: start + match.index, to: start + match.index + match[0].length, digits: match[1]! }));
}

/** What can be read of a token or of credentials, as lines of name and value. */
export interface Reading {
  what: string;
  lines: [string, string][];
}

/** Reads what redaction left in a header's value: JSON Web Tokens and the user of Basic. */
export function readings(name: string, value: string): Reading[] {
  const out: Reading[] = [];
  const basic = /^(?:proxy-)?authorization$/i.test(name) ? /^Basic +([^\s:]+):\[redacted:/i.exec(value) : null;
  if (basic) out.push({ what: "Basic", lines: [["user", basic[1]!]] });
  for (const match of value.matchAll(/\b(eyJ[\w-]{5,})\.(eyJ[\w-]*)(?:\.(\[redacted:[0-9a-f]{16}\]|[\w-]*))?/g)) {
    const [header, claims] = [decoded(match[1]!), decoded(match[2]!)];
    if (!header || !claims) continue;
    out.push({ what: "JSON Web Token", lines: [...lines("", header), ...lines("", claims)] });
  }
  return out;
}

function decoded(part: string): Record<string, unknown> | null {
  try {
    const bytes = Uint8Array.from(atob(part.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** Claims that are seconds since 1970. */
const TIMES = new Set(["iat", "exp", "nbf", "auth_time", "updated_at"]);

function lines(prefix: string, of: Record<string, unknown>): [string, string][] {
  return Object.entries(of).map(([name, value]) => {
    const time = TIMES.has(name) && typeof value === "number" && value > 0 && value < 1e11;
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return [prefix + name, time ? `${new Date(value * 1000).toISOString().slice(0, 19)}Z = ${text}` : text];
  });
}
