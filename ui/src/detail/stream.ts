/** A stream as lines with their directions. Pure. */
import { bytes, exact } from "../lib/format.ts";
import type { Doc } from "./doc.ts";
import type { StreamPiece } from "./frames.ts";
import { fromBase64 } from "./hex.ts";
import type { HexPiece } from "./HexView.svelte";

export type Which = "both" | "client" | "server";

export interface StreamDoc {
  doc: Doc;
  /** Of each line: `sent`, `received` or `gap`. */
  looks: string[];
  /** Of each line: the piece that it begins in. */
  piece: Int32Array;
}

const look = (piece: StreamPiece) => (piece.gap ? "gap" : piece.direction === "client" ? "sent" : "received");

/** What stands in the place of bytes that were not captured. */
export function gapWords(piece: StreamPiece): string {
  return `${exact(piece.length)} bytes from the ${piece.direction} are missing here: they were not captured (offset ${exact(piece.offset)}).`;
}

/** Text of all pieces; a new line begins where the direction changes. What is no text becomes dots. */
export function streamText(pieces: readonly StreamPiece[], which: Which): StreamDoc {
  const decoders = { client: new TextDecoder(), server: new TextDecoder() };
  const lines: string[] = [];
  const looks: string[] = [];
  const from: number[] = [];
  pieces.forEach((piece, at) => {
    if (which !== "both" && piece.direction !== which) return;
    const own = look(piece);
    if (piece.gap) {
      lines.push(gapWords(piece));
      looks.push(own);
      from.push(at);
      return;
    }
    const decoder = piece.direction === "client" ? decoders.client : decoders.server;
    const text = decoder.decode(fromBase64(piece.bytes), { stream: true });
    const parts = text.split("\n").map(visible);
    // What the piece before ended in the middle of goes on in its line.
    if (lines.length > 0 && looks.at(-1) === own) lines.push(lines.pop()! + parts.shift()!);
    else if (lines.at(-1) === "") {
      // A message that ends with a line's end leaves no empty line behind it.
      lines.pop();
      looks.pop();
      from.pop();
    }
    for (const part of parts) {
      lines.push(part);
      looks.push(own);
      from.push(at);
    }
  });
  return { doc: { lines, language: "none", folds: null, note: "" }, looks, piece: Int32Array.from(from) };
}

/** Control characters and broken text as dots; the CR of a line's end is not shown. */
function visible(line: string): string {
  const bare = line.endsWith("\r") ? line.slice(0, -1) : line;
  return bare.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\ufffd\u200b-\u200f\u2028-\u202e\u2066-\u2069]/g, "·").replaceAll("\t", "    ");
}

/** Pieces as hex; neighbours of one direction are joined. */
export function streamHex(pieces: readonly StreamPiece[], which: Which): HexPiece[] {
  const out: { look: string; offset: number; parts: Uint8Array[]; words?: string }[] = [];
  for (const piece of pieces) {
    if (which !== "both" && piece.direction !== which) continue;
    const own = look(piece);
    const last = out.at(-1);
    if (piece.gap) out.push({ look: own, offset: piece.offset, parts: [], words: gapWords(piece) });
    else if (last && last.look === own) last.parts.push(fromBase64(piece.bytes));
    else out.push({ look: own, offset: piece.offset, parts: [fromBase64(piece.bytes)] });
  }
  return out.map(({ look: own, offset, parts, words }) => ({ look: own, offset, words, bytes: joined(parts) }));
}

function joined(parts: Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** What is said of a piece when the pointer rests on it. */
export function pieceTitle(piece: StreamPiece): string {
  return `${piece.direction}, ${bytes(piece.length)} at offset ${exact(piece.offset)}\n${piece.time}`;
}
