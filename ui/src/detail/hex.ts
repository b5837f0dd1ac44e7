/** Bytes as rows of offset, hex and ASCII. Pure. */

export const PER_ROW = 16;

/** Two digits of each byte. */
const DIGITS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Hex digits of bytes, with a blank between them and two in the middle. */
export function hexRow(bytes: Uint8Array, from: number): string {
  let out = "";
  for (let at = 0; at < PER_ROW; at += 1) {
    const byte = bytes[from + at];
    out += (at === 8 ? "  " : at === 0 ? "" : " ") + (byte === undefined ? "  " : DIGITS[byte]!);
  }
  return out;
}

export function hexOf(byte: number): string {
  return DIGITS[byte]!;
}

/** The byte as a letter where it is a visible one of ASCII. */
export function letter(byte: number): string {
  return byte >= 32 && byte < 127 ? String.fromCharCode(byte) : "·";
}

export function asciiRow(bytes: Uint8Array, from: number): string {
  let out = "";
  for (let at = from; at < Math.min(from + PER_ROW, bytes.length); at += 1) out += letter(bytes[at]!);
  return out;
}

/** An offset with as many digits as the largest one needs, at least four. */
export function offsetText(offset: number, last: number): string {
  return offset.toString(16).padStart(Math.max(4, last.toString(16).length), "0");
}

/** All of it as text, as `hexdump -C` writes it: for copying. */
export function dump(bytes: Uint8Array): string {
  const out: string[] = [];
  for (let from = 0; from < bytes.length; from += PER_ROW) {
    out.push(`${offsetText(from, bytes.length)}  ${hexRow(bytes, from)}  |${asciiRow(bytes, from)}|`);
  }
  return out.join("\n");
}

/** Bytes of base64. */
export function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
}

/** Where a text stands in bytes: as UTF-8, and as hex digits when it looks like such (`0d 0a`). */
export function findBytes(bytes: Uint8Array, text: string, most = 10_000): number[] {
  const digits = text.replaceAll(" ", "");
  const wanted = /^([0-9a-f]{2}){2,}$/i.test(digits) && / /.test(text.trim())
    ? Uint8Array.from(digits.match(/../g)!, (pair) => Number.parseInt(pair, 16))
    : new TextEncoder().encode(text);
  const out: number[] = [];
  if (wanted.length === 0) return out;
  for (let at = bytes.indexOf(wanted[0]!); at >= 0 && out.length < most; at = bytes.indexOf(wanted[0]!, at + 1)) {
    let same = 1;
    while (same < wanted.length && bytes[at + same] === wanted[same]) same += 1;
    if (same === wanted.length) out.push(at);
  }
  return out;
}
