//! Filters against rows: what passes and what does not.

use arachne_filter::{Predicate, Settings, parse};
use arachne_model::table::{BodyRow, ExchangeRow, PacketRow, Row as _, SessionRow};

fn predicate(filter: &str) -> Predicate {
    let parsed = parse(filter, ExchangeRow::TABLE, &Settings::default());
    parsed.predicate.unwrap_or_else(|| panic!("{filter}: {:?}", parsed.diagnostics))
}

/// An exchange with something in every kind of column.
fn row() -> ExchangeRow {
    let millis = 1_000_000;
    ExchangeRow {
        id: "01JABC".into(),
        start: 1_795_255_200_000 * millis,
        end: Some(1_795_255_200_700 * millis),
        request_end: Some(1_795_255_200_010 * millis),
        response_start: Some(1_795_255_200_300 * millis),
        client_address: "10.2.3.4".into(),
        server_address: "fd00::7".into(),
        server_port: 8080,
        service: "hhid".into(),
        origin: "unknown".into(),
        method: Some("GET".into()),
        host: Some("[::1]:8080".into()),
        path: Some("/cart/Items (1)".into()),
        query: Some("a=1&b=*".into()),
        status: Some(503),
        request_headers: Some("Host: [::1]:8080\nX-Request-Id: abc\nX-Request-Id: def\n".into()),
        response_headers: Some("Server: nginx\nX-Error: Out of Memory\n".into()),
        response_size: 10_000,
        anomalies: Some("bad_cl gap".into()),
        counted: true,
        wire_key: -77,
        rtt: Some(1_500_000),
        ..ExchangeRow::default()
    }
}

#[test]
fn filters_that_pass() {
    for filter in [
        "",
        "  ",
        "status:503",
        "status:5xx",
        "status:50x",
        "status:>=500",
        "status:>502",
        "status:<=503",
        "status:<504",
        "status:=503",
        "STATUS:503",
        "http.response.status_code:503",
        "http_response_status_code:503",
        "status:[500..503]",
        "status:[500..504)",
        "status:[..503]",
        "status:[503..]",
        "status:(404 or 503)",
        "status:(404,503)",
        "status:( 404 , 5xx )",
        "status:(<100 or >500)",
        "status:\"503\"",
        "status:*",
        "-status:404",
        "not status:404",
        "NOT status:404",
        "--status:503",
        "-(status:404)",
        "duration:700ms",
        "duration:>0.5s",
        "duration:[500ms..1s)",
        "duration:[700ms .. 700000us]",
        "wait:290ms",
        "rtt:1.5ms",
        "size:10kB",
        "size:>9KiB",
        "size:10000B",
        "size:>0",
        "class:error",
        "class:ERROR",
        "class:(slow or error)",
        "class:e*",
        "class:/^err/",
        "start:2026-11-21T10:00:00Z",
        "start:2026-11-21",
        "start:1795255200",
        "start:1795255200000",
        "start:[1795255200..1795255201)",
        "start:>=2026-11-21",
        "start:<=2026-11-21",
        "start:<2026-11-22",
        "-start:>2026-11-21",
        "end:2026-11-21T11:00:00.7+01:00",
        "client:10.2.3.4",
        "client:10.2.0.0/16",
        "client:\"10.2.3.4\"",
        "client:::ffff:10.2.3.4",
        "client:::ffff:10.2.0.0/112",
        "client:=10.2.3.4",
        "server:fd00::7",
        "server:FD00:0:0::7",
        "server:fd00::/8",
        "server:(10.0.0.0/8 or fd00::/8)",
        "-origin:10.0.0.0/8",
        "origin:=unknown",
        "origin:*",
        "port:8080",
        "port:[8000..8099]",
        "service:hhid",
        "service:(session or hhid)",
        "service:hh*",
        "service:?hid",
        "service:/h+id/",
        "service:/HHID/i",
        "-service:HHID",
        "path:/cart*",
        "path:*Items*",
        "path:\"/cart/Items (1)\"",
        "path:/cart/Items\\ \\(1\\)",
        "path:=\"/cart/Items (1)\"",
        "path:/Items/",
        "path:/items/i",
        "path:/(cart|x)\\/I/",
        "path:/cart\\/Items\\ /",
        "query:*b=\\*",
        "query:a=1&b=*",
        "query:\"a=1&b=*\"",
        "host:[::1]:8080",
        "host:*:8080",
        "anomaly:gap",
        "anomaly:(nul or gap)",
        "anomaly:g*",
        "anomaly:*p",
        "anomaly:/d_c/",
        "anomalies:=\"bad_cl gap\"",
        "-anomaly:=gap",
        "-anomaly:ba",
        "-anomaly:*d*g*",
        "-user:*",
        "-trace:*",
        "counted:true",
        "provisional:false",
        "counted:(true or false)",
        "wire.key:-77",
        "header.x-request-id:abc",
        "header.x-request-id:def",
        "header.X-Request-ID:d*",
        "request.header.x-request-id:/^d/",
        "-response.header.x-request-id:*",
        "header.server:*",
        "http.response.header.server:nginx",
        "\"out of memory\"",
        "out of memory",
        "OUT",
        "cart",
        "\"/cart/\"",
        "text:cart",
        "text:/mem.ry/i",
        "text:*",
        "text:*a=1*",
        "-text:nothing",
        "status:503 and path:/cart*",
        "status:503 AND path:/cart* cart",
        "status:404 or path:/cart*",
        "status:404 or status:503 path:/cart*",
        "(status:404 or status:503) path:/cart*",
        "status:503 not (path:/x or path:/y)",
        "not status:404 and status:503",
        "status:404 path:/x or status:503",
        "id:01JABC",
        "(((status:503)))",
        "(cart)(items)",
        "path:(/x* or /cart*) status:503",
        "status:503\u{a0}cart",
        "request.headers:*nginx* or request.headers:*abc*",
        "-'",
    ] {
        assert!(predicate(filter).matches(&row()), "{filter}");
    }
}

