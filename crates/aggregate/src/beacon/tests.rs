//! What beacons become, whatever they say.

use proptest::prelude::*;

use super::*;
use crate::series::Value;
use crate::time::SECOND;

const AGENT: &[u8] = b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/138.0.0.0 Safari/537.36";
const NOW: i64 = 1_795_255_200 * SECOND;

fn beacons() -> Beacons {
    Beacons::new(Normaliser::default(), 7)
}

/// All series as `name labels` with their totals.
fn series(beacons: &mut Beacons) -> BTreeMap<String, i128> {
    let mut all = BTreeMap::new();
    for (_, window) in beacons.finish() {
        window.series(&mut |series| {
            let labels: Vec<_> = series.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
            *all.entry(format!("{} {}", series.name, labels.join(" "))).or_default() += series.value.total();
        });
    }
    all
}

#[test]
fn a_page_view_in_all_its_parts() {
    let query = "v=1&p=/cart/17&r=42&id=0123456789abcdef&redirect=0&dns=18&tcp=54.5&tls=30&server=233&transfer=122&processing=1611\
                 &load=2100&lcp=2600.5&fcp=900&cls=0.26&inp=90&err=2&w=10&st=db%3A12.5,cache:3&unknown=x";
    let mut beacons = beacons();
    let beacon = beacons.push(query.as_bytes(), AGENT, NOW, NOW).expect("it is one");
    assert_eq!((beacon.page.as_str(), beacon.release.as_deref()), ("/cart/{id}", Some("42")));
    assert_eq!(beacon.request.as_deref(), Some("0123456789abcdef"));
    assert_eq!(beacon.stages[2], Some(54_500_000));
    assert_eq!(beacon.load, Some(2_100_000_000));
    assert_eq!(beacon.vitals, [Some(2_600_500_000), Some(90_000_000), Some(900_000_000), Some(260_000_000)]);
    assert_eq!(beacon.server, [("db".to_owned(), 12_500_000), ("cache".to_owned(), 3_000_000)]);
    assert!(beacon.is_view() && beacon.is_poor());
    let all = series(&mut beacons);
    assert_eq!(all["browser.views page=/cart/{id} release=42"], 10);
    assert_eq!(all["browser.errors page=/cart/{id} release=42"], 20);
    assert_eq!(all["browser.stage.time page=/cart/{id} release=42 stage=tls"], 10);
    assert_eq!(all["browser.vitals page=/cart/{id} release=42 rating=fair vital=lcp"], 10);
    assert_eq!(all["browser.vitals page=/cart/{id} release=42 rating=poor vital=cls"], 10);
    assert_eq!(all["browser.vitals page=/cart/{id} release=42 rating=good vital=inp"], 10);
    assert_eq!(beacons.outcomes(), BTreeMap::from([("counted", 1)]));
}

#[test]
fn vitals_that_come_later_are_no_second_view() {
    let mut beacons = beacons();
    beacons.push(b"v=1&p=index&dns=18&server=200", AGENT, NOW, NOW).expect("a view");
    beacons.push(b"v=1&p=index&lcp=1200", AGENT, NOW, NOW).expect("vitals");
    let all = series(&mut beacons);
    assert_eq!((all["browser.views page=index"], all["browser.load.time page=index"]), (1, 1));
    assert_eq!(all["browser.vital.time page=index vital=lcp"], 1);
}

#[test]
fn what_cannot_be_is_counted_by_reason() {
    let cases = [
        ("", Unfit::Unreadable),
        ("v=1", Unfit::Unreadable),
        ("v=1&p=index", Unfit::Unreadable),
        ("p=index&dns=1", Unfit::Unreadable),
        ("v=2&p=index&dns=1", Unfit::Unreadable),
        ("v=1&p=&dns=1", Unfit::Unreadable),
        ("v=1&p=index&dns=-1", Unfit::Impossible),
        ("v=1&p=index&dns=9999999999999", Unfit::Impossible),
        ("v=1&p=index&dns=600001", Unfit::Impossible),
        ("v=1&p=index&dns=abc", Unfit::Impossible),
        ("v=1&p=index&dns=NaN", Unfit::Impossible),
        ("v=1&p=index&dns=0&tcp=0&server=0", Unfit::Impossible),
        ("v=1&p=index&cls=1e9", Unfit::Impossible),
        ("v=1&p=index&dns=1&bot=1", Unfit::Bot),
    ];
    let mut beacons = beacons();
    for (query, expected) in cases {
        assert_eq!(beacons.push(query.as_bytes(), AGENT, NOW, NOW), Err(expected), "{query}");
    }
    let good = b"v=1&p=index&dns=1";
    assert_eq!(beacons.push(good, b"Googlebot/2.1", NOW, NOW), Err(Unfit::Bot));
    assert_eq!(beacons.push(good, AGENT, NOW + 300 * SECOND, NOW), Err(Unfit::Late));
    assert_eq!(beacons.push(&b"v=1&p=x&dns=1&".repeat(500), AGENT, NOW, NOW), Err(Unfit::Unreadable));
    beacons.refuse();
    let counted: u64 = beacons.outcomes().values().sum();
    assert_eq!(counted, cases.len() as u64 + 4);
    assert!(series(&mut beacons).is_empty());
}

#[test]
fn pages_that_strangers_make_up_are_one_and_heavy_ones_come_back() {
    let mut beacons = beacons();
    for n in 0..5000 {
        let query = format!("v=1&p=page-{}&r={n}&dns=1", ["a", "b", "c", "d"][n % 4]);
        beacons.push(query.as_bytes(), AGENT, NOW, NOW).expect("a beacon");
    }
    let all = series(&mut beacons);
    let views: Vec<_> = all.iter().filter(|(name, _)| name.starts_with("browser.views")).collect();
    assert_eq!(views.len(), GROUPS_MAX + 1);
    assert_eq!(views.iter().map(|(_, total)| **total).sum::<i128>(), 5000);
    assert_eq!(all["browser.views page=~other"], 5000 - GROUPS_MAX as i128);
    assert!(
        (1..=48).contains(&all["browser.other_max "]),
        "each came once, 100 are watched: {}",
        all["browser.other_max "]
    );
    for second in [10, 20] {
        for _ in 0..50 {
            beacons.push(b"v=1&p=home&dns=1", AGENT, NOW + second * SECOND, NOW + second * SECOND).expect("a beacon");
        }
        assert_eq!(series(&mut beacons)["browser.other_max "], 50);
    }
    // Half an hour later nobody else has earned a place.
    let later = NOW + 2000 * SECOND;
    for second in [0, 10] {
        for _ in 0..50 {
            beacons
                .push(b"v=1&p=home&dns=1", AGENT, later + second * SECOND, later + second * SECOND)
                .expect("a beacon");
        }
    }
    assert_eq!(series(&mut beacons)["browser.views page=home"], 50);
}

proptest! {
    #[test]
    fn any_query_is_a_beacon_or_refused(query: Vec<u8>, agent: Vec<u8>) {
        let mut beacons = beacons();
        let _ = beacons.push(&query, &agent, NOW, NOW);
        let _ = beacons.push(&[b"v=1&p=a%F0&dns=1&st=".as_slice(), &query].concat(), AGENT, NOW, NOW);
        for (_, window) in beacons.finish() {
            window.series(&mut |series| {
                assert!(matches!(series.value, Value::Count(1..) | Value::Histogram(_)));
                assert!(series.labels.iter().all(|(_, value)| !value.chars().any(char::is_control)));
            });
        }
    }
}
