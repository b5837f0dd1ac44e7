//! Whatever the network did to a conversation, the same exchanges come out; with losses none is paired wrongly.

use arachne_model::{Anomaly, Exchange, Message};
use arachne_testkit::conversation::{Packet, Side};
use arachne_testkit::{Random, disorder};
use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};

use crate::script::{Disorder, Expected, disorder as any_disorder, fragmented, packets, picture, script, spec};
use crate::speak::{byte_by_byte, speak};
use crate::support::{Found, body_hash, line, run};

fn plain() -> Disorder {
    Disorder { seed: 1, cuts: 1, distance: 0, repeats: 0, again: 0, starts: (1000, 5000), wrapping: 0 }
}

fn shown(packets: &[Packet], network: &Disorder) -> String {
    if network.wrapping == 0 { picture(packets, network.starts) } else { String::new() }
}

fn rows(found: &Found) -> Vec<Expected> {
    found.exchanges.iter().map(row).collect()
}

fn row(exchange: &Exchange) -> Expected {
    let response = exchange.response.as_ref();
    let Some(request) = exchange.request.as_ref() else { return Expected::default() };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let arachne_model::StartLine::Request { method, target, .. } = request.start_line else {
        panic!("a request begins with a request line")
    };
    let status = match response.map(|r| r.start_line) {
        Some(arachne_model::StartLine::Response { status, .. }) => status,
        _ => 0,
    };
    let size = |m: Option<&Message>| m.map_or(0, |m| m.body.size);
    (
        text(request.text(method)),
        text(request.text(target)),
        status,
        size(Some(request)),
        size(response),
        tapped(Some(request)),
        tapped(response),
    )
}

fn tapped(message: Option<&Message>) -> u64 {
    let hash = message.and_then(|m| m.body.tap.as_ref()).and_then(|tap| tap.sha256);
    hash.map_or_else(|| body_hash(b""), |hash| u64::from_le_bytes(hash[..8].try_into().unwrap()))
}

/// The id that both messages of an exchange carry, where both were seen that far.
fn ids(exchange: &Exchange) -> Option<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let request = exchange.request.as_ref()?.header("x-id").map(text)?;
    Some((request, exchange.response.as_ref()?.header("x-id").map(text)?))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: std::env::var("PROPERTY_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(300), max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn any_network_gives_the_same_exchanges(
        specs in proptest::collection::vec(spec(), 1..8),
        disorder in any_disorder(),
    ) {
        let (turns, expected) = script(&specs);
        let packets = packets(&turns, &disorder);
        let found = run(&packets);
        prop_assert_eq!(rows(&found), expected, "{:?} {}", found.lines(), shown(&packets, &disorder));
        prop_assert_eq!(found.sessions.len(), 1);
        prop_assert_eq!(found.summary.ledger.bytes_lost, 0);
        let quiet = [Anomaly::DuplicatePacket];
        prop_assert!(found.summary.anomalies.iter().all(|a| quiet.contains(&a)), "{:?} {}", found.flags(), shown(&packets, &disorder));
    }

    #[test]
    fn any_fragmentation_gives_the_same_exchanges(
        specs in proptest::collection::vec(spec(), 1..4),
        size in 8..700_usize,
        seed in any::<u64>(),
    ) {
        let (turns, expected) = script(&specs);
        let whole = packets(&turns, &plain());
        prop_assert_eq!(rows(&run(&fragmented(&whole, size, &mut Random::new(seed)))), expected);
    }

    #[test]
    fn byte_by_byte_is_the_same(specs in proptest::collection::vec(spec(), 1..5)) {
        let (turns, expected) = script(&specs);
        let segments = Disorder { cuts: 1_000_000, ..plain() };
        prop_assert_eq!(rows(&run(&packets(&turns, &segments))), expected);
        prop_assert_eq!(byte_by_byte(&turns), speak(&turns));
    }

    #[test]
    fn a_loss_pairs_nobody_wrongly(
        specs in proptest::collection::vec(spec(), 1..12),
        mut network in any_disorder(),
        loss in 2..30_usize,
    ) {
        let mut specs = specs;
        specs.iter_mut().for_each(|spec| spec.pipelined = false);
        network.distance = 0;
        let (turns, expected) = script(&specs);
        let whole = packets(&turns, &network);
        let left = disorder::lose(&whole, loss, &mut Random::new(network.seed ^ 1));
        let found = run(&left);
        for exchange in &found.exchanges {
            check_against(exchange, &expected, &format!("{:#?} {}", found.lines(), shown(&left, &network)))?;
        }
    }

    /// With pipelining, how many requests were in a gap cannot always be told; but that there was one is.
    #[test]
    fn a_loss_among_pipelined_requests_is_flagged(
        specs in proptest::collection::vec(spec(), 1..12),
        network in any_disorder(),
        loss in 5..30_usize,
    ) {
        let (turns, _) = script(&specs);
        let network = Disorder { distance: 0, ..network };
        let left = disorder::lose(&packets(&turns, &network), loss, &mut Random::new(network.seed ^ 1));
        let found = run(&left);
        for exchange in &found.exchanges {
            let wrong = ids(exchange).is_some_and(|(request, response)| request != response);
            let session = found.sessions.iter().find(|s| s.number == exchange.session).unwrap();
            prop_assert!(!wrong || session.anomalies.contains(Anomaly::Gap), "{} {:#?} {}", line(exchange), found.lines(), shown(&left, &network));
        }
    }

    #[test]
    fn noise_on_a_connection_is_survived(
        chunks in proptest::collection::vec((any::<bool>(), proptest::collection::vec(any::<u8>(), 0..60)), 0..20),
        specs in proptest::collection::vec(spec(), 0..3),
    ) {
        let (mut turns, _) = script(&specs);
        for (at, (client, bytes)) in chunks.into_iter().enumerate() {
            let side = if client { Side::Client } else { Side::Server };
            turns.insert((at * 3).min(turns.len()), (side, bytes));
        }
        turns.retain(|(_, bytes)| !bytes.is_empty());
        run(&packets(&turns, &plain()));
    }
}

/// An exchange under loss: never another's answer, never a silent cut.
fn check_against(
    exchange: &Exchange,
    expected: &[Expected],
    shown: &str,
) -> Result<(), proptest::test_runner::TestCaseError> {
    if let Some((request, response)) = ids(exchange) {
        prop_assert_eq!(request, response, "{} {}", line(exchange), shown);
    }
    let missing = [&exchange.request, &exchange.response].into_iter().flatten().any(|m| m.body.missing > 0);
    prop_assert!(!missing || exchange.anomalies.contains(Anomaly::Gap), "{} {}", line(exchange), shown);
    let whole = |m: &Option<Message>| m.as_ref().is_some_and(|m| m.complete && m.body.missing == 0);
    let told = [Anomaly::Gap, Anomaly::Incomplete, Anomaly::OneSided, Anomaly::Ambiguous, Anomaly::Midstream];
    if whole(&exchange.request) && whole(&exchange.response) && !told.iter().any(|a| exchange.anomalies.contains(*a)) {
        prop_assert!(expected.contains(&row(exchange)), "{} {}", line(exchange), shown);
    }
    Ok(())
}
