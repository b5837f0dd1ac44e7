//! Lines of logs by code: whole sums, what is new, gone or comes at once, and what a click lists.

use std::collections::BTreeMap;

use arachne_filter::render;
use arachne_model::table::{LogRow, Rows};
use arachne_query::{CodeRow, CodeState, CodesAnswer, CodesQuery, Compare, ListQuery, Queries, Scope, Total, When};
use arachne_store::conformance::Random;
use arachne_store::{MemoryStore, Store as _, Token, Unwatched};

use crate::support::BEGIN;

const MINUTE: i64 = 60_000_000_000;
const DAY: i64 = 1440 * MINUTE;

fn line(at: i64, level: &str, code: Option<&str>, template: &str, weight: u64) -> LogRow {
    LogRow {
        start: at,
        id: format!("{at:x}-{level}-{}-{}", code.unwrap_or(""), template.len()),
        agent: "web-1".to_owned(),
        file: "/var/log/shop.log".to_owned(),
        service: Some("shop".to_owned()),
        level: (!level.is_empty()).then(|| level.to_owned()),
        code: code.map(str::to_owned),
        template: template.to_owned(),
        message: format!("{template} at {at}"),
        weight,
        ..LogRow::default()
    }
}

fn store(logs: Vec<LogRow>) -> MemoryStore {
    let store = MemoryStore::new();
    let rows = Rows { logs, ..Rows::default() };
    assert!(store.append(&Token { sender: "test".into(), sequence: 0 }, rows).expect("a store in memory takes rows"));
    store
}

fn query() -> CodesQuery {
    let (from, to) = (Some(When::At(BEGIN)), Some(When::At(BEGIN + 60 * MINUTE)));
    CodesQuery { from, to, ..CodesQuery::default() }
}

fn ask(store: &MemoryStore, query: &CodesQuery) -> CodesAnswer {
    Queries::new(store, BEGIN + DAY, &Unwatched).codes(query).expect("a question in order")
}

fn row<'a>(answer: &'a CodesAnswer, name: &str) -> &'a CodeRow {
    let named = |row: &&CodeRow| row.code.as_deref().or(row.template.as_deref()) == Some(name);
    answer.rows.iter().find(named).expect("there is such a row")
}

#[test]
fn every_line_is_counted_once_and_listed_by_a_click() {
    for seed in 0..20 {
        let mut random = Random::new(seed);
        let one = |random: &mut Random| {
            let code = random.of(&[&None, &Some("PAY001"), &Some("DB002")]).to_owned();
            let mut row = line(
                random.between(BEGIN - 60 * MINUTE, BEGIN + 60 * MINUTE),
                random.of(&["error", "warn", "info", ""]),
                code,
                random.of(&["pool of <*> is empty", "payment <*> failed", "a \"quoted\" text"]),
                1 + random.below(9),
            );
            row.service = random.of(&[&None, &Some("shop"), &Some("pay")]).map(str::to_owned);
            row.id = format!("{}-{}", row.id, random.below(1 << 40));
            row
        };
        let rows: Vec<LogRow> = (0..300).map(|_| one(&mut random)).collect();
        let inside = |row: &&LogRow| row.start >= BEGIN && row.start < BEGIN + 60 * MINUTE;
        let mut expected: BTreeMap<_, (u64, u64)> = BTreeMap::new();
        for row in rows.iter().filter(inside) {
            let template = row.code.is_none().then(|| row.template.clone());
            let counts =
                expected.entry((row.code.clone(), template, row.service.clone(), row.level.clone())).or_default();
            counts.0 += row.weight;
            counts.1 += 1;
        }
        let store = store(rows);
        let limit = usize::try_from(random.below(60)).expect("small");
        let answer = ask(&store, &CodesQuery { limit, ..query() });
        assert!(answer.rows.len() <= limit);
        for row in answer.rows.iter().filter(|row| row.records > 0) {
            let key = (row.code.clone(), row.template.clone(), row.service.clone(), row.level.clone());
            assert_eq!(
                expected.get(&key),
                Some(&(u64::try_from(row.lines).expect("positive"), row.records)),
                "{key:?}"
            );
            assert_eq!(row.spark.iter().sum::<i64>(), row.lines);
            assert!(row.drill.exact, "{row:?}");
            let scope = Scope {
                table: "log_records".to_owned(),
                filter: row.drill.filter.clone(),
                from: query().from,
                to: query().to,
                mode: row.drill.mode,
                ..Scope::default()
            };
            let list = ListQuery { scope, limit: 1, count: Total::Exact, ..ListQuery::default() };
            let listed = Queries::new(&store, BEGIN + DAY, &Unwatched).list(&list).expect("a drill opens a list");
            assert_eq!(listed.total, Some(row.records), "{}", row.drill.filter);
            let sample = row.sample.as_ref().expect("it has lines");
            assert_eq!(Some(sample.start), row.last);
            assert!(render::and(&["", &row.drill.filter]).contains("service"), "{}", row.drill.filter);
        }
        let told = answer.rows.iter().map(|row| row.lines).sum::<i64>() + answer.other.lines;
        assert_eq!(told, answer.total.lines);
        let all = expected.values().fold((0, 0), |sum, counts| (sum.0 + counts.0, sum.1 + counts.1));
        assert_eq!((u64::try_from(answer.total.lines), answer.total.records), (Ok(all.0), all.1));
    }
}

