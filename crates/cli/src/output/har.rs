//! HTTP Archive 1.2, streamed: each entry is written when its exchange is complete.
//!
//! Own fields begin with an underscore, as the format allows: `_anomalies` (names), `_interim` (1xx codes), `_tcpSession`,
//! and `_base64` in post data that is not UTF-8. An exchange without a response has status 0, as browsers write it;
//! a response without a request has an empty method. Times that were not seen are 0, and -1 where the format allows it.
//! Source: HAR 1.2 Spec by Jan Odvarko; the JSON schema of the npm package `har-schema`.

use arachne_model::{Anomaly, Exchange};

use super::har_message::{push_request, push_response};
use super::json::{push, push_int, push_names, push_string};
use super::ndjson::push_address;
use super::time::Clock;
use super::{Output, SourceLabel};
use arachne_capture::rows::all_anomalies;

/// The HAR format of exchanges; see the module.
#[derive(Debug, Default)]
pub struct Har {
    clock: Clock,
    opened: bool,
    entries: u64,
    /// The number of the source where there are several.
    source: Option<usize>,
}

impl Output for Har {
    fn begin_source(&mut self, source: &SourceLabel<'_>, out: &mut Vec<u8>) {
        self.source = source.among_many.then_some(source.number);
        self.open(out);
    }

    fn exchange(&mut self, exchange: &Exchange, out: &mut Vec<u8>) {
        self.open(out);
        push(out, if self.entries > 0 { ",\n" } else { "\n" });
        self.entries += 1;
        push(out, "{\"startedDateTime\":\"");
        self.clock.push_rfc3339(out, exchange.start);
        push(out, "\",");
        let timings = Timings::of(exchange);
        push(out, "\"time\":");
        push_millis(out, timings.total());
        push(out, ",\"request\":");
        push_request(out, exchange);
        push(out, ",\"response\":");
        push_response(out, exchange.response.as_ref());
        push(out, ",\"cache\":{},\"timings\":");
        timings.push(out);
        push(out, ",\"serverIPAddress\":\"");
        push_address(out, exchange.server.address);
        push(out, "\",\"connection\":\"");
        self.push_connection(out, exchange.session);
        push(out, "\",\"_tcpSession\":");
        push_int(out, exchange.session);
        push_oddities(out, exchange);
        out.push(b'}');
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        self.open(out);
        push(out, "\n]}}\n");
    }
}

impl Har {
    fn open(&mut self, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.opened, true) {
            push(out, "{\"log\":{\"version\":\"1.2\",\"creator\":{\"name\":\"arachne\",\"version\":");
            push_string(out, env!("CARGO_PKG_VERSION").as_bytes());
            push(out, "},\"pages\":[],\"entries\":[");
        }
    }

    /// Session numbers repeat over sources, so the number of the source stands before them where there are several.
    fn push_connection(&self, out: &mut Vec<u8>, session: u64) {
        if let Some(source) = self.source {
            push_int(out, source);
            out.push(b'-');
        }
        push_int(out, session);
    }
}

fn push_oddities(out: &mut Vec<u8>, exchange: &Exchange) {
    if !exchange.interim.is_empty() {
        push(out, ",\"_interim\":[");
        for (at, code) in exchange.interim.iter().enumerate() {
            push(out, if at > 0 { "," } else { "" });
            push_int(out, *code);
        }
        out.push(b']');
    }
    push(out, ",\"_anomalies\":");
    push_names(out, all_anomalies(exchange).iter().map(Anomaly::name));
}

/// The phases of an exchange in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Timings {
    send: u64,
    wait: u64,
    receive: u64,
}

impl Timings {
    fn of(exchange: &Exchange) -> Self {
        let sent = exchange.request_end.unwrap_or(exchange.start);
        // A response may start before its request has ended; it waited for nothing then.
        let answered = exchange.response_start.unwrap_or(sent);
        Self {
            send: sent.since(exchange.start),
            wait: answered.since(sent),
            receive: exchange.end.map_or(0, |end| end.since(answered.max(sent))),
        }
    }

    const fn total(self) -> u64 {
        self.send.saturating_add(self.wait).saturating_add(self.receive)
    }

    fn push(self, out: &mut Vec<u8>) {
        push(out, "{\"blocked\":-1,\"dns\":-1,\"connect\":-1,\"send\":");
        push_millis(out, self.send);
        push(out, ",\"wait\":");
        push_millis(out, self.wait);
        push(out, ",\"receive\":");
        push_millis(out, self.receive);
        push(out, ",\"ssl\":-1}");
    }
}

