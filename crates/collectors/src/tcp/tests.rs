//! The collector over real sockets of this host, and what a reading of many costs.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use super::*;
use crate::testing::Found;

const SECOND: i64 = 1_000_000_000;

/// Connections to a listener on this host, both ends of each.
fn connect(listener: &TcpListener, count: usize) -> Vec<(TcpStream, TcpStream)> {
    let address = listener.local_addr().expect("bound");
    let pair = |_| Some((TcpStream::connect(address).ok()?, listener.accept().ok()?.0));
    (0..count).map_while(pair).collect()
}

fn sum_of(found: &Found, metric: &Metric, label: &str) -> i64 {
    let of = found.points.iter().filter(|point| point.name == metric.name && point.labels.contains(label));
    of.map(|point| point.sum).sum()
}

#[test]
fn connections_of_this_host_are_told_with_their_service_and_peer() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let mut tcp = Tcp::new(Path::new("/"), Vec::new());
    let mut read = |second: i64| {
        let mut found = Found::default();
        tcp.collect(second * SECOND, &mut found).expect("the kernel tells");
        assert_eq!(tcp.missing(), []);
        found
    };
    read(10);
    let mut pairs = connect(&listener, 3);
    for (near, far) in &mut pairs {
        near.write_all(&[7; 1000]).expect("open");
        far.read_exact(&mut [0; 1000]).expect("sent");
    }
    // One more that nobody accepts.
    let _waiting = TcpStream::connect(listener.local_addr().expect("bound")).expect("queued");
    let found = read(20);
    let listed: Vec<Metric> = METRICS.iter().copied().flatten().copied().collect();
    found.assert_all_of(&listed);
    let text = port.to_string();
    let labels = |direction| [("direction", direction), ("peer", "127.0.0.1"), ("port", text.as_str())];
    assert_eq!(found.sum(&SENT, &labels("out")), Some(3000));
    assert_eq!(found.sum(&RECEIVED, &labels("in")), Some(3000));
    let state = |direction| {
        [("direction", direction), ("peer", "127.0.0.1"), ("port", text.as_str()), ("state", "established")]
    };
    assert_eq!(found.sum(&COUNT, &state("out")), Some(4));
    let count = |metric: &Metric| {
        let row =
            found.points.iter().find(|row| row.name == metric.name && row.labels.ends_with(&format!("port: {port}\n")));
        row.map(|row| (row.count > 0, row.sum > 0, row.sketch.is_empty()))
    };
    assert_eq!(count(&RTT), Some((true, true, false)));
    let queue = [("address", "127.0.0.1"), ("port", text.as_str())];
    assert_eq!(found.sum(&BACKLOG, &queue), Some(1));
    assert!(found.sum(&BACKLOG_MAX, &queue) > Some(1));
    assert!(sum_of(&found, &host::EVENTS, "event: opened_in\n") >= 4);
    // Nothing moved since: what was added is nothing.
    assert_eq!(read(30).sum(&SENT, &labels("out")), Some(0));
}

#[test]
fn what_is_lost_without_a_proc_is_said() {
    let empty = tempfile::tempdir().expect("a folder");
    let mut tcp = Tcp::new(empty.path(), Vec::new());
    tcp.collect(10 * SECOND, &mut Found::default()).expect("the kernel tells of its sockets all the same");
    assert_eq!(
        tcp.missing().iter().map(|missing| missing.what.as_str()).collect::<Vec<_>>(),
        ["counters of TCP as a whole"]
    );
}

/// CPU time of this thread, in nanoseconds.
fn thread_time() -> i64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec * SECOND + time.tv_nsec
}

/// Prints what a reading of many connections costs; the limit is generous, since it runs unoptimised beside other tests.
#[test]
fn ten_thousand_sockets_are_cheap() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let pairs = connect(&listener, 5_000);
    let mut tcp = Tcp::new(Path::new("/"), Vec::new());
    let mut best = i64::MAX;
    let mut count = 0;
    for reading in 1..=10 {
        let mut found = Found::default();
        let before = thread_time();
        tcp.collect(reading * 10 * SECOND, &mut found).expect("the kernel tells");
        best = best.min(thread_time() - before);
        count = found.total(&COUNT);
    }
    assert!(count >= i64::try_from(2 * pairs.len()).expect("few"), "{count}");
    eprintln!("{count} sockets: {} us of CPU", best / 1000);
    assert!(best / count < 20_000, "{best} ns for {count}");
}
