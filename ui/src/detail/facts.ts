/** The facts of an exchange and of a session in groups, each with the term that filters by it. Pure. */
import type { Cell } from "../api/client.ts";
import { bytes, cell, day, duration, exact, NOTHING, parseInstant } from "../lib/format.ts";
import { classOf, type Item, micros } from "./item.ts";
import { CLOSES } from "./anomalies.ts";
import { term } from "./terms.ts";

export interface Fact {
  label: string;
  /** As people read it. */
  shown: string;
  /** As it is stored: what is copied. */
  raw: string;
  /** The filter for it; null where there is none. */
  term: string | null;
  /** How it looks. */
  look?: "id" | "mono" | "status" | "class";
  /** A longer word on it. */
  title?: string;
}

export interface FactGroup {
  name: string;
  facts: Fact[];
}

function fact(item: Item, label: string, column: string, field: string, rest: Partial<Fact> = {}): Fact {
  const value = item.value(column);
  const kind = item.columns.find((entry) => entry.name === column)?.kind ?? "text";
  return { label, shown: cell(value, kind, "UTC"), raw: value === null ? "" : String(value), term: term(field, value, kind), ...rest };
}

/** An instant with microseconds in the zone; its filter would be a single nanosecond, which helps nobody. */
function when(item: Item, label: string, column: string, zone: string, origin?: string): Fact {
  const text = item.text(column);
  if (text === "") return { label, shown: NOTHING, raw: "", term: `-${column}:*` };
  const ms = parseInstant(text);
  const since = origin ? Number(item.nanos(column)! - item.nanos(origin)!) : 0;
  const shown = origin ? `${micros(text, zone)}  ${since < 0 ? "−" : "+"}${duration(Math.abs(since))}` : `${day(ms, zone)} ${micros(text, zone)}`;
  return { label, shown, raw: text, term: null, look: "mono" };
}

/** An end of the connection with its port. */
function end(item: Item, label: string, side: "client" | "server"): Fact {
  const [address, port] = [item.text(`${side}.address`), item.text(`${side}.port`)];
  const shown = address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
  const by = side === "client" ? `client:${address}` : `server:${address} port:${port}`;
  return { label, shown, raw: shown, term: address ? by : null, look: "mono" };
}

const has = (facts: Fact[]): Fact[] => facts.filter((each) => each.raw !== "");

export function exchangeFacts(item: Item, zone: string): FactGroup[] {
  const name = classOf(item);
  const length = item.duration;
  const groups: FactGroup[] = [
    { name: "Request", facts: has([
      fact(item, "method", "http.request.method", "method"), fact(item, "host", "http.request.header.host", "host", { look: "mono" }),
      fact(item, "path", "url.path", "path", { look: "mono" }), fact(item, "query", "url.query", "query", { look: "mono" }),
      fact(item, "template", "url.template", "template", { look: "mono", title: "the path with its variable parts replaced" }),
      fact(item, "version", "network.protocol.version", "version"),
      fact(item, "user", "user.name", "user"),
    ]) },
    { name: "Answer", facts: [
      fact(item, "status", "http.response.status_code", "status", { look: "status" }),
      { label: "class", shown: name, raw: name, term: `class:${name}`, look: "class" },
      { label: "duration", shown: duration(length), raw: length === null ? "" : `${length}ns`, term: length === null ? null : `duration:>=${length}ns`, title: "the button lists what took at least as long" },
      ...has([fact(item, "interim", "http.response.interim", "interim"), fact(item, "type", "http.response.header.content-type", "type")]),
    ] },
    { name: "Who", facts: has([
      fact(item, "service", "service", "service"), end(item, "client", "client"), end(item, "server", "server"),
      fact(item, "origin", "origin.address", "origin", { look: "mono", title: "who asked first, by X-Forwarded-For or Forwarded" }),
      fact(item, "agent", "agent", "agent"), fact(item, "vantage", "vantage", "vantage"), fact(item, "tags", "tags", "tag"),
    ]) },
    { name: "When", facts: has([
      when(item, "start", "start", zone), when(item, "request end", "request.end", zone, "start"),
      when(item, "response", "response.start", zone, "start"), when(item, "end", "end", zone, "start"),
    ]) },
    { name: "Sizes", facts: has([
      fact(item, "request", "http.request.size", "request.size", { title: "head and body on the wire" }),
      fact(item, "its body", "http.request.body.size", "request.body.size"), unpacked(item, "request"),
      fact(item, "response", "http.response.size", "size", { title: "head and body on the wire" }),
      fact(item, "its body", "http.response.body.size", "response.body.size"), unpacked(item, "response"),
    ]) },
    { name: "Ids", facts: has([
      fact(item, "exchange", "id", "id", { look: "id" }), fact(item, "session", "tcp.session", "session", { look: "id" }),
      fact(item, "request id", "request.id", "request.id", { look: "id" }), fact(item, "trace", "trace.id", "trace", { look: "id" }),
      fact(item, "source", "source", "source", { look: "id", title: "the agent, or the hash of the capture file" }),
      fact(item, "wire key", "wire.key", "wire.key", { look: "id", title: "equal for all who saw the same exchange" }),
    ]) },
  ];
  return groups.filter((group) => group.facts.length > 0);
}

