//! A thread without a source: packets and clocks of tests.

use arachne_capture::Packet;
use arachne_delivery::codec::{address, decode, unpack};
use arachne_delivery::instructions::{AgentConfig, Save};
use arachne_delivery::status::Pressure;
use arachne_model::table::{ExchangeRow, Rows};
use arachne_model::{LinkType, UnixNanos};
use arachne_testkit::conversation::Conversation;

use super::Worker;
use crate::channel::{Said, Setup};
use crate::edge::outlet::Outlet;
use crate::edge::plan::{Plan, key, limits};
use crate::edge::sink::BodyCounts;

const SECOND: i64 = 1_000_000_000;
const HOUR: i64 = 3600 * SECOND;
/// When a conversation of the test kit begins.
const BEGIN: i64 = 1_767_225_600 * SECOND;

fn of(config: AgentConfig) -> Worker {
    let setup = Setup { agent: "edge".to_owned(), config, ..Setup::default() };
    let plan = Plan::of(&setup, &key(None).expect("random"), 1).expect("it is sound");
    Worker::new(&plan, &limits(&setup.config).expect("they are sound"), 0, 1).expect("memory")
}

/// One by the default configuration.
pub(in crate::edge) fn worker() -> Worker {
    of(AgentConfig::default())
}

/// All rows in `outlet`.
pub(in crate::edge) fn rows(outlet: &Outlet) -> Rows {
    outlet.close();
    let mut all = Rows::default();
    let head =
        arachne_delivery::codec::Head { epoch: 1, lane: arachne_delivery::proto::Lane::Live, sequence: 1, closed: 0 };
    while let Some(Said::Packed(packed)) = outlet.take() {
        let batch = unpack(&address(&head, &packed.bytes).expect("memory")).expect("it is a batch");
        all.append(decode(batch.tables, &mut 0).expect("it is sound"));
    }
    all
}

fn give(worker: &mut Worker, packets: &[arachne_testkit::conversation::Packet], shift: i64) {
    for packet in packets {
        let length = u32::try_from(packet.bytes.len()).expect("short");
        let packet = Packet {
            timestamp: UnixNanos(packet.at + shift),
            bad_timestamp: false,
            link_type: LinkType(1),
            original_length: length,
            data: &packet.bytes,
        };
        worker.packet(&packet, 7, length);
    }
}

