//! A Redis server, or one that speaks like it: what `INFO` tells. Never sends another command than AUTH and INFO.

use std::collections::HashMap;
use std::io::{BufReader, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use crate::report::{Readings, Report};
use crate::text::{billionths, lines, number};
use crate::{Collector, Metric, Sink};

/// What it reads.
pub const SAYS: &str =
    "A Redis server, by `INFO` over one connection per reading. Each series also has the label `instance`.";

const SOURCE: &str = "INFO";
const CPU: Metric = Metric::counter(
    "redis.cpu.time",
    "ns",
    &["mode"],
    "CPU time: user, system",
    "INFO, used_cpu_user and used_cpu_sys",
);
const UPTIME: Metric = Metric::gauge("redis.uptime", "ns", &[], "since when it runs", SOURCE);
const KEYS: Metric = Metric::gauge("redis.db.keys", "1", &["db"], "keys by database", "INFO, keyspace");
const COUNTERS: &[(Metric, &str)] = &[
    (Metric::counter("redis.commands.processed", "1", &[], "commands", SOURCE), "total_commands_processed"),
    (
        Metric::counter("redis.connections.received", "1", &[], "connections taken", SOURCE),
        "total_connections_received",
    ),
    (
        Metric::counter("redis.connections.rejected", "1", &[], "connections refused: too many", SOURCE),
        "rejected_connections",
    ),
    (Metric::counter("redis.keys.expired", "1", &[], "keys that ended in time", SOURCE), "expired_keys"),
    (Metric::counter("redis.keys.evicted", "1", &[], "keys thrown out for want of memory", SOURCE), "evicted_keys"),
    (Metric::counter("redis.keyspace.hits", "1", &[], "look-ups that found a key", SOURCE), "keyspace_hits"),
    (Metric::counter("redis.keyspace.misses", "1", &[], "look-ups that found none", SOURCE), "keyspace_misses"),
    (Metric::counter("redis.net.input", "By", &[], "bytes received", SOURCE), "total_net_input_bytes"),
    (Metric::counter("redis.net.output", "By", &[], "bytes sent", SOURCE), "total_net_output_bytes"),
];
const GAUGES: &[(Metric, &str)] = &[
    (Metric::gauge("redis.clients.connected", "1", &[], "clients", SOURCE), "connected_clients"),
    (
        Metric::gauge("redis.clients.blocked", "1", &[], "clients that wait in a blocking command", SOURCE),
        "blocked_clients",
    ),
    (Metric::gauge("redis.memory.used", "By", &[], "memory of its data", SOURCE), "used_memory"),
    (Metric::gauge("redis.memory.rss", "By", &[], "its resident memory", SOURCE), "used_memory_rss"),
    (Metric::gauge("redis.memory.max", "By", &[], "how much data it takes; 0 is no limit", SOURCE), "maxmemory"),
    (Metric::gauge("redis.replicas.connected", "1", &[], "replicas", SOURCE), "connected_slaves"),
];

const fn metrics<const N: usize>(table: &[(Metric, &str)]) -> [Metric; N] {
    let mut metrics = [CPU; N];
    let mut at = 0;
    while at < N {
        metrics[at] = table[at].0;
        at += 1;
    }
    metrics
}

/// What it measures.
pub const METRICS: &[&[Metric]] =
    &[&metrics::<{ COUNTERS.len() }>(COUNTERS), &metrics::<{ GAUGES.len() }>(GAUGES), &[CPU, UPTIME, KEYS]];

const EVERY: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(3);
/// An answer is a few kilobytes.
const BYTES_MAX: u64 = 1 << 20;
/// Databases that are told.
const DATABASES_MAX: usize = 64;

/// Reads a Redis server every 10 s.
#[derive(Debug)]
pub struct Redis {
    address: String,
    /// Ready to be sent: AUTH, if there is a password, and INFO.
    commands: Vec<u8>,
    answers: usize,
    readings: Readings,
}

impl Redis {
    /// Of the server at `address`, such as `127.0.0.1:6379`, which is also its label.
    #[must_use]
    pub fn new(address: &str, password: Option<&str>) -> Self {
        let mut commands = Vec::new();
        if let Some(password) = password {
            command(&mut commands, &["AUTH", password]);
        }
        command(&mut commands, &["INFO"]);
        let readings = Readings::new(EVERY).of(("instance", address.to_owned()));
        Self { address: address.to_owned(), commands, answers: 1 + usize::from(password.is_some()), readings }
    }

    fn ask(&self) -> Result<Vec<u8>, String> {
        let failed = |error: std::io::Error| format!("cannot ask Redis at {}: {error}", self.address);
        let address = self.address.to_socket_addrs().map_err(failed)?.next();
        let address = address.ok_or_else(|| format!("Redis at {}: no such host", self.address))?;
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(failed)?;
        stream
            .set_read_timeout(Some(PATIENCE))
            .and_then(|()| stream.set_write_timeout(Some(PATIENCE)))
            .map_err(failed)?;
        stream.write_all(&self.commands).map_err(failed)?;
        let mut reader = BufReader::new(stream.take(BYTES_MAX));
        let mut answer = Vec::new();
        for _ in 0..self.answers {
            answer = read_answer(&mut reader).map_err(failed)?;
        }
        Ok(answer)
    }
}

/// A command as an array of strings.
fn command(bytes: &mut Vec<u8>, words: &[&str]) {
    bytes.extend(format!("*{}\r\n", words.len()).bytes());
    words.iter().for_each(|word| bytes.extend(format!("${}\r\n{word}\r\n", word.len()).bytes()));
}

/// A simple string, or a string with its length before it.
fn read_answer(reader: &mut impl std::io::BufRead) -> std::io::Result<Vec<u8>> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line)?;
    let error = |text: String| Err(std::io::Error::other(text));
    match line.trim_ascii_end().split_first() {
        Some((b'+', text)) => Ok(text.to_vec()),
        Some((b'-', text)) => error(format!("it says {}", String::from_utf8_lossy(text))),
        Some((b'$', length)) => {
            let length = number(length).filter(|length| *length < BYTES_MAX);
            let Some(length) = length else { return error("its answer is too long".to_owned()) };
            let mut text = Vec::new();
            reader.by_ref().take(length + 2).read_to_end(&mut text)?;
            Ok(text)
        }
        _ => error("it does not speak like Redis".to_owned()),
    }
}

