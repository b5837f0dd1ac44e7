/** What was odd, in sentences: one for each name that the parser may give (`crates/model`, a test compares the lists). */

/** Where an oddity comes from: the recording itself, the connection, the protocol, or the content. */
export type Origin = "recording" | "connection" | "protocol" | "content";

export interface Note {
  origin: Origin;
  /** A few words, as a heading. */
  title: string;
  /** What it means for who reads. */
  words: string;
}

const note = (origin: Origin, title: string, words: string): Note => ({ origin, title, words });

const NOTES: Record<string, Note> = {
  overlap_conflict: note("connection", "Two copies differ", "The same bytes of the stream came twice and were not the same. The first copy was used; what the receiver took may differ."),
  gap: note("recording", "Bytes are missing", "The receiver acknowledged bytes that the recording does not have. What stands behind the gap may be read wrongly, and the capture point probably dropped packets."),
  out_of_window: note("connection", "Segments outside of the window", "Segments lay outside of what the receiver was ready to take. They were ignored, as the receiver ignores them."),
  bad_checksum: note("connection", "Wrong checksums", "Segments had a wrong checksum. They were used only where the other side acknowledged their bytes and no good copy came."),
  syn_data: note("connection", "Data in the SYN", "The first segment already carried data, as with TCP Fast Open. Receivers may treat it in different ways."),
  urgent: note("connection", "Urgent data", "An urgent byte was taken out of the stream, as most receivers do."),
  ttl_anomaly: note("connection", "Another path", "A segment came with another time to live than its neighbours: it went another way, or somebody else sent it."),
  paws: note("connection", "An old segment", "A segment was refused since its timestamp was older than what had come before."),
  desync: note("connection", "Sequence numbers do not fit", "The two sides do not agree on the sequence numbers, so the stream could not be followed without doubt."),
  midstream: note("recording", "Began in the middle", "The connection was open before the recording began: the handshake and what was sent before it are not known."),
  one_sided: note("recording", "Only one direction", "The recording has only one direction of this connection. The other side of each exchange is not known."),
  truncated: note("recording", "Cut by the snap length", "Packets were cut when they were captured, so that their ends are missing. Capture with a larger snap length to see all."),
  incomplete: note("recording", "Ended early", "It ends before it is complete: the connection was closed or the recording stopped in the middle of the message."),
  memcap: note("recording", "A memory limit was reached", "A limit of memory was reached while reading, and a part was given up."),
  bad_timestamp: note("recording", "An impossible time", "The capture says a time that cannot be. Durations and order may be wrong here."),
  ambiguous: note("protocol", "Framing can be read in two ways", "Two honest parsers may disagree on where this message ends. This is how request smuggling works."),
  obs_fold: note("protocol", "A folded header", "A header goes on over more than one line, which HTTP no longer allows. Some receivers join the lines, others refuse."),
  bare_lf: note("protocol", "Lines end with LF alone", "Lines of the head end without CR. Some receivers take it, others do not."),
  bare_cr: note("protocol", "CR inside of a line", "A CR stands alone inside of a line. Receivers may see a line's end there or not."),
  nul: note("protocol", "A NUL byte in the head", "The head holds a NUL byte, which no honest client sends."),
  bad_cl: note("protocol", "Content-Length is no number", "The length of the body is not a plain number, so receivers may disagree on it."),
  dup_cl: note("protocol", "Content-Length twice", "The length of the body is given more than once."),
  te_and_cl: note("protocol", "Two lengths of the body", "Transfer-Encoding and Content-Length stand together. Chunked framing counted; a receiver that takes the other sees another message."),
  bad_chunk: note("protocol", "Broken chunks", "The chunked framing of the body is broken. The body may be incomplete."),
  bad_header: note("protocol", "A header line breaks the grammar", "A header line is not as HTTP wants it, such as a blank in front of the colon."),
  bad_method: note("protocol", "The method is no token", "The method holds letters that methods may not have."),
  bad_version: note("protocol", "An unusual version", "The HTTP version is not one that is usual."),
  bad_status: note("protocol", "A status out of range", "The status is no number from 100 to 599."),
  dup_host: note("protocol", "More than one Host", "There is more than one Host header: proxies and servers may take different ones."),
  no_host: note("protocol", "No Host", "HTTP/1.1 wants a Host header, and there is none."),
  host_mismatch: note("protocol", "Host differs from the target", "The Host header names another host than the target of the request does."),
  header_too_large: note("protocol", "A head over the limit", "The head is larger than the limit; what is beyond it was left out."),
  too_many_headers: note("protocol", "Too many header lines", "There are more header lines than the limit; those beyond it were left out."),
  unsolicited_response: note("protocol", "A response nobody asked for", "A response came without a request for it: the request was not captured, or the server sent it by itself."),
  upgrade: note("protocol", "The protocol changed", "From here on the connection speaks another protocol, such as WebSocket. Stream shows what was said."),
  bad_websocket: note("protocol", "A broken WebSocket frame", "A frame breaks the rules of WebSocket (RFC 6455)."),
  decompress_bomb: note("content", "The body unpacks beyond the limits", "The packed body is far larger when it is unpacked. Unpacking stopped at the limit, and what is shown is the beginning."),
  decompress_error: note("content", "The body does not unpack", "The body is not packed as its headers say. It is shown as far as it could be unpacked."),
  fragment_overlap: note("connection", "IP fragments overlap", "Fragments of an IP packet overlap, which no honest sender does."),
  duplicate_packet: note("recording", "Packets were captured twice", "The same packets are in the recording more than once, as from a mirror port that copies both ways. Copies were not counted."),
};

/** The note for a name; a name that is newer than this page still says itself. */
export function noteOn(name: string): Note {
  return NOTES[name] ?? { origin: "protocol", title: name.replaceAll("_", " "), words: "This oddity is newer than this page: its name is all that is known here." };
}

/** Names that have a note: for the test that compares them with the parser's. */
export const NOTED: readonly string[] = Object.keys(NOTES);

/** Close reasons of a session in words. */
export const CLOSES: Record<string, string> = {
  fin: "closed by both sides",
  reset: "reset",
  idle_timeout: "silent for longer than the limit",
  handshake_timeout: "no answer to the SYN",
  reused: "its ports were taken by a new connection",
  evicted: "given up, since there were too many connections",
  input_end: "the recording ended before",
};
