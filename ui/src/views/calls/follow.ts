/** From one call to those that belong to it. */
import { short } from "../../lib/format.ts";
import { term } from "../../lib/term.ts";
import type { Call } from "./rows.ts";

export interface Thread {
  label: string;
  filter: string;
}

/** What a call can be followed by; nothing that all the calls share already. */
export function threads(call: Call | undefined, calls: readonly Call[]): Thread[] {
  if (!call) return [];
  const out: Thread[] = [];
  for (const [key, field, label] of [["request", "request.id", "request id"], ["trace", "trace", "trace"], ["session", "session", "TCP session"]] as const) {
    const value = call[key];
    if (value === "" || calls.every((other) => other[key] === value)) continue;
    out.push({ label: `${label} ${short(value, 14)}`, filter: term(field, value) });
  }
  return out;
}

/** Whether calls belong together: one request id, trace or session is common to all. */
export function together(calls: readonly Call[]): boolean {
  const first = calls[0];
  if (!first) return true;
  return (["request", "trace", "session"] as const).some((key) => first[key] !== "" && calls.every((call) => call[key] === first[key]));
}
