//! Short names of columns, and filters to show what they are good for.

/// What is said of a column beside its declaration.
pub(super) struct Alias {
    /// The table, or `*` for every table with such a column.
    table: &'static str,
    /// The column's name with dots.
    column: &'static str,
    /// Other names, the one for people first.
    pub(super) names: &'static [&'static str],
    /// Filters that use it.
    pub(super) examples: &'static [&'static str],
}

/// What is said of the column called `column` of the table called `table`.
pub(super) fn of(table: &str, column: &str) -> Option<&'static Alias> {
    ALIASES.iter().find(|alias| alias.column == column && [table, "*"].contains(&alias.table))
}

/// Each table and column with aliases.
#[cfg(test)]
pub(super) fn columns() -> impl Iterator<Item = (&'static str, &'static str)> {
    ALIASES.iter().map(|alias| (alias.table, alias.column))
}

const fn alias(
    table: &'static str,
    column: &'static str,
    names: &'static [&'static str],
    examples: &'static [&'static str],
) -> Alias {
    Alias { table, column, names, examples }
}

const ALIASES: &[Alias] = &[
    alias("exchanges", "id", &["exchange", "exchange.id"], &[]),
    alias("tcp_sessions", "id", &["session", "tcp.session"], &[]),
    alias("bodies", "exchange.id", &["exchange"], &[]),
    alias("*", "tcp.session", &["session"], &[]),
    alias("*", "start", &[], &["start:>=2026-11-21T10:00:00Z", "start:2026-11-21", "start:[1795255200..1795258800)"]),
    alias("*", "source", &[], &[]),
    alias("*", "vantage", &[], &["vantage:server"]),
    alias("*", "counted", &[], &["counted:true"]),
    alias("*", "provisional", &[], &["provisional:false"]),
    alias("*", "network.protocol.name", &["protocol"], &["protocol:http"]),
    alias("*", "network.protocol.version", &["version", "protocol.version"], &["version:1.0"]),
    alias("*", "client.address", &["client"], &["client:192.0.2.7", "client:10.2.0.0/16"]),
    alias("*", "server.address", &["server"], &["server:(10.2.0.0/16 or fd00::/8)"]),
    alias("*", "server.port", &["port"], &["port:(80 or 8080)", "port:[8000..8099]"]),
    alias("*", "service", &[], &["service:(session or hhid)", "-service:*.internal"]),
    alias("*", "origin.address", &["origin"], &["-origin:127.0.0.0/8"]),
    alias("*", "user.name", &["user"], &["user:alice", "-user:*"]),
    alias("*", "http.request.method", &["method", "request.method"], &["method:POST", "-method:(GET or HEAD)"]),
    alias("*", "http.request.header.host", &["host"], &["host:shop.example"]),
    alias("*", "url.path", &["path"], &["path:/cart*", "path:\"/a b\"", "path:/\\.php$/i"]),
    alias("*", "url.query", &["query"], &["query:*debug=1*", "query:*"]),
    alias("*", "url.template", &["template"], &["template:\"/user/{id}\""]),
    alias("*", "url.template.rules", &["template.rules"], &[]),
    alias("*", "http.response.status_code", &["status", "status_code"], &["status:404", "status:5xx", "status:>=500"]),
    alias("*", "http.response.interim", &["interim"], &["interim:103"]),
    alias("*", "http.request.headers", &["request.headers"], &[]),
    alias("*", "http.response.headers", &["response.headers"], &[]),
    alias("exchanges", "http.response.header.content-type", &["type", "content_type"], &["type:image/*"]),
    alias("*", "http.request.size", &["request.size"], &["request.size:>1MB"]),
    alias("*", "http.request.body.size", &["request.body.size"], &[]),
    alias("*", "http.request.body.decoded_size", &["request.body.decoded_size"], &[]),
    alias("*", "http.response.size", &["size", "response.size"], &["size:>=10kB", "size:[1MiB..2MiB)"]),
    alias("*", "http.response.body.size", &["response.body.size"], &[]),
    alias("*", "http.response.body.decoded_size", &["response.body.decoded_size"], &[]),
    alias("*", "bodies", &["body"], &["body:response"]),
    alias("*", "trace.id", &["trace"], &["trace:4bf92f3577b34da6a3ce929d0e0e4736"]),
    alias("*", "request.id", &[], &["request.id:6f1c"]),
    alias("*", "tcp.rtt", &["rtt"], &["rtt:>50ms"]),
    alias("*", "tcp.retransmissions", &["retransmissions"], &["retransmissions:>0"]),
    alias("*", "anomalies", &["anomaly"], &["anomaly:gap", "anomaly:(bad_cl or dup_cl)", "-anomaly:*"]),
    alias("*", "tags", &["tag"], &["tag:canary"]),
    alias("*", "tcp.close", &["close"], &["close:reset"]),
    alias("*", "tcp.syn_seen", &["syn"], &["syn:false"]),
    alias("*", "tls.server_name", &["sni"], &["sni:*.example"]),
    alias("*", "packets.kept", &["kept"], &[]),
    alias("packets", "packet.number", &["number"], &[]),
    alias("packets", "packet.length", &["size", "length"], &["size:>1500B"]),
    alias("packets", "packet.bytes", &["bytes"], &[]),
    alias("*", "direction", &[], &["direction:client"]),
    alias("bodies", "content_type", &["type"], &["type:text/*"]),
    alias("bodies", "body.size", &["size"], &["size:>1MB"]),
    alias("bodies", "body.decoded_size", &["decoded_size"], &[]),
    alias("bodies", "body.bytes", &["bytes"], &[]),
    alias("bodies", "body.cut", &["cut"], &["cut:true"]),
    alias("bodies", "body.withheld", &["withheld"], &["withheld:*"]),
    alias("*", "network.id", &["network"], &["network:42"]),
    alias("hosts", "host.address", &["address"], &["address:10.0.0.0/8"]),
    alias("hosts", "host.name", &["name", "host"], &["name:*.example"]),
    alias("*", "stage", &[], &["stage:packets"]),
    alias("capture_quality", "count", &[], &["count:dropped"]),
    alias("*", "reason", &[], &["reason:bad_checksum"]),
    alias("*", "agent", &[], &["agent:web-*"]),
    alias("points", "name", &["metric"], &["metric:access.requests", "metric:access.*"]),
    alias("points", "kind", &[], &["kind:(counter or histogram)"]),
    alias("points", "labels", &[], &["label.class:error", "label.upstream:10.*"]),
    alias("points", "width", &[], &["width:10s"]),
    alias("log_records", "id", &["record"], &[]),
    alias("log_records", "log.file.path", &["file"], &["file:/var/log/*"]),
    alias("log_records", "log.file.offset", &["offset"], &[]),
    alias("log_records", "level", &[], &["level:(error or fatal)"]),
    alias("log_records", "log.code", &["code"], &["code:SHOP-PAY-*", "-code:*"]),
    alias("log_records", "log.template", &["template"], &["template:\"connection <*> lost\""]),
    alias("log_records", "message", &[], &["message:*timeout*"]),
    alias("log_records", "fields", &[], &["field.user:alice"]),
    alias("log_records", "weight", &[], &["weight:>1"]),
];
