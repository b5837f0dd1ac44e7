/** Which fields stand beside the list, and how a click on a value changes the filter. */
import type { Schema } from "../api/client.ts";
import { page } from "../lib/page.svelte.ts";
import type { View } from "../lib/url.ts";

/** Those that stand there until somebody chooses; open ones with `+` in front. */
export const FACETS: Record<View, string[]> = {
  http: ["+class", "+status", "+service", "method", "template", "client", "server", "host", "type", "user", "anomaly", "tag", "agent", "vantage", "source"],
  tcp: ["+protocol", "+close", "+server", "port", "client", "anomaly", "sni", "tag", "agent", "vantage", "source"],
  packets: ["+direction", "session", "link_type"],
  logs: ["+level", "+service", "+code", "template", "file", "agent"],
};

/** Kinds whose values nearly every row has to itself. */
const UNFIT = new Set(["instant", "duration", "size", "bytes", "headers", "hash"]);

/** Whether the values of a field can be counted one by one. */
export function countable(field: Schema<"FieldEntry">): boolean {
  return !UNFIT.has(field.kind) && field.name !== "text";
}

/** Click keeps only rows with the value besides what holds already, Ctrl leaves them out, Alt drops all other terms. */
export function choose(filter: string, event: MouseEvent): void {
  if (event.altKey) page.go({ q: filter, drill: null }, "push");
  else page.include(filter, event.ctrlKey || event.metaKey ? "exclude" : "include");
}
