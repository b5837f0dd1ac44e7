/** Segments of a session as the ladder shows them. Pure. */
import type { Cell, Schema } from "../api/client.ts";
import { bytes } from "../lib/format.ts";
import { between, nanos } from "./item.ts";

export type Direction = "client" | "server";

export interface Segment {
  number: number;
  time: string;
  /** Nanoseconds since the first segment. */
  at: number;
  direction: Direction;
  /** Relative to the first of its direction. */
  seq: number;
  ack: number | null;
  length: number;
  /** `SYN ACK`, in capitals. */
  flags: string;
  window: number | null;
  retransmitted: boolean;
  /** What is worth a look, in words. */
  marks: string[];
  /** Bytes between what came before and this one that were not captured. */
  gap: number;
}

const WORDS = [
  ["retransmitted", "retransmitted"], ["out_of_order", "out of order"], ["duplicate_ack", "duplicate ACK"], ["keep_alive", "keep-alive"],
  ["zero_window", "zero window"], ["duplicate_packet", "captured twice"], ["bad_checksum", "wrong checksum"],
] as const;

/** Reads segments and finds what is worth a look: gaps and resets. */
export function segments(answers: readonly Schema<"Segment">[]): Segment[] {
  const first = answers.length > 0 ? nanos(answers[0]!.time) : null;
  const reached: Record<Direction, number | null> = { client: null, server: null };
  return answers.map((answer) => {
    const direction: Direction = answer.direction === "server" ? "server" : "client";
    const seq = answer.sequence ?? 0;
    const flags = answer.flags.map((flag) => flag.toUpperCase()).join(" ");
    const before = reached[direction];
    const gap = before !== null && answer.length > 0 && seq > before ? seq - before : 0;
    // SYN and FIN take a number of their own.
    const behind = seq + answer.length + (/\b(SYN|FIN)\b/.test(flags) ? 1 : 0);
    reached[direction] = Math.max(before ?? 0, behind);
    const marks: string[] = [];
    for (const [name, words] of WORDS) if (answer[name]) marks.push(words);
    if (gap > 0) marks.push(`${bytes(gap)} not seen before it`);
    if (/\bRST\b/.test(flags)) marks.push("reset");
    return {
      number: answer.number, time: answer.time, at: between(first, nanos(answer.time)) ?? 0, direction, seq, ack: answer.acknowledgement ?? null,
      length: answer.length, flags, window: answer.window, retransmitted: answer.retransmitted, marks, gap,
    };
  });
}

/** What stands at the arrow of a segment. */
export function arrowText(segment: Segment): string {
  const flags = segment.flags.replace(/\b(PSH|ACK)\b ?/g, "").trim();
  const parts = [];
  if (flags) parts.push(flags);
  if (segment.length > 0) parts.push(bytes(segment.length));
  else if (!flags) parts.push(segment.ack === null ? "empty" : `ACK ${segment.ack}`);
  return parts.join(" · ");
}

/** All that is known of a segment, as lines for a tooltip. */
export function told(segment: Segment, exact: (value: number) => string): [string, string][] {
  const out: [string, string][] = [
    ["frame", exact(segment.number)], ["from", segment.direction], ["flags", segment.flags || "none"],
    ["sequence", segment.length > 0 ? `${exact(segment.seq)} to ${exact(segment.seq + segment.length)}` : exact(segment.seq)],
  ];
  if (segment.ack !== null) out.push(["acknowledges", exact(segment.ack)]);
  out.push(["payload", `${exact(segment.length)} B`]);
  if (segment.window !== null) out.push(["window", exact(segment.window)]);
  if (segment.marks.length > 0) out.push(["note", segment.marks.join(", ")]);
  return out;
}

/** A column of an answer by name, so that lists of rows can be read without counting columns. */
export function column(columns: readonly { name: string }[], row: readonly Cell[], name: string): Cell {
  const at = columns.findIndex((entry) => entry.name === name);
  return at < 0 ? null : (row[at] ?? null);
}