impl Collector for Redis {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn every(&self) -> Duration {
        EVERY
    }

    fn collect(&mut self, now: i64, sink: &mut dyn Sink) -> Result<(), String> {
        let answer = self.ask()?;
        if let Some(mut report) = self.readings.begin(now, sink) {
            tell(&answer, &mut report);
        }
        Ok(())
    }
}

fn tell(answer: &[u8], report: &mut Report<'_>) {
    let pair = |line: &'_ [u8]| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        Some((String::from_utf8_lossy(&line[..colon]).into_owned(), line[colon + 1..].trim_ascii().to_vec()))
    };
    let facts: HashMap<String, Vec<u8>> = lines(answer).filter_map(pair).collect();
    let fact = |name: &str| facts.get(name).map(Vec::as_slice);
    for (metric, name) in COUNTERS {
        if let Some(total) = fact(name).and_then(number) {
            report.total(metric, &[], total);
        }
    }
    for (metric, name) in GAUGES {
        if let Some(value) = fact(name).and_then(number) {
            report.gauge(metric, &[], value);
        }
    }
    for (mode, name) in [("user", "used_cpu_user"), ("system", "used_cpu_sys")] {
        if let Some(time) = fact(name).and_then(billionths) {
            report.total(&CPU, &[mode], time);
        }
    }
    if let Some(seconds) = fact("uptime_in_seconds").and_then(number) {
        report.gauge(&UPTIME, &[], seconds.saturating_mul(1_000_000_000));
    }
    for database in 0..DATABASES_MAX {
        let database = format!("db{database}");
        let keys = fact(&database).and_then(|text| text.strip_prefix(b"keys="));
        if let Some(keys) = keys.and_then(|keys| number(keys.split(|byte| *byte == b',').next()?)) {
            report.gauge(&KEYS, &[&database], keys);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use proptest::prelude::*;

    use super::*;
    use crate::testing::Found;

    const SECOND: i64 = 1_000_000_000;

    /// A server that gives an answer to each connection, in turn, after it got `expected`.
    fn server(expected: &'static [u8], answers: Vec<Vec<u8>>) -> (String, std::thread::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound").to_string();
        let serve = move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().expect("the collector comes");
                let mut asked = vec![0; expected.len()];
                stream.read_exact(&mut asked).expect("it asks");
                assert_eq!(String::from_utf8_lossy(&asked), String::from_utf8_lossy(expected));
                stream.write_all(&answer).expect("it listens");
            }
        };
        (address, std::thread::spawn(serve))
    }

    fn info(n: u64) -> Vec<u8> {
        let mut text = format!(
            "# Server\r\nuptime_in_seconds:{n}\r\nused_cpu_user:{n}.5\r\nused_cpu_sys:0.25\r\ndb0:keys=7,expires=0\r\n"
        );
        COUNTERS.iter().chain(GAUGES).for_each(|(_, name)| text.push_str(&format!("{name}:{n}\r\n")));
        [format!("+OK\r\n${}\r\n", text.len()).as_bytes(), text.as_bytes(), b"\r\n"].concat()
    }

    #[test]
    fn a_server_tells_everything_that_is_listed() {
        let asked = b"*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n*1\r\n$4\r\nINFO\r\n";
        let (address, thread) = server(asked, vec![info(10), info(17)]);
        let mut redis = Redis::new(&address, Some("secret"));
        redis.collect(10 * SECOND, &mut Found::default()).expect("it answers");
        let mut found = Found::default();
        redis.collect(20 * SECOND, &mut found).expect("it answers");
        thread.join().expect("it was asked as expected");
        let listed: Vec<Metric> = METRICS.iter().copied().flatten().copied().collect();
        found.assert_all_of(&listed);
        assert_eq!(found.sum(&COUNTERS[0].0, &[("instance", &address)]), Some(7));
        assert_eq!(found.sum(&CPU, &[("instance", &address), ("mode", "user")]), Some(7 * SECOND));
        assert_eq!(found.sum(&KEYS, &[("db", "db0"), ("instance", &address)]), Some(7));
    }

    #[test]
    fn errors_say_what_the_server_said() {
        let answers: [(&[u8], &str); 4] = [
            (b"-NOAUTH Authentication required.\r\n", "NOAUTH"),
            (b"HTTP/1.1 400 Bad Request\r\n", "does not speak like Redis"),
            (b"$99999999999\r\n", "too long"),
            (b"", "does not speak like Redis"),
        ];
        for (answer, expected) in answers {
            let (address, thread) = server(b"*1\r\n$4\r\nINFO\r\n", vec![answer.to_vec()]);
            let error = Redis::new(&address, None).collect(0, &mut Found::default()).expect_err("no information");
            thread.join().expect("it was asked as expected");
            assert!(error.contains(expected) && error.contains(&address), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_answer_is_told_or_passed_over(bytes: Vec<u8>) {
            let mut readings = Readings::new(EVERY);
            let mut found = Found::default();
            tell(&bytes, &mut readings.begin(0, &mut found).expect("the first"));
            let _ = read_answer(&mut &bytes[..]);
        }
    }
}
