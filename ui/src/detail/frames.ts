/** What the server tells of a session's frames: segments, the stream, a frame's layers. */
import { api, type Schema, wanted } from "../api/client.ts";
import { json } from "./load.svelte.ts";

export type StreamAnswer = Schema<"StreamAnswer">;
/** A piece of a stream; without bytes it is a gap, or a note that bytes were sent again. */
export type StreamPiece = Schema<"StreamPiece">;

/** More segments than this are not fetched at once: nobody looks at them one by one. */
export const SEGMENTS_MAX = 20_000;

export interface Segments {
  segments: Schema<"Segment">[];
  /** Whether there are more than were fetched. */
  more: boolean;
  /** Why there are none. */
  why_not: string | null;
}

/** All segments of a session, page by page. */
export async function fetchSegments(id: string, signal: AbortSignal): Promise<Segments> {
  const out: Schema<"Segment">[] = [];
  let from: number | null = 0;
  let why: string | null = null;
  do {
    const answer: Schema<"SegmentsAnswer"> = await wanted(
      api.GET("/api/v1/sessions/{id}/segments", { params: { path: { id }, query: { from, limit: 10_000 } }, signal }));
    out.push(...answer.segments);
    why = answer.why_not ?? null;
    from = answer.next ?? null;
  } while (from !== null && out.length < SEGMENTS_MAX);
  return { segments: out, more: from !== null, why_not: why };
}

/** A page of a session's stream. The first is small, so that it comes at once; each further one reads the session again. */
export function fetchStream(id: string, from: number, signal: AbortSignal): Promise<StreamAnswer> {
  return wanted(api.GET("/api/v1/sessions/{id}/stream", { params: { path: { id }, query: { from, limit: from === 0 ? 262_144 : 1_048_576 } }, signal }));
}

/** A frame with its layers. */
export function fetchFrame(id: string, number: number, signal: AbortSignal): Promise<Schema<"FrameAnswer">> {
  return wanted(api.GET("/api/v1/sessions/{id}/packets/{number}", { params: { path: { id, number } }, signal }));
}

/** Frames of a session, or of an exchange, page by page. */
export function fetchPackets(address: string, cursor: string | null, signal: AbortSignal): Promise<Schema<"ListPage">> {
  return json(`${address}?limit=500${cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`}`, signal);
}