#[test]
fn what_is_new_gone_or_comes_at_once_is_told() {
    let old = BEGIN - 30 * MINUTE;
    let mut rows = vec![
        line(old, "warn", Some("A-OLD-001"), "seen before", 1),
        line(BEGIN, "warn", Some("A-OLD-001"), "seen before", 1),
        line(old, "error", Some("A-GONE-002"), "was there", 7),
        line(BEGIN + MINUTE, "error", Some("A-NEW-003"), "never seen", 1),
        // Seen, but not in the range right before.
        line(BEGIN - DAY, "info", None, "once a <*>", 1),
        line(BEGIN, "info", None, "once a <*>", 1),
    ];
    for minute in 0..60 {
        rows.push(line(BEGIN - (60 - minute) * MINUTE, "info", Some("A-EVEN-004"), "steady", 3));
        rows.push(line(BEGIN + minute * MINUTE, "info", Some("A-EVEN-004"), "steady", 3));
        rows.push(line(BEGIN - (60 - minute) * MINUTE, "error", Some("A-BURST-005"), "pool", 1));
        rows.push(line(
            BEGIN + minute * MINUTE,
            "error",
            Some("A-BURST-005"),
            "pool",
            if minute == 30 { 40 } else { 1 },
        ));
    }
    let store = store(rows);
    let answer = ask(&store, &query());
    let states = |name: &str| row(&answer, name).states.clone();
    assert_eq!(states("A-OLD-001"), []);
    assert_eq!(states("A-GONE-002"), [CodeState::Gone]);
    assert_eq!(states("A-NEW-003"), [CodeState::New]);
    assert_eq!(states("once a <*>"), []);
    assert_eq!(states("A-EVEN-004"), []);
    assert_eq!(states("A-BURST-005"), [CodeState::Burst]);
    let gone = row(&answer, "A-GONE-002");
    assert_eq!((gone.lines, gone.before, gone.first), (0, 7, None));
    assert_eq!(gone.sample.as_ref().map(|sample| &*sample.message), Some(&*format!("was there at {old}")));
    // The gravest first, of each the most lines.
    let codes: Vec<&str> = answer.rows.iter().map(|row| row.code.as_deref().unwrap_or("-")).collect();
    assert_eq!(codes, ["A-BURST-005", "A-GONE-002", "A-NEW-003", "A-OLD-001", "A-EVEN-004", "-"]);
    // With a shorter memory what was a day ago is new; yesterday it was there.
    let forgetful = ask(&store, &CodesQuery { known: arachne_query::Span(120 * MINUTE), ..query() });
    assert_eq!(row(&forgetful, "once a <*>").states, [CodeState::New]);
    let yesterday = ask(&store, &CodesQuery { compare: Compare::Yesterday, ..query() });
    assert_eq!(row(&yesterday, "once a <*>").before, 1);
}

#[test]
fn the_first_lines_of_all_are_not_called_new() {
    let store = store(vec![line(BEGIN, "error", Some("A-FIRST-001"), "first of all", 1)]);
    let answer = ask(&store, &query());
    assert_eq!((answer.known_from, row(&answer, "A-FIRST-001").states.len()), (None, 0));
    let none = ask(&store, &CodesQuery { filter: "code:NO-SUCH-*".to_owned(), ..query() });
    assert_eq!((none.rows.len(), none.total.lines), (0, 0));
}