/// Nanoseconds as milliseconds, exact.
fn push_millis(out: &mut Vec<u8>, nanos: u64) {
    push_int(out, nanos / 1_000_000);
    let rest = nanos % 1_000_000;
    if rest > 0 {
        let digits = format!(".{rest:06}");
        push(out, digits.trim_end_matches('0'));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, proptest};
    use serde_json::{Value, json};

    use super::{Har, push_millis};
    use crate::fixtures::{exchange, raw_request, request, response, with_body};
    use crate::output::{Output as _, SourceLabel};

    fn har(exchanges: &[arachne_model::Exchange]) -> Value {
        let (mut out, mut har) = (Vec::new(), Har::default());
        exchanges.iter().for_each(|x| har.exchange(x, &mut out));
        har.finish(&mut out);
        serde_json::from_slice(&out).expect("valid JSON")
    }

    fn entry(exchange: arachne_model::Exchange) -> Value {
        har(&[exchange])["log"]["entries"][0].clone()
    }

    #[test]
    fn an_empty_log_is_a_log() {
        let value = har(&[]);
        assert_eq!(value["log"]["version"], "1.2");
        assert_eq!(value["log"]["entries"], json!([]));
        assert_eq!(value["log"]["pages"], json!([]));
    }

    #[test]
    fn one_entry() {
        let asked = request("GET", "/a?b=c&d", &[("Host", "api.shop"), ("Cookie", "x=1; y=\"2\"")]);
        let lines = [("Content-Type", "text/plain"), ("Set-Cookie", "s=t; Path=/; Secure; HttpOnly")];
        let entry = entry(exchange(Some(asked), Some(with_body(response(200, &lines), 4, b"hello"))));
        assert_eq!(entry["startedDateTime"], "2024-02-29T10:02:11.304000000Z");
        assert_eq!(entry["time"], json!(2710));
        let timings = json!({"blocked":-1,"dns":-1,"connect":-1,"send":1.5,"wait":1998.5,"receive":710,"ssl":-1});
        assert_eq!(entry["timings"], timings);
        assert_eq!(entry["request"]["url"], "http://api.shop/a?b=c&d");
        assert_eq!(entry["request"]["queryString"], json!([{"name":"b","value":"c"},{"name":"d","value":""}]));
        let cookies = json!([{"name":"x","value":"1"},{"name":"y","value":"\"2\""}]);
        assert_eq!(entry["request"]["cookies"], cookies);
        assert_eq!(entry["request"]["bodySize"], 0);
        let content = json!({"size":5,"compression":1,"mimeType":"text/plain","text":"hello"});
        assert_eq!(entry["response"]["content"], content);
        let cookie = json!([{"name":"s","value":"t","path":"/","httpOnly":true,"secure":true}]);
        assert_eq!(entry["response"]["cookies"], cookie);
        assert_eq!((&entry["serverIPAddress"], &entry["connection"]), (&json!("10.0.0.9"), &json!("1")));
        assert_eq!(entry["cache"], json!({}));
    }

    #[test]
    fn halves_are_entries_too() {
        let alone = entry(exchange(Some(request("GET", "/", &[])), None));
        assert_eq!(alone["response"]["status"], 0);
        assert_eq!(alone["request"]["url"], "http://10.0.0.9:8080/");
        let answer = entry(exchange(None, Some(response(404, &[]))));
        assert_eq!((&answer["request"]["method"], &answer["response"]["status"]), (&json!(""), &json!(404)));
    }

    #[test]
    fn several_sources_are_one_log() {
        let (mut out, mut har) = (Vec::new(), Har::default());
        for number in 1..=2 {
            har.begin_source(&SourceLabel { name: b"x", number, among_many: true }, &mut out);
            har.exchange(&exchange(None, Some(response(200, &[]))), &mut out);
        }
        har.finish(&mut out);
        let value: Value = serde_json::from_slice(&out).expect("valid JSON");
        assert_eq!(value["log"]["entries"][1]["connection"], "2-1");
    }

    #[test]
    fn milliseconds_are_exact() {
        let check = |nanos, expected: &str| {
            let mut out = Vec::new();
            push_millis(&mut out, nanos);
            assert_eq!(out, expected.as_bytes());
        };
        check(0, "0");
        check(1_500_000, "1.5");
        check(12, "0.000012");
        check(u64::MAX, "18446744073709.551615");
    }

    /// The members that the schema asks for, with their types.
    fn check_shape(entry: &Value) {
        assert!(entry["time"].is_number());
        for (part, strings) in
            [("request", ["method", "url", "httpVersion"]), ("response", ["statusText", "redirectURL", "httpVersion"])]
        {
            strings.iter().for_each(|key| assert!(entry[part][key].is_string(), "{part}.{key}"));
            ["cookies", "headers"].iter().for_each(|key| assert!(entry[part][key].is_array(), "{part}.{key}"));
            ["headersSize", "bodySize"].iter().for_each(|key| assert!(entry[part][key].is_i64(), "{part}.{key}"));
        }
        let url = entry["request"]["url"].as_str().expect("checked above");
        let host = url.strip_prefix("http://").expect("an absolute URL");
        assert!(
            !host.starts_with('/') && url.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b)),
            "{url}"
        );
        assert!(entry["response"]["content"]["size"].is_i64() && entry["response"]["content"]["mimeType"].is_string());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn any_bytes_make_a_valid_entry(method: Vec<u8>, target: Vec<u8>, host: Vec<u8>, body: Vec<u8>) {
            let lines = [(b"Host".to_vec(), host.clone()), (b"cookie".to_vec(), host.clone()), (host.clone(), body.clone())];
            let asked = with_body(raw_request(&method, &target, b"HTTP/1.1", &lines), 3, &body);
            check_shape(&entry(exchange(Some(asked), None)));
            let answer = with_body(response(200, &[]), 3, &body);
            check_shape(&entry(exchange(None, Some(answer))));
        }
    }
}