/// A request whose answer takes 70 seconds: the packets before it, and those from it on.
fn slow() -> [Vec<arachne_testkit::conversation::Packet>; 2] {
    let mut talk = Conversation::new("10.0.0.1:5000", "10.0.0.2:80");
    talk.handshake().client(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    let asked = talk.take_packets();
    talk.wait(70 * SECOND).server(b"HTTP/1.1 204 No Content\r\n\r\n").close();
    [asked, talk.take_packets()]
}

fn slow_exchanges(keep: &str) -> Vec<ExchangeRow> {
    let save = Save { keep: keep.to_owned(), ..Save::default() };
    let (mut worker, outlet) = (of(AgentConfig { save, ..AgentConfig::default() }), Outlet::default());
    let [asked, answered] = slow();
    give(&mut worker, &asked, 0);
    worker.drained(UnixNanos(BEGIN + 10 * SECOND));
    worker.tell_open();
    worker.tell_open();
    give(&mut worker, &answered, 0);
    worker.finish(&outlet);
    rows(&outlet).exchanges
}

#[test]
fn what_was_shown_as_open_ends_even_where_its_end_is_not_kept() {
    for (keep, expected) in [
        ("", vec![None, Some(204)]),
        ("-status:204", vec![None, Some(204)]),
        ("status:204", vec![Some(204)]),
        ("status:500", vec![]),
    ] {
        let rows = slow_exchanges(keep);
        assert_eq!(rows.iter().map(|row| row.status).collect::<Vec<_>>(), expected, "{keep}");
        assert_eq!(rows.iter().map(|row| row.provisional).collect::<Vec<_>>(), [true, false][2 - expected.len()..]);
        assert!(rows.windows(2).all(|pair| pair[0].id == pair[1].id));
    }
}

#[test]
fn open_exchanges_are_told_again() {
    let (mut worker, outlet) = (worker(), Outlet::default());
    give(&mut worker, &slow()[0], 0);
    worker.drained(UnixNanos(BEGIN + 10 * SECOND));
    for _ in 0..3 {
        let now = worker.open_told;
        worker.look_for_open(now);
        worker.look_for_open(now + super::OPEN_EVERY);
        worker.look_for_open(now + super::OPEN_AGAIN);
    }
    worker.finish(&outlet);
    let told = rows(&outlet).exchanges.iter().filter(|row| row.provisional).count();
    assert_eq!(told, 4, "at first, and each minute");
}

#[test]
fn minutes_and_open_exchanges_go_on_when_the_clock_is_set_back() {
    let (mut worker, outlet) = (worker(), Outlet::default());
    let mut talk = Conversation::new("10.0.0.1:4999", "10.0.0.2:80");
    talk.handshake();
    give(&mut worker, &talk.take_packets(), 0);
    worker.drained(UnixNanos(BEGIN + SECOND));
    worker.tell_open();
    worker.drained(UnixNanos(BEGIN - 3 * HOUR));
    give(&mut worker, &slow()[0], -3 * HOUR);
    worker.drained(UnixNanos(BEGIN - 3 * HOUR + 90 * SECOND));
    worker.tell_open();
    worker.finish(&outlet);
    let rows = rows(&outlet);
    let mut minutes: Vec<i64> = rows.quality.iter().map(|row| (row.minute - BEGIN) / SECOND).collect();
    minutes.sort_unstable();
    minutes.dedup();
    assert_eq!(minutes, [-10_800, -10_740, 0]);
    assert_eq!(rows.exchanges.iter().filter(|row| row.provisional).count(), 1);
}

#[test]
fn a_clock_that_runs_backwards_gives_no_negative_durations() {
    for step in [-1, -1_000_000, -SECOND, -HOUR] {
        let (mut worker, outlet) = (worker(), Outlet::default());
        for port in 5000..5020 {
            let mut talk = Conversation::new(&format!("10.0.0.1:{port}"), "10.0.0.2:80");
            talk.handshake().client(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n").server(b"HTTP/1.1 204 No Content\r\n\r\n");
            talk.client(b"GET /b HTTP/1.1\r\nHost: a\r\n\r\n").server(b"HTTP/1.1 204 No Content\r\n\r\n").close();
            let mut packets = talk.take_packets();
            let first = i64::from(port - 5000) * 20;
            (first..).zip(&mut packets).for_each(|(n, packet)| packet.at = BEGIN + n * step);
            give(&mut worker, &packets, 0);
            worker.drained(UnixNanos(BEGIN + (first + 20) * step));
        }
        worker.finish(&outlet);
        let rows = rows(&outlet);
        assert_eq!(rows.exchanges.iter().filter(|row| row.status == Some(204)).count(), 40, "step {step}");
        let times = |row: &ExchangeRow| [Some(row.start), row.request_end, row.response_start, row.end];
        let forwards = |row: &&ExchangeRow| times(row).iter().flatten().is_sorted_by(|a, b| a <= b);
        assert_eq!(rows.exchanges.iter().filter(forwards).count(), 40, "step {step}: {:?}", rows.exchanges.first());
        assert!(rows.sessions.iter().all(|row| row.last.is_none_or(|last| last >= row.first)), "step {step}");
    }
}

#[test]
fn interfaces_that_come_and_go_take_no_memory() {
    let mut worker = worker();
    let [asked, _] = slow();
    let data = &asked[0].bytes;
    let length = u32::try_from(data.len()).expect("short");
    let packet = |at| Packet {
        timestamp: UnixNanos(BEGIN + at),
        bad_timestamp: false,
        link_type: LinkType(1),
        original_length: length,
        data,
    };
    let count = 5000;
    (0..count).for_each(|at| worker.packet(&packet(i64::from(at)), at, length));
    let interfaces = worker.report().interfaces;
    assert!(interfaces.len() <= 2000, "{}", interfaces.len());
    assert_eq!(interfaces.values().map(|(packets, _)| packets).sum::<u64>(), u64::from(count));
}

#[test]
fn bodies_balance_at_every_moment_and_under_every_load() {
    let save = Save { bodies: true, ..Save::default() };
    let (mut worker, outlet) = (of(AgentConfig { save, ..AgentConfig::default() }), Outlet::default());
    let mut expected = BodyCounts::default();
    for (level, port) in [(Pressure::None, 1), (Pressure::BodyBytes, 2), (Pressure::Bodies, 3), (Pressure::None, 4)] {
        worker.look(level, super::KernelCounts::default(), &outlet);
        let mut talk = Conversation::new(&format!("10.0.0.1:{port}"), "10.0.0.2:80");
        talk.handshake()
            .client(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
            .server(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234");
        give(&mut worker, &talk.take_packets(), 0);
        expected.wanted += 1;
        let refused = u64::from(level == Pressure::Bodies);
        (expected.refused, expected.open) = (expected.refused + refused, 1 - refused);
        expected.shortened += u64::from(level == Pressure::BodyBytes);
        assert_eq!(worker.report().bodies, expected, "in the middle, {level:?}");
        talk.server(b"56789").close();
        give(&mut worker, &talk.take_packets(), 0);
        (expected.ended, expected.open) = (expected.ended + expected.open, 0);
        assert_eq!(worker.report().bodies, expected, "at the end, {level:?}");
    }
    assert_eq!(expected.wanted, expected.ended + expected.refused);
    worker.finish(&outlet);
    assert_eq!(rows(&outlet).bodies.len() as u64, expected.ended, "each of them became a row");
}

#[test]
fn what_is_lost_is_told_before_its_minute_is_over_and_adds_up() {
    let save = Save { bodies: true, ..Save::default() };
    let (mut worker, outlet) = (of(AgentConfig { save, ..AgentConfig::default() }), Outlet::default());
    let later = super::Instant::now() + super::LOST_EVERY;
    for (level, port) in [(Pressure::Bodies, 1), (Pressure::BodyBytes, 2), (Pressure::None, 3)] {
        worker.look(level, super::KernelCounts { packets: 10 * port, drops: 3 }, &outlet);
        let mut talk = Conversation::new(&format!("10.0.0.1:{port}"), "10.0.0.2:80");
        talk.handshake()
            .client(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
            .server(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789")
            .close();
        give(&mut worker, &talk.take_packets(), 0);
        let before = worker.sink.collector.made();
        worker.look_for_losses(super::Instant::now());
        assert_eq!(worker.sink.collector.made(), before, "not all the time");
        worker.look_for_losses(later + super::LOST_EVERY * u32::try_from(port).expect("small"));
        assert_eq!(worker.sink.collector.made() > before, port < 3, "the last one lost nothing");
    }
    let (bodies, ledger) = (worker.report().bodies, worker.report().ledger);
    worker.finish(&outlet);
    let rows = rows(&outlet).quality;
    let sum = |stage: &str, count: &str, reason: Option<&str>| {
        let same = |row: &&arachne_model::table::QualityRow| {
            (row.stage.as_str(), row.count.as_str(), row.reason.as_deref()) == (stage, count, reason)
        };
        rows.iter().filter(same).map(|row| row.value).sum::<u64>()
    };
    assert_eq!((sum("kernel", "in", None), sum("kernel", "dropped", Some("ring_full"))), (30, 3));
    assert_eq!(sum("packets", "in", None), ledger.packets.input);
    assert_eq!((sum("bodies", "in", None), sum("bodies", "out", None)), (bodies.wanted, bodies.ended));
    assert_eq!(sum("bodies", "dropped", Some("pressure")), 1);
    assert_eq!(sum("bodies", "shortened", Some("pressure")), 1);
}

/// As many bodies at once as the limits allow, and some more: those are given up, and counted as that.
#[test]
fn bodies_beyond_the_limit_are_given_up_and_counted() {
    let save = Save { bodies: true, ..Save::default() };
    let (mut worker, outlet) = (of(AgentConfig { save, ..AgentConfig::default() }), Outlet::default());
    let mut talks: Vec<_> =
        (0..1200).map(|n| Conversation::new(&format!("10.0.0.1:{}", 1000 + n), "10.0.0.2:80")).collect();
    for talk in &mut talks {
        talk.handshake()
            .client(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
            .server(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234");
        give(&mut worker, &talk.take_packets(), 0);
    }
    let BodyCounts { wanted, open, given_up, .. } = worker.report().bodies;
    assert!(given_up > 0 && open > 0, "{open} are open, {given_up} were given up");
    assert_eq!(wanted, open + given_up);
    for talk in &mut talks {
        talk.server(b"56789").close();
        give(&mut worker, &talk.take_packets(), 0);
    }
    let BodyCounts { wanted, open, ended, given_up, .. } = worker.report().bodies;
    assert_eq!((open, wanted), (0, ended + given_up));
    worker.finish(&outlet);
    assert_eq!(rows(&outlet).bodies.len() as u64, ended, "each of them became a row");
}
