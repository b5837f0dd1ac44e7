//! The visitors of the shop. Visits begin at random instants, whether or not earlier ones are over: slow answers do not
//! slow visitors down, as in life.

mod apps;
mod browsers;
mod strangers;
mod visitor;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use crate::Failure;
use crate::random::Random;
use visitor::{Host, Visitor};

/// How long the last visits may take once no more begin.
const LAST: Duration = Duration::from_secs(40);

/// Kinds of visits and how many of each begin in a second.
const KINDS: [(Kind, f64); 8] = [
    (Kind::Browser, 0.6),
    (Kind::App, 0.6),
    (Kind::Crawler, 0.07),
    (Kind::Scanner, 0.02),
    (Kind::Impatient, 0.06),
    (Kind::Report, 0.05),
    (Kind::LongPoll, 0.03),
    (Kind::Live, 0.02),
];

#[derive(Clone, Copy)]
enum Kind {
    Browser,
    App,
    Crawler,
    Scanner,
    Impatient,
    Report,
    LongPoll,
    Live,
}

/// Where a visitor is, and the proxy's address of the same family.
type Place = (IpAddr, SocketAddr);

/// Lets visits begin for `seconds`, from all addresses, and waits for the last ones.
///
/// # Errors
/// No address is of a family that the proxy has.
pub async fn run(edges: &[SocketAddr], from: &[IpAddr], seconds: u64, seed: u64) -> Result<(), Failure> {
    let edge = |from: IpAddr| edges.iter().find(|edge| edge.is_ipv4() == from.is_ipv4());
    let places: Vec<Place> = from.iter().filter_map(|from| Some((*from, *edge(*from)?))).collect();
    let [first, .., last] = places.as_slice() else {
        return Err("visitors need two addresses of the proxy's families".into());
    };
    let random = Random::new(seed);
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut visits = JoinSet::new();
    for (number, (kind, rate)) in KINDS.into_iter().enumerate() {
        // People come from everywhere; of the others each kind has its home.
        let homes = if number < 2 { places.clone() } else { vec![places[(number + 1) % places.len()]] };
        visits.spawn(begin(kind, rate, homes, Random::new(random.number()), end));
    }
    visits.spawn(apps::partner(Visitor::new(*first, "Haberdash-Sync/3.1", random.number()), end));
    visits.spawn(apps::monitor(Visitor::new(*last, "uptime-probe/2.0", random.number()), end));
    while visits.join_next().await.is_some() {}
    Ok(())
}

/// Begins visits of a kind until `end`, and waits for them.
async fn begin(kind: Kind, rate: f64, homes: Vec<Place>, random: Random, end: Instant) {
    let (mut visits, began) = (JoinSet::new(), Instant::now());
    loop {
        // Busier and calmer minutes.
        let wave = 1.0 + 0.35 * (began.elapsed().as_secs_f64() / 37.0).sin();
        let next = Instant::now() + random.gap(rate * wave);
        if next >= end {
            break;
        }
        sleep_until(next).await;
        visits.spawn(visit(kind, *random.pick(&homes), random.number()));
    }
    sleep_until(end).await;
    // Who is still there then leaves.
    let _ = timeout(LAST, async { while visits.join_next().await.is_some() {} }).await;
}

async fn visit(kind: Kind, place: Place, seed: u64) {
    let visitor = |agent: &'static str| Visitor::new(place, agent, seed);
    match kind {
        Kind::Browser => browsers::visit(visitor(browsers::agent(seed))).await,
        Kind::App => apps::app(visitor("LoomApp/5.2 (Android 16)")).await,
        Kind::Report => {
            apps::report(visitor("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"))
                .await
        }
        Kind::LongPoll => apps::long_poll(visitor("LoomApp/5.2 (iOS 26.1)")).await,
        Kind::Crawler => {
            strangers::crawler(visitor("Mozilla/5.0 (compatible; Patternbot/1.1; +http://bot.example/)")).await
        }
        Kind::Scanner => strangers::scanner(visitor("zgrab/0.x")).await,
        Kind::Impatient => strangers::impatient(visitor(browsers::agent(seed))).await,
        Kind::Live => strangers::live(visitor("LoomApp/5.2 (iOS 26.1)")).await,
    }
}

/// The hosts that the proxy answers for.
const WWW: Host = Host("www.loom.example");
const API: Host = Host("api.loom.example");
const STATIC: Host = Host("static.loom.example");
