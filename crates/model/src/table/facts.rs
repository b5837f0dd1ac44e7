//! The tables beside exchanges and sessions: `packets`, `bodies`, `capture_quality`, `hosts`.

use super::table;

table! {
    /// A frame of a session, where packets are kept.
    PacketRow as "packets" version 1;
    order session, time, number;
    start time;
    blooms session;
    texts ;

    session: String = Id "tcp.session" "tcp_session" "id of its TCP session";
    time: i64 = Instant "start" "start" "when it was captured";
    number: u64 = Integer "packet.number" "packet_number" "its place in the source, from 1";
    direction: String = Label "direction" "direction" "client or server: who sent it";
    link_type: u32 = Integer "link_type" "link_type" "link type of the frame, a number of the pcap registry";
    length: u64 = Size "packet.length" "packet_length" "bytes on the wire";
    bytes: Vec<u8> = Bytes "packet.bytes" "packet_bytes" "the frame from its link header on; cut behind the TCP header unless full packets are kept";
}

table! {
    /// A body, decoded and redacted, where bodies are kept.
    BodyRow as "bodies" version 1;
    order exchange, direction;
    start time;
    blooms exchange;
    texts ;

    exchange: String = Id "exchange.id" "exchange_id" "id of its exchange";
    time: i64 = Instant "start" "start" "start of its exchange";
    direction: String = Label "direction" "direction" "request or response";
    content_type: Option<String> = Label "content_type" "content_type" "media type as sent";
    size: u64 = Size "body.size" "body_size" "bytes after de-chunking, before content decoding";
    decoded_size: Option<u64> = Size "body.decoded_size" "body_decoded_size" "bytes after content decoding";
    bytes: Vec<u8> = Bytes "body.bytes" "body_bytes" "decoded and redacted, up to the cap";
    cut: bool = Flag "body.cut" "body_cut" "whether bytes lacks the end of the body";
    withheld: Option<String> = Label "body.withheld" "body_withheld" "why bytes is empty though the body was seen";
}

table! {
    /// A count of a stage in a minute, made by the parser itself, whatever else is stored.
    ///
    /// For each minute, source and stage: in = out + sum of dropped + change of in_flight. The stages records and spool are told
    /// only where something was dropped, as what came in and what was dropped. A minute may be told in parts, which add up.
    QualityRow as "capture_quality" version 1;
    order minute, stage, count, source, reason;
    start minute;
    blooms ;
    texts ;

    minute: i64 = Instant "start" "start" "start of the minute, by packet time";
    source: String = Label "source" "source" "the agent, or the content hash of the capture file";
    agent: String = Label "agent" "agent" "name of the agent or of the host that a capture was made on";
    stage: String = Label "stage" "stage" "packets, segments, bytes, sessions, exchanges; of agents also kernel, bodies, records, spool and capture";
    count: String = Label "count" "count" "in, out, dropped, in_flight (at the end of the minute), lost (never captured), shortened, cut, unaccounted (nanoseconds), or anomaly";
    reason: Option<String> = Label "reason" "reason" "the drop reason, or the anomaly's name";
    value: u64 = Integer "value" "value" "how many";
}

impl QualityRow {
    /// What `agent` counted in the minute of `at`, nanoseconds since the Unix epoch: stage, count, reason and value. The agent is the
    /// source too; where a file is that, its name goes in its place.
    #[must_use]
    pub fn of_agent(at: i64, agent: &str, (stage, count, reason, value): (&str, &str, Option<&str>, u64)) -> Self {
        Self {
            minute: at.saturating_sub(at.rem_euclid(60_000_000_000)),
            source: agent.to_owned(),
            agent: agent.to_owned(),
            stage: stage.to_owned(),
            count: count.to_owned(),
            reason: reason.map(str::to_owned),
            value,
        }
    }
}

table! {
    /// A name of an address.
    HostRow as "hosts" version 1;
    order first, address, network, source, kind, name;
    start first;
    end last;
    blooms ;
    texts name;

    address: String = Address "host.address" "host_address" "the address";
    name: String = Label "host.name" "host_name" "its name";
    first: i64 = Instant "start" "start" "first seen";
    last: Option<i64> = Instant "end" "end" "last seen";
    network: u32 = Integer "network.id" "network_id" "VXLAN or Geneve network, 0 for none";
    source: String = Label "source" "source" "the agent, or the content hash of the capture file";
    kind: String = Label "host.source" "host_source" "where the name comes from: capture (name resolution block), header (Host), dns (an answer that passed by) or reverse (looked up by the agent)";
}
