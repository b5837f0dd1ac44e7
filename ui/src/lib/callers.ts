/** Tells the server how long calls of its API took in this browser: the series `arachne.http.client.duration`. Loaded when the page is at rest. */
import { api } from "../api/client.ts";

/** How often it is told. */
const EVERY_MS = 30_000;
/** Calls that are told at once; of more the newest are. */
export const CALLS_MAX = 256;
/** Longer ones are streams that somebody left open. */
const LONGEST_MS = 3_600_000;
const TOLD = "/api/v1/timings";

export interface Call {
  path: string;
  duration_ns: number;
}

/** What of the browser's records are calls of the API that were answered. */
export function calls(entries: readonly { name: string; duration: number; responseStatus?: number }[], origin: string): Call[] {
  return entries.flatMap(({ name, duration, responseStatus }) => {
    if (!name.startsWith(`${origin}/api/v1/`) || responseStatus === 0 || duration > LONGEST_MS) return [];
    const path = name.slice(origin.length).split(/[?#]/, 1)[0]!;
    // What tells must not tell of itself. Paths that the server does not know are none of its routes.
    return path === TOLD || (responseStatus ?? 200) === 404 ? [] : [{ path, duration_ns: Math.max(0, Math.round(duration * 1e6)) }];
  });
}

/** Begins; it ends with the page. */
export function tellCalls(): void {
  let waiting: Call[] = [];
  const observer = new PerformanceObserver((list) => {
    waiting = [...waiting, ...calls(list.getEntries() as PerformanceResourceTiming[], location.origin)].slice(-CALLS_MAX);
  });
  observer.observe({ type: "resource", buffered: true });
  const timer = setInterval(() => {
    if (waiting.length === 0 || document.hidden) return;
    const told = waiting;
    waiting = [];
    // A server that does not want it, or is gone, is not asked again: nothing depends on it.
    const stop = () => (clearInterval(timer), observer.disconnect());
    api.POST(TOLD, { body: { calls: told } }).then(({ response }) => response.ok || stop(), stop);
  }, EVERY_MS);
}
