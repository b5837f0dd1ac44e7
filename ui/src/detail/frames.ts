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
}

/** All segments of a session, page by page. */
export async function fetchSegments(session: string, signal: AbortSignal): Promise<Segments> {
  const out: SegmentAnswer[] = [];
  let cursor: string | null = null;
  do {
    const place: string = cursor === null ? "" : `?cursor=${encodeURIComponent(cursor)}`;
    const answer: { segments: SegmentAnswer[]; next?: string | null } = await json(`/api/v1/sessions/${encodeURIComponent(session)}/segments${place}`, signal);
    out.push(...answer.segments);
    cursor = answer.next ?? null;
  } while (cursor !== null && out.length < SEGMENTS_MAX);
  return { segments: out, more: cursor !== null };
}

/** A piece of a stream, in the order in which it was captured. */
export interface StreamPiece {
  direction: string;
  time: string;
  offset: number;
  length: number;
  /** Base64; empty in a gap. */
  bytes: string;
  gap: boolean;
  retransmitted: boolean;
}

export interface StreamAnswer {
  complete: boolean;
  why_not: string | null;
  client: { bytes: number };
  server: { bytes: number };
  pieces: StreamPiece[];
  next?: string | number | null;
}

/** A page of a session's stream. */
export function fetchStream(session: string, from: string | null, signal: AbortSignal): Promise<StreamAnswer> {
  const place = from === null ? "" : `?from=${encodeURIComponent(from)}`;
  return json(`/api/v1/sessions/${encodeURIComponent(session)}/stream${place}`, signal);
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
  /** Base64: what is stored of it. */
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
