//! Beacons of browsers: which metrics they become, and a receiver for those that come straight to a server. Those in access logs
//! are read by `logs`.

use arachne_aggregate::Normaliser;
pub use arachne_aggregate::beacon::Unfit;
use arachne_aggregate::beacon::{Beacon, Beacons};
use arachne_content::redact::Redactor;
use arachne_model::table::{LogRow, PointRow};

use crate::Metric;
use crate::logs::metrics::Points;
use crate::logs::record::{Place, Records};
use crate::logs::sample::{Budget, Sampler};
use arachne_aggregate::windows::WIDTH;

/// What it reads.
pub const SAYS: &str = "Browsers tell how pages were loaded ([browser.md](browser.md)): to the server itself (the agent is `~server`), or to a \
location `/stat` of nginx, whose log is read (labels `file`, `service` and `server` as for logs). `page` is the group of pages or the template of its \
path, `release` what the page says of itself; the heaviest 256 pairs have series of their own, all others are `~other`. A page that \
tells of one in n views counts n times.";

const NAVIGATION: &str = "Navigation Timing 2";
const VITALS: &str = "web.dev/articles/vitals";
const OUTCOMES: Metric = Metric::counter(
    "browser.beacons",
    "1",
    &["outcome"],
    "beacons by what became of them: counted, bot, impossible (a value that no page can have), unreadable, late, limited (too many came)",
    "the beacons",
);
/// What it measures.
pub const METRICS: &[&[Metric]] = &[&[
    Metric::counter("browser.views", "1", &["page", "release"], "page views", NAVIGATION),
    Metric::histogram(
        "browser.stage.time",
        "ns",
        &["page", "release", "stage"],
        "time of a stage: redirect, dns, tcp (tls is apart), tls, server (to the first byte), transfer, processing (to the load event)",
        NAVIGATION,
    ),
    Metric::histogram("browser.load.time", "ns", &["page", "release"], "from the click to the load event", NAVIGATION),
    Metric::histogram(
        "browser.vital.time",
        "ns",
        &["page", "release", "vital"],
        "lcp (the largest thing was painted), inp (answer to a click or key), fcp (anything was painted)",
        VITALS,
    ),
    Metric::histogram("browser.layout_shift", "1e-9", &["page", "release"], "how far things moved (cls)", VITALS),
    Metric::counter(
        "browser.vitals",
        "1",
        &["page", "rating", "release", "vital"],
        "pages by rating (good, fair, poor) of lcp, inp, fcp and cls",
        VITALS,
    ),
    Metric::counter("browser.errors", "1", &["page", "release"], "script errors", "the event `error`"),
    Metric::counter(
        "browser.other_max",
        "1",
        &[],
        "no page and release within `~other` has more beacons than this",
        "the beacons",
    ),
    OUTCOMES,
]];

/// Bytes per second of beacons that are kept.
const KEPT_PER_SECOND: u64 = 32 << 10;

/// Hands over what became of beacons since the last time.
pub(crate) fn tell(beacons: &mut Beacons, start: i64, points: &mut Points<'_>) {
    for (start, window) in beacons.finish() {
        window.series(&mut |series| points.series(series, start));
    }
    for (outcome, count) in beacons.outcomes() {
        points.put(&OUTCOMES, &[outcome], start, count);
    }
}

/// Takes beacons that are sent straight to a server.
pub struct Receiver {
    beacons: Beacons,
    records: Records,
    sampler: Sampler,
    budget: Budget,
    kept: Vec<LogRow>,
    /// Names records, with the seed.
    number: u64,
    seed: u64,
}

/// The file of their records: the route that takes them.
const ROUTE: &str = "/rum";

impl Receiver {
    /// A receiver; what it keeps passes `redactor`. `seed` is random.
    #[must_use]
    pub fn new(redactor: Redactor, seed: u64) -> Self {
        Self {
            beacons: Beacons::new(Normaliser::default(), seed),
            records: Records::new(redactor),
            sampler: Sampler::default(),
            budget: Budget::new(KEPT_PER_SECOND),
            kept: Vec::new(),
            number: 0,
            seed,
        }
    }

