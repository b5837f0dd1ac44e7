/** What the server tells of a session's frames: segments, the stream, a frame's layers. */
import type { Schema } from "../api/client.ts";
import { json } from "./load.svelte.ts";
import type { SegmentAnswer } from "./segments.ts";

/** More segments than this are not fetched at once: nobody looks at them one by one. */
export const SEGMENTS_MAX = 20_000;

export interface Segments {
  segments: SegmentAnswer[];
  /** Whether there are more than were fetched. */
  more: boolean;
  /** Why there are none. */
  why_not: string | null;
}

/** All segments of a session, page by page. */
export async function fetchSegments(session: string, signal: AbortSignal): Promise<Segments> {
  const out: SegmentAnswer[] = [];
  let from: number | null = 0;
  let why: string | null = null;
  do {
    const answer: { segments: SegmentAnswer[]; next?: number | null; why_not?: string | null } = await json(
      `/api/v1/sessions/${encodeURIComponent(session)}/segments?limit=10000&from=${from}`, signal);
    out.push(...answer.segments);
    why = answer.why_not ?? null;
    from = answer.next ?? null;
  } while (from !== null && out.length < SEGMENTS_MAX);
  return { segments: out, more: from !== null, why_not: why };
}

/** A piece of a stream, in the order in which it was captured. */
export interface StreamPiece {
  direction: string;
  time: string;
  offset: number;
  length: number;
  /** Base64; empty in a gap, and for what was sent again. */
  bytes: string;
  gap: boolean;
  /** Bytes that were there before: a note, not a part of the stream. */
  retransmitted: boolean;
}

export interface StreamAnswer {
  complete: boolean;
  why_not: string | null;
  /** All in all; null where sessions are not kept. */
  client: { bytes: number | null };
  server: { bytes: number | null };
  pieces: StreamPiece[];
  next?: number | null;
}

/** A page of a session's stream. */
export function fetchStream(session: string, from: number, signal: AbortSignal): Promise<StreamAnswer> {
  // The first page is small, so that it comes at once; each further one reads the session again.
  return json(`/api/v1/sessions/${encodeURIComponent(session)}/stream?from=${from}&limit=${from === 0 ? 262_144 : 1_048_576}`, signal);
}

export interface LayerField {
  name: string;
  value: string;
  /** Its bytes in the frame; equal when it has none of its own. */
  start: number;
  end: number;
}

export interface Layer {
  name: string;
  summary: string;
  start: number;
  end: number;
  fields: LayerField[];
}

export interface FrameAnswer {
  number: number;
  time: string;
  direction: string;
  length: number;
  /** Bytes that are stored. */
  kept: number;
  /** Base64: they, or without the right to full packets those of the headers. */
  bytes: string;
  layers: Layer[];
}

/** A frame with its layers. */
export function fetchFrame(session: string, number: number, signal: AbortSignal): Promise<FrameAnswer> {
  return json(`/api/v1/sessions/${encodeURIComponent(session)}/packets/${number}`, signal);
}

/** Frames of a session, or of an exchange, page by page. */
export function fetchPackets(address: string, cursor: string | null, signal: AbortSignal): Promise<Schema<"ListPage">> {
  return json(`${address}?limit=500${cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`}`, signal);
}
