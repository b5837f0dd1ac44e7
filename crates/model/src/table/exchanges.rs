//! The table `exchanges`.

use super::table;

table! {
    /// A request with its response, or either alone, as it is stored.
    ///
    /// Text is valid UTF-8 with U+FFFD for what was not. Secrets were replaced before a row is made (law 8).
    ExchangeRow as "exchanges" version 1;
    order start, id;
    start start;
    end end;
    id id;
    blooms id, session, trace_id, request_id, wire_key;
    texts path, query, request_headers, response_headers;

    id: String = Id "id" "id" "48 bits of milliseconds and 80 bits of hash(source, wire key), 26 characters of Crockford base32";
    start: i64 = Instant "start" "start" "first byte of the request, or of the response where that is alone";
    end: Option<i64> = Instant "end" "end" "last byte of the response; of the request when no answer came and the session is over; null while it is open";
    request_end: Option<i64> = Instant "request.end" "request_end" "last byte of the request";
    response_start: Option<i64> = Instant "response.start" "response_start" "first byte of the final response";
    provisional: bool = Flag "provisional" "provisional" "still open when it was published; a later revision replaces it";
    source: String = Label "source" "source" "the agent, or the content hash of the capture file, that this row comes from";
    agent: String = Label "agent" "agent" "name of the agent or of the host that a capture was made on";
    vantage: Option<String> = Label "vantage" "vantage" "where the capture was made: client, server or between";
    counted: bool = Flag "counted" "counted" "false where another row of the same exchange, seen elsewhere, counts";
    wire_key: i64 = Hash "wire.key" "wire_key" "hash of 5-tuple and raw TCP sequence of the first byte: equal for all who saw the exchange";
    session: String = Id "tcp.session" "tcp_session" "id of the TCP session";
    protocol: String = Label "network.protocol.name" "network_protocol_name" "http";
    version: Option<String> = Label "network.protocol.version" "network_protocol_version" "1.1";
    client_address: String = Address "client.address" "client_address" "address of the client's end of the connection";
    client_port: u16 = Integer "client.port" "client_port" "port of the client's end";
    server_address: String = Address "server.address" "server_address" "address of the server's end of the connection";
    server_port: u16 = Integer "server.port" "server_port" "port of the server's end";
    service: String = Label "service" "service" "configured rule, else Host, else address:port of the server";
    origin: String = Address "origin.address" "origin_address" "who asked first: X-Forwarded-For or Forwarded, else the client";
    user: Option<String> = Text "user.name" "user_name" "user of Basic or Digest, or the subject of a JWT";
    method: Option<String> = Label "http.request.method" "http_request_method" "the method as sent; null for a response alone";
    host: Option<String> = Label "http.request.header.host" "http_request_header_host" "the Host header";
    path: Option<String> = Text "url.path" "url_path" "the path of the target as sent";
    query: Option<String> = Text "url.query" "url_query" "what follows the question mark";
    template: Option<String> = Label "url.template" "url_template" "the path with its variable parts replaced";
    template_rules: u32 = Integer "url.template.rules" "url_template_rules" "version of the rules that made url.template";
    status: Option<u16> = Integer "http.response.status_code" "http_response_status_code" "null without response";
    interim: Option<String> = Words "http.response.interim" "http_response_interim" "status codes of 1xx responses before the final one";
    request_headers: Option<String> = Headers "http.request.headers" "http_request_headers" "header lines of the request, in order";
    response_headers: Option<String> = Headers "http.response.headers" "http_response_headers" "header lines of the response, in order";
    content_type: Option<String> = Label "http.response.header.content-type" "http_response_header_content_type" "media type of the response, without parameters";
    request_size: u64 = Size "http.request.size" "http_request_size" "bytes of the request's head and body as they were seen";
    request_body_size: u64 = Size "http.request.body.size" "http_request_body_size" "bytes after de-chunking, before content decoding";
    request_body_decoded: Option<u64> = Size "http.request.body.decoded_size" "http_request_body_decoded_size" "bytes after content decoding";
    response_size: u64 = Size "http.response.size" "http_response_size" "bytes of the response's head and body as they were seen";
    response_body_size: u64 = Size "http.response.body.size" "http_response_body_size" "bytes after de-chunking, before content decoding";
    response_body_decoded: Option<u64> = Size "http.response.body.decoded_size" "http_response_body_decoded_size" "bytes after content decoding";
    bodies: Option<String> = Words "bodies" "bodies" "which bodies are stored: request, response";
    trace_id: Option<String> = Id "trace.id" "trace_id" "trace id of traceparent or b3";
    request_id: Option<String> = Id "request.id" "request_id" "X-Request-Id or its kin";
    rtt: Option<u64> = Duration "tcp.rtt" "tcp_rtt" "round-trip time of the connection's handshake";
    retransmissions: u32 = Integer "tcp.retransmissions" "tcp_retransmissions" "segments sent again on the connection meanwhile";
    anomalies: Option<String> = Words "anomalies" "anomalies" "names of what was odd";
    tags: Option<String> = Words "tags" "tags" "words given at import";
}