#[test]
fn filters_that_do_not_pass() {
    for filter in [
        "status:404",
        "status:4xx",
        "status:>503",
        "status:[500..503)",
        "-status:*",
        "-status:5xx",
        "not status:503",
        "duration:<700ms",
        "duration:>700ms",
        "class:slow",
        "class:(fast or medium)",
        "client:10.2.3.5",
        "client:10.3.0.0/16",
        "client:fd00::/8",
        "client:0::/0",
        "origin:10.0.0.0/8",
        "service:HHID",
        "service:hhi",
        "service:?h",
        "path:/cart",
        "path:cart*",
        "path:/ITEMS/",
        "path:*items",
        "path:\"/cart*\"",
        "path:=/cart*",
        "query:\"a=1&b=?\"",
        "anomaly:ga",
        "anomaly:=gap",
        "anomaly:bad_cl\\ gap",
        "anomaly:b*p",
        "user:*",
        "user:x",
        "user:>\"\"  or status:404",
        "counted:false",
        "header.x-request-id:ab",
        "response.header.x-request-id:abc",
        "header.none:*",
        "\"out of  memory\"",
        "out of memories",
        "status:503 status:404",
        "status:503 -path:/cart*",
        "wire.key:77",
        "start:2026-11-22",
        "status:404 or path:/x",
        "status:>9223372036854775807",
        "status:404 -",
        "text:hhid",
        "not not status:404",
    ] {
        let parsed = parse(filter, ExchangeRow::TABLE, &Settings::default());
        assert!(!parsed.predicate.is_some_and(|predicate| predicate.matches(&row())), "{filter}");
    }
}

#[test]
fn hostile_values_are_text() {
    for value in [
        "' OR 1=1 --",
        "') UNION ALL SELECT name, toString(value) FROM system.settings --",
        "x'; DROP TABLE http; --",
        "\\' OR 1=1 --",
        "x\0y",
        "%' OR '%'='",
        "1) FORMAT JSON SETTINGS max_memory_usage=0 --",
    ] {
        let filter = arachne_filter::render::term(ExchangeRow::TABLE, "path", arachne_model::table::Value::Text(value));
        let predicate = predicate(&filter.expect("path is text"));
        assert!(!predicate.matches(&row()));
        assert!(predicate.matches(&ExchangeRow { path: Some(value.to_owned()), ..row() }));
    }
}

#[test]
fn thresholds_decide_the_class() {
    let mut settings = Settings::default();
    let slow = |settings: &Settings| parse("class:slow", ExchangeRow::TABLE, settings).predicate.expect("a filter");
    let row = ExchangeRow { status: Some(200), ..row() };
    assert!(!slow(&settings).matches(&row));
    settings.thresholds.slow_ns = 600_000_000;
    assert!(slow(&settings).matches(&row));
}

#[test]
fn other_tables_have_their_own_names() {
    let settings = Settings::default();
    let sessions = parse("session:01J close:reset duration:>1s", SessionRow::TABLE, &settings);
    assert!(sessions.predicate.is_some(), "{:?}", sessions.diagnostics);
    let packets = parse("size:>1500B direction:client bytes:*", PacketRow::TABLE, &settings);
    assert!(packets.predicate.is_some(), "{:?}", packets.diagnostics);
    let bodies = parse("type:image/* -cut:true", BodyRow::TABLE, &settings);
    assert!(bodies.predicate.is_some(), "{:?}", bodies.diagnostics);
    assert!(parse("path:/a", PacketRow::TABLE, &settings).predicate.is_none());
}