function unpacked(item: Item, side: "request" | "response"): Fact {
  const [size, decoded] = [item.number(`http.${side}.body.size`), item.number(`http.${side}.body.decoded_size`)];
  if (decoded === null || decoded === size) return { label: "unpacked", shown: "", raw: "", term: null };
  return fact(item, "unpacked", `http.${side}.body.decoded_size`, `${side}.body.decoded_size`, { title: "after content decoding" });
}

export function sessionFacts(item: Item, zone: string): FactGroup[] {
  const close = item.text("tcp.close");
  const length = item.duration;
  return [
    { name: "Connection", facts: has([
      end(item, "client", "client"), end(item, "server", "server"),
      fact(item, "close", "tcp.close", "close", { shown: CLOSES[close] ?? (close || "still open") }),
      fact(item, "protocol", "network.protocol.name", "protocol"), fact(item, "server name", "tls.server_name", "sni"),
      fact(item, "exchanges", "exchanges", "exchanges", { shown: exact(item.number("exchanges")) }),
      ...(item.number("network.id") ? [fact(item, "network", "network.id", "network")] : []), fact(item, "agent", "agent", "agent"), fact(item, "tags", "tags", "tag"),
    ]) },
    { name: "Time", facts: has([
      when(item, "first", "start", zone), when(item, "established", "established", zone, "start"), when(item, "last", "end", zone, "start"),
      { label: "duration", shown: duration(length), raw: length === null ? "" : `${length}ns`, term: length === null ? null : `duration:>=${length}ns` },
      fact(item, "RTT", "tcp.rtt", "rtt", { term: item.number("tcp.rtt") === null ? null : `rtt:>=${item.number("tcp.rtt")}ns`, title: "SYN to the ACK of the handshake" }),
      fact(item, "session", "id", "id", { look: "id" }),
      fact(item, "frames kept", "packets.kept", "kept", { shown: exact(item.number("packets.kept")) }),
    ]) },
  ];
}

/** A number of both directions, side by side. */
export interface BothWays {
  label: string;
  title: string;
  client: string;
  server: string;
  /** Worth a look when it is not zero. */
  odd: boolean;
  /** Nothing of it in both directions: said in one line with others. */
  quiet: boolean;
  field: string;
}

export function directions(item: Item): BothWays[] {
  const rows: [string, string, string, "count" | "bytes" | "odd" | "odd bytes"][] = [
    ["packets", "segments", "segments", "count"],
    ["bytes", "payload sent", "payload bytes in these segments", "bytes"],
    ["payload", "payload delivered", "payload bytes in order, each once", "bytes"],
    ["missing", "missing", "payload bytes never captured", "odd bytes"],
    ["retransmitted", "retransmitted", "segments that carried bytes seen before", "odd"],
    ["reordered", "reordered", "segments that came before an earlier one", "odd"],
    ["overlapped", "overlapped", "segments that overlapped others only in part", "odd"],
    ["duplicate_acks", "duplicate ACKs", "repeated acknowledgements without payload", "odd"],
    ["zero_windows", "zero windows", "segments that announced a window of zero: the receiver could take no more", "odd"],
  ];
  const out = rows.map(([name, label, title, kind]): BothWays => {
    const of = (side: string): Cell => item.value(`tcp.${side}.${name}`);
    const shown = (value: Cell) => (typeof value !== "number" ? NOTHING : kind.endsWith("bytes") ? bytes(value) : exact(value));
    const odd = kind.startsWith("odd") && (Number(of("client")) > 0 || Number(of("server")) > 0);
    return { label, title, client: shown(of("client")), server: shown(of("server")), odd, quiet: kind.startsWith("odd") && !odd, field: name };
  });
  const rtt = (side: string) => {
    const [sum, count] = [item.number(`tcp.${side}.rtt_sum`), item.number(`tcp.${side}.rtt_count`)];
    return count ? `${duration(item.number(`tcp.${side}.rtt_min`))} / ${duration((sum ?? 0) / count)}` : NOTHING;
  };
  out.push({ label: "to its ACK", title: "from a segment to its acknowledgement, at the capture point: least / mean", client: rtt("client"), server: rtt("server"), odd: false, quiet: false, field: "" });
  return out;
}
