/** The API, typed by the server's own document (`npm run types` renews `schema.d.ts`). */
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.d.ts";

/** A named shape of the API. */
export type Schema<Name extends keyof components["schemas"]> = components["schemas"][Name];
export type Cell = null | boolean | number | string;

/** Calls one route; see `ask.svelte.ts` for questions about rows. */
export const api = createClient<paths>({ baseUrl: "/", fetch: (request) => fetch(request) });

/** What went wrong, in the server's words (RFC 9457) or ours. */
export class Failure extends Error {
  /** The stable code: `filter_invalid`, `too_broad`, `offline` … */
  readonly code: string;
  readonly status: number;
  /** The part of the request that is wrong; empty where none is named. */
  readonly field: string;
  /** Mistakes in a filter, with their places in bytes. */
  readonly mistakes: Schema<"Mistake">[];

  /** The asker has not the right. */
  get refused(): boolean {
    return this.code === "not-permitted";
  }
  /** What concerns the whole page: it is said once, and panels keep silent. */
  get common(): boolean {
    return this.refused || this.code === "offline" || this.code === "bad-filter";
  }

  constructor(problem: { code?: string; title?: string; detail?: string; status?: number; field?: string | null; diagnostics?: Schema<"Mistake">[] }) {
    super(problem.detail || problem.title || "the request failed");
    this.code = problem.code ?? "unknown";
    this.status = problem.status ?? 0;
    this.field = problem.field ?? "";
    this.mistakes = problem.diagnostics ?? [];
  }
}

/** The server could not be reached. */
export function offline(): Failure {
  return new Failure({ code: "offline", title: "The server does not answer." });
}

/** Gives the answer, or throws a {@link Failure}. */
export async function wanted<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  let result: { data?: T; error?: unknown; response: Response };
  try {
    result = await call;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw offline();
  }
  if (result.data !== undefined) return result.data;
  // Nothing to tell is an answer (204), typed as such by the route.
  if (result.response.status === 204) return undefined as T;
  throw new Failure({ status: result.response.status, ...(typeof result.error === "object" ? result.error : {}) });
}

/** Throws a {@link Failure} unless a plain `fetch` went well. */
export async function checked(call: Promise<Response>): Promise<Response> {
  const response = await call.catch((error: unknown) => {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw offline();
  });
  if (response.ok) return response;
  const problem: unknown = await response.json().catch(() => ({}));
  throw new Failure({ status: response.status, ...(typeof problem === "object" ? problem : {}) });
}
