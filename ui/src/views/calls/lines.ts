/** Calls as lines of a table: the twin of sequence and waterfall. */
import type { Column, Line } from "../parts/table.ts";
import { type Call, clockOf, endOf } from "./rows.ts";

export const CALL_COLUMNS: Column[] = [
  { key: "start", label: "Start", kind: "text" }, { key: "from", label: "Caller", kind: "text" }, { key: "to", label: "Service", kind: "text" },
  { key: "method", label: "Method", kind: "text" }, { key: "path", label: "Path", kind: "text" }, { key: "status", label: "Status", kind: "text" },
  { key: "request", label: "Request", kind: "duration" }, { key: "wait", label: "Wait", kind: "duration" },
  { key: "response", label: "Response", kind: "duration" }, { key: "all", label: "In all", kind: "duration", bar: true },
];

/** A line for each call; `names` tells who is shown as caller and service. */
export function callLines(calls: readonly Call[], base: number, zone: string, names?: (at: number) => [string, string]): Line[] {
  const between = (from: number | null, to: number | null) => (from === null || to === null ? null : to - from);
  return calls.map((call, at) => {
    const [from, to] = names?.(at) ?? [call.client, call.service];
    return {
      id: call.id,
      cells: {
        start: clockOf(base, call.start, zone), from, to, method: call.method, path: call.path,
        status: call.status === null ? "no answer" : String(call.status), request: between(call.start, call.sent),
        wait: between(call.sent, call.answer), response: between(call.answer, call.end), all: endOf(call) - call.start,
      },
    };
  });
}
