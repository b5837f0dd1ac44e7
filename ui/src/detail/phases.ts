/** An exchange cut into phases: connect, idle, request, wait, response. Pure. */
import { between, type Item } from "./item.ts";

export type PhaseName = "connect" | "idle" | "request" | "wait" | "response";

export interface Phase {
  name: PhaseName;
  /** Nanoseconds from the beginning of the first phase. */
  from: number;
  /** Nanoseconds; null when it is not known. */
  length: number | null;
  /** What must be said about it. */
  note: string;
}

export interface Frieze {
  phases: Phase[];
  /** Nanoseconds from the first to the last phase, as far as they are known. */
  whole: number;
  /** Nanoseconds of the exchange itself, without connect and idle. */
  own: number | null;
  /** What is missing, in words. */
  missing: string[];
}

/** What a phase is, in words. */
export const PHASE_WORDS: Record<PhaseName, string> = {
  connect: "the TCP handshake, from the first SYN to its end",
  idle: "nothing was sent: the connection stood ready",
  request: "the request, from its first to its last byte",
  wait: "from the request's last byte to the first byte of the response: how long the server thought",
  response: "the response, from its first to its last byte",
};

/** The phases of an exchange; `session` adds the handshake where this is the connection's first exchange. */
export function frieze(item: Item, session: Item | null, first: boolean): Frieze {
  const [start, requestEnd, responseStart, end] = ["start", "request.end", "response.start", "end"].map((name) => item.nanos(name));
  const missing: string[] = [];
  const phases: Phase[] = [];
  let at = 0;
  const add = (name: PhaseName, length: number | null, note = "") => {
    phases.push({ name, from: at, length, note });
    at += Math.max(length ?? 0, 0);
  };
  if (session && first) connect(session, start ?? null, add, missing);
  const before = at;
  const hasRequest = item.value("http.request.method") !== null;
  const hasResponse = item.value("http.response.status_code") !== null;
  if (!hasRequest) missing.push("The request was not captured, so when it was sent and how long the server thought are not known.");
  else {
    const sending = between(start ?? null, requestEnd ?? null);
    add("request", sending, sending === 0 ? "in one segment" : sending === null ? "its end was not seen" : "");
  }
  const waited = hasRequest && hasResponse ? between(requestEnd ?? start ?? null, responseStart ?? null) : null;
  if (waited !== null) add("wait", Math.max(waited, 0), waited < 0 ? "the answer began before the request was complete" : "");
  if (hasResponse) {
    const receiving = between(responseStart ?? null, end ?? null);
    add("response", receiving, receiving === 0 ? "in one segment" : receiving === null ? "its end was not seen" : "");
  } else {
    missing.push(item.value("provisional") === true ? "No answer yet: it was still open when it was recorded last." : "No answer was seen.");
  }
  return { phases, whole: at, own: hasRequest || hasResponse ? at - before : null, missing };
}

function connect(session: Item, start: bigint | null, add: (name: PhaseName, length: number | null, note?: string) => void, missing: string[]): void {
  if (session.value("tcp.syn_seen") === false) {
    missing.push("The handshake was not captured.");
    return;
  }
  const shook = between(session.nanos("start"), session.nanos("established"));
  if (shook === null) {
    missing.push("The handshake did not end.");
    return;
  }
  add("connect", shook);
  const idle = between(session.nanos("established"), start);
  // Less than this is the client's own work between connect and send.
  if (idle !== null && idle > 0) add("idle", idle, "from the handshake to the request");
}

/** How a request without an answer ended, by its connection; empty when that says nothing. */
export function ending(item: Item, session: Item | null, write: (ns: number) => string): string {
  if (item.value("http.response.status_code") !== null || item.value("provisional") === true) return "";
  const after = session ? between(item.nanos("request.end") ?? item.nanos("start"), session.nanos("end")) : null;
  if (!session || after === null) return "No answer was seen.";
  const how: Record<string, string> = {
    reset: "was reset", fin: "was closed", idle_timeout: "fell silent", input_end: "was still open when the recording ended", reused: "gave way to a new one on the same ports",
  };
  const words = how[session.text("tcp.close")] ?? "ended";
  return `No answer was seen. The connection ${words}; its last packet came ${after <= 0 ? "with the request" : `${write(after)} after the request`}.`;
}

/** Widths that add up to 1; what lasts but would vanish keeps `least`, and what is unknown takes no room. */
export function widths(phases: readonly Phase[], least = 0.008): number[] {
  const lengths = phases.map((phase) => Math.max(phase.length ?? 0, 0));
  const sum = lengths.reduce((a, b) => a + b, 0);
  if (sum === 0) return lengths.map(() => 0);
  const shares = lengths.map((length) => (length === 0 ? 0 : Math.max(length / sum, least)));
  const all = shares.reduce((a, b) => a + b, 0);
  return shares.map((share) => share / all);
}

/** Why it took so long, in sentences, the heaviest first; empty when nothing is known. */
export function reasons(item: Item, of: Frieze, write: { duration: (ns: number) => string; percent: (share: number) => string; bytes: (n: number) => string }): string[] {
  const whole = of.phases.filter((phase) => phase.name !== "connect" && phase.name !== "idle").reduce((sum, phase) => sum + (phase.length ?? 0), 0);
  if (whole === 0) return [];
  const out: [number, string][] = [];
  const length = (name: PhaseName) => of.phases.find((phase) => phase.name === name)?.length ?? 0;
  const share = (ns: number) => `${write.duration(ns)} = ${write.percent(ns / whole)}`;
  const wait = length("wait");
  if (wait > 0) out.push([wait, `The server thought for ${share(wait)} of the time.`]);
  const response = length("response");
  const size = item.number("http.response.size") ?? 0;
  if (response > 0) {
    const speed = size > 0 && response > 1e6 ? `: ${write.bytes(size)} at ${write.bytes(Math.round(size / (response / 1e9)))}/s` : "";
    out.push([response, `Receiving took ${share(response)}${speed}.`]);
  }
  const request = length("request");
  if (request > 0) out.push([request, `Sending took ${share(request)}.`]);
  const again = item.number("tcp.retransmissions") ?? 0;
  if (again > 0) out.push([whole / 3, again === 1 ? "One segment was sent again meanwhile: the network lost or delayed it." : `${again} segments were sent again meanwhile: the network lost or delayed them.`]);
  const rtt = item.number("tcp.rtt");
  if (rtt !== null && rtt > whole * 0.2 && rtt > 5e6) out.push([rtt, `A round trip on this connection takes ${write.duration(rtt)}, so the distance is a good part of it.`]);
  const connect = length("connect");
  if (connect > whole * 0.2) out.push([connect, `Connecting took ${write.duration(connect)} before that.`]);
  return out.sort((a, b) => b[0] - a[0]).map(([, words]) => words);
}
