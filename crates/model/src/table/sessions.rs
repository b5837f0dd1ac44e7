//! The table `tcp_sessions`.

use super::table;

table! {
    /// A TCP connection as it is stored.
    SessionRow as "tcp_sessions" version 1;
    order first, id;
    start first;
    end last;
    id id;
    blooms id;
    texts server_name;

    id: String = Id "id" "id" "48 bits of milliseconds and 80 bits of hash(source, number of the first packet)";
    first: i64 = Instant "start" "start" "first packet";
    last: Option<i64> = Instant "end" "end" "last packet; null while it lives";
    established: Option<i64> = Instant "established" "established" "end of the handshake";
    source: String = Label "source" "source" "the agent, or the content hash of the capture file";
    agent: String = Label "agent" "agent" "name of the agent or of the host that a capture was made on";
    vantage: Option<String> = Label "vantage" "vantage" "where the capture was made: client, server or between";
    network: u32 = Integer "network.id" "network_id" "VXLAN or Geneve network, 0 for none";
    client_address: String = Address "client.address" "client_address" "address of who opened it";
    client_port: u16 = Integer "client.port" "client_port" "port of who opened it";
    server_address: String = Address "server.address" "server_address" "address of the other";
    server_port: u16 = Integer "server.port" "server_port" "port of the other";
    close: String = Label "tcp.close" "tcp_close" "why it ended";
    syn_seen: bool = Flag "tcp.syn_seen" "tcp_syn_seen" "whether the SYN was captured";
    protocol: String = Label "network.protocol.name" "network_protocol_name" "what it speaks, found by content";
    server_name: Option<String> = Label "tls.server_name" "tls_server_name" "server name indication of TLS";
    exchanges: u64 = Integer "exchanges" "exchanges" "exchanges found";
    rtt: Option<u64> = Duration "tcp.rtt" "tcp_rtt" "SYN to the ACK of the handshake";
    anomalies: Option<String> = Words "anomalies" "anomalies" "names of what was odd";
    kept_packets: u64 = Integer "packets.kept" "packets_kept" "frames stored of it";
    tags: Option<String> = Words "tags" "tags" "words given at import";
    client_packets: u64 = Integer "tcp.client.packets" "tcp_client_packets" "client to server: segments";
    client_bytes: u64 = Size "tcp.client.bytes" "tcp_client_bytes" "client to server: payload bytes in these segments";
    client_payload: u64 = Size "tcp.client.payload" "tcp_client_payload" "client to server: payload bytes delivered in order";
    client_retransmitted: u64 = Integer "tcp.client.retransmitted" "tcp_client_retransmitted" "client to server: segments that carried bytes seen before";
    client_reordered: u64 = Integer "tcp.client.reordered" "tcp_client_reordered" "client to server: segments that came before an earlier one";
    client_overlapped: u64 = Integer "tcp.client.overlapped" "tcp_client_overlapped" "client to server: segments that overlapped others only in part";
    client_missing: u64 = Size "tcp.client.missing" "tcp_client_missing" "client to server: payload bytes never captured";
    client_duplicate_acks: u64 = Integer "tcp.client.duplicate_acks" "tcp_client_duplicate_acks" "client to server: repeated acknowledgements without payload";
    client_zero_windows: u64 = Integer "tcp.client.zero_windows" "tcp_client_zero_windows" "client to server: segments that announced a zero window";
    client_rtt_min: Option<u64> = Duration "tcp.client.rtt_min" "tcp_client_rtt_min" "client to server: smallest time from a segment to its acknowledgement, at the capture point";
    client_rtt_sum: u64 = Duration "tcp.client.rtt_sum" "tcp_client_rtt_sum" "client to server: sum of these times";
    client_rtt_count: u64 = Integer "tcp.client.rtt_count" "tcp_client_rtt_count" "client to server: number of these times";
    server_packets: u64 = Integer "tcp.server.packets" "tcp_server_packets" "server to client: segments";
    server_bytes: u64 = Size "tcp.server.bytes" "tcp_server_bytes" "server to client: payload bytes in these segments";
    server_payload: u64 = Size "tcp.server.payload" "tcp_server_payload" "server to client: payload bytes delivered in order";
    server_retransmitted: u64 = Integer "tcp.server.retransmitted" "tcp_server_retransmitted" "server to client: segments that carried bytes seen before";
    server_reordered: u64 = Integer "tcp.server.reordered" "tcp_server_reordered" "server to client: segments that came before an earlier one";
    server_overlapped: u64 = Integer "tcp.server.overlapped" "tcp_server_overlapped" "server to client: segments that overlapped others only in part";
    server_missing: u64 = Size "tcp.server.missing" "tcp_server_missing" "server to client: payload bytes never captured";
    server_duplicate_acks: u64 = Integer "tcp.server.duplicate_acks" "tcp_server_duplicate_acks" "server to client: repeated acknowledgements without payload";
    server_zero_windows: u64 = Integer "tcp.server.zero_windows" "tcp_server_zero_windows" "server to client: segments that announced a zero window";
    server_rtt_min: Option<u64> = Duration "tcp.server.rtt_min" "tcp_server_rtt_min" "server to client: smallest time from a segment to its acknowledgement, at the capture point";
    server_rtt_sum: u64 = Duration "tcp.server.rtt_sum" "tcp_server_rtt_sum" "server to client: sum of these times";
    server_rtt_count: u64 = Integer "tcp.server.rtt_count" "tcp_server_rtt_count" "server to client: number of these times";
}