    /// A beacon came at `now`, in nanoseconds since the Unix epoch.
    ///
    /// # Errors
    /// Why it does not count.
    pub fn push(&mut self, query: &[u8], user_agent: &[u8], now: i64) -> Result<(), Unfit> {
        let beacon = self.beacons.push(query, user_agent, now, now)?;
        if let Some(weight) = weight(&beacon, &mut self.sampler, now)
            && self.budget.take(query.len() as u64, now)
        {
            self.number += 1;
            let place = Place { path: ROUTE, service: Some("browser"), offset: self.number, arrived: now };
            let row = self.records.beacon(&place, now, query, &beacon, weight);
            self.kept.push(LogRow { id: format!("{:x} {:x}", self.seed, self.number), ..row });
        }
        Ok(())
    }

    /// Makes templates by other rules from now on.
    pub fn go_by(&mut self, normaliser: Normaliser) {
        self.beacons.go_by(normaliser);
    }

    /// One was not even looked at: too many came.
    pub fn refuse(&mut self) {
        self.beacons.refuse();
    }

    /// All that was counted since this was asked last, and the records; the `id` of a record is a text that no other has.
    pub fn take(&mut self, now: i64) -> (Vec<PointRow>, Vec<LogRow>) {
        let mut out = Vec::new();
        tell(&mut self.beacons, now.div_euclid(WIDTH) * WIDTH, &mut Points { own: &[], out: &mut out });
        (out, std::mem::take(&mut self.kept))
    }
}

/// How many beacons a kept one stands for; None where it is not kept. Poor ones are kept first of all.
pub(crate) fn weight(beacon: &Beacon, sampler: &mut Sampler, now: i64) -> Option<u64> {
    if beacon.is_poor() {
        Some(beacon.weight)
    } else {
        sampler.keep(now).map(|weight| weight.saturating_mul(beacon.weight))
    }
}

#[cfg(test)]
mod tests {
    use arachne_content::redact::{Key, Rules};

    use super::*;
    use crate::testing::Found;

    const NOW: i64 = 1_795_255_200_000_000_000;
    const BROWSER: &[u8] = b"Mozilla/5.0 Chrome/138.0.0.0";

    #[test]
    fn a_beacon_is_points_and_a_record_that_leads_to_its_request() {
        let mut receiver = Receiver::new(Redactor::new(Key::new([7; 32]), Rules::default()), 1);
        let query = b"v=1&p=/cart/17?token=hunter2secret&r=42&id=0123456789abcdef&redirect=1&dns=18&tcp=9&tls=7&server=233&transfer=12\
                      &processing=900&load=1180&lcp=4200&inp=90&fcp=700&cls=0.01&err=1&st=db:12.5";
        receiver.push(query, BROWSER, NOW).expect("it is one");
        receiver.push(query, b"Googlebot", NOW).expect_err("it is a bot");
        let (points, records) = receiver.take(NOW + 1);
        let found = Found { points, ..Found::default() };
        // Nothing is in `~other` here.
        for metric in METRICS[0].iter().filter(|metric| metric.name != "browser.other_max") {
            let point = found.points.iter().find(|point| point.name == metric.name);
            let point = point.unwrap_or_else(|| panic!("no {}", metric.name));
            assert_eq!(
                (point.unit.as_str(), point.kind.as_str()),
                (metric.unit, metric.kind.name()),
                "{}",
                metric.name
            );
            assert!(metric.labels.iter().all(|label| point.labels.contains(&format!("{label}: "))), "{point:?}");
        }
        let [record] = records.as_slice() else { panic!("one of two: {records:?}") };
        assert_eq!(record.request.as_deref(), Some("0123456789abcdef"));
        assert_eq!((record.level.as_deref(), record.template.as_str()), (Some("warn"), "/cart/{id}"));
        assert!(
            record.fields.contains("stage.server_ns: 233000000\n") && record.fields.contains("lcp_ns: 4200000000\n")
        );
        assert!(record.fields.contains("rating: poor\n"), "{}", record.fields);
        assert!(record.fields.contains("server_timing.db_ns: 12500000\n"), "{}", record.fields);
        assert!(!record.message.contains("hunter2"), "{}", record.message);
        assert_eq!(receiver.take(NOW + 2), (Vec::new(), Vec::new()));
    }
}
