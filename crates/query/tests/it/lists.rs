//! Pages, single rows, and what belongs to them.

use std::collections::BTreeSet;

use arachne_query::{Cell, ListQuery, PageOf, Scope, Total, When};
use arachne_store::conformance::Random;

use crate::support::{queries, scope, store};

#[test]
fn pages_together_are_the_list() {
    let store = store(21, 200);
    let queries = queries(&store);
    let mut random = Random::new(1);
    for round in 0..20 {
        let order = (*random.of(&["start", "duration", "wait", "status", "size", "end"])).to_owned();
        let columns = vec!["id".to_owned(), order.clone(), "class".to_owned()];
        let scope = scope(&mut random);
        let all = ListQuery {
            scope,
            order,
            columns,
            ascending: round % 2 == 0,
            limit: 10_000,
            count: Total::Exact,
            ..ListQuery::default()
        };
        let whole = queries.list(&all).expect("it is answered");
        assert_eq!((whole.next, whole.total), (None, Some(whole.rows.len() as u64)));
        let mut page = ListQuery { limit: 7, count: Total::None, ..all };
        let mut rows = Vec::new();
        loop {
            let answer = queries.list(&page).expect("it is answered");
            rows.extend(answer.rows);
            page.cursor = answer.next;
            if page.cursor.is_none() {
                break;
            }
        }
        assert_eq!(rows, whole.rows);
    }
}

#[test]
fn a_cursor_of_another_list_is_refused() {
    let store = store(22, 50);
    let query = ListQuery { limit: 1, ..ListQuery::default() };
    let next = queries(&store).list(&query).expect("it is answered").next;
    assert!(next.is_some());
    let other = ListQuery { cursor: next.clone(), ascending: true, ..query.clone() };
    assert_eq!(queries(&store).list(&other).expect_err("another list").code(), "bad-cursor");
    let columns = ListQuery { cursor: next, columns: vec!["path".into()], limit: 5, ..query };
    assert!(queries(&store).list(&columns).is_ok(), "columns and limit may change");
}

#[test]
fn rows_have_their_computed_columns() {
    let store = store(23, 50);
    let columns = ["start", "end", "duration", "class", "wire_key"].map(str::to_owned).to_vec();
    let scope = Scope { filter: "duration:>=1s status:200".into(), ..Scope::default() };
    let answer = queries(&store).list(&ListQuery { scope, columns, ..ListQuery::default() }).expect("it is answered");
    assert!(!answer.rows.is_empty());
    for row in answer.rows {
        let [Cell::Instant(start), Cell::Instant(end), Cell::Number(duration), class, Cell::Text(_)] = &row[..] else {
            unreachable!("{row:?}")
        };
        assert_eq!((end.0 - start.0, class), (*duration, &Cell::Text("slow".into())));
    }
}

#[test]
fn what_belongs_to_an_exchange_is_found() {
    let store = store(24, 200);
    let queries = queries(&store);
    let columns = ["id", "bodies", "tcp.session"].map(str::to_owned).to_vec();
    let scope = Scope { from: Some(When::At(0)), twins: true, ..Scope::default() };
    let all = queries.list(&ListQuery { scope, columns, limit: 1000, ..ListQuery::default() }).expect("it is answered");
    let mut seen = BTreeSet::new();
    for row in &all.rows {
        let id = row[0].text();
        let item = queries.exchange(&id).expect("it is answered").expect("it is there");
        assert_eq!(item.value("id"), Some(&row[0]));
        let filter = format!("exchange.id:{id}");
        let scope = Scope { table: "bodies".to_owned(), filter, from: Some(When::At(0)), ..Scope::default() };
        let wanted = ListQuery { scope, columns: vec!["size".to_owned()], limit: 10, ..ListQuery::default() };
        let bodies = queries.list(&wanted).expect("it is answered");
        // A twin has the body words of its pair, whose bodies have the pair's id.
        assert!(bodies.rows.is_empty() || bodies.rows.len() == item.related.bodies.len());
        let page = PageOf { id, limit: 1, cursor: None };
        let packets = queries.packets_of_exchange(&page).expect("it is answered").expect("it is there");
        assert_eq!(!packets.rows.is_empty(), item.related.packets);
        seen.extend([(bodies.rows.is_empty(), "body"), (packets.rows.is_empty(), "packet")]);
    }
    assert_eq!(seen.len(), 4, "with and without: {seen:?}");
    assert_eq!(queries.exchange("01ARZ3NDEKTSV4RRFFQ69G5FAV").expect("it is answered"), None);
    assert_eq!(queries.session("no id").expect("it is answered"), None);
}

#[test]
fn mistakes_are_named() {
    let store = store(25, 20);
    let list = |change: &dyn Fn(&mut ListQuery)| {
        let mut query = ListQuery::default();
        change(&mut query);
        let error = queries(&store).list(&query).expect_err("a mistake");
        (error.code(), error.field(), error.to_string())
    };
    type Case<'a> = (&'a dyn Fn(&mut ListQuery), &'a str, &'a str, &'a str);
    let cases: [Case<'_>; 9] = [
        (
            &|q| q.scope.table = "x".into(),
            "unknown-table",
            "table",
            "there is no table x: there are exchanges, tcp_sessions",
        ),
        (&|q| q.scope.filter = "statu:5".into(), "bad-filter", "filter", "the filter has a mistake: "),
        (
            &|q| q.scope.to = Some(When::At(0)),
            "empty-range",
            "from",
            "the range is empty: it ends at 1970-01-01T00:00:00.0",
        ),
        (&|q| q.scope.fast_ns = i64::MAX, "bad-thresholds", "fast_ns", "the thresholds of the classes must grow"),
        (&|q| q.columns = vec!["nope".into()], "unknown-field", "columns", "exchanges has no field nope"),
        (
            &|q| q.columns = vec!["header.x".into()],
            "unfit-field",
            "columns",
            "header.x cannot be used here: lists have",
        ),
        (&|q| q.order = "path".into(), "unfit-field", "order", "path cannot be used here: it is no number"),
        (&|q| q.limit = 10_001, "too-many", "limit", "10001 rows of a page were asked for, at most 10000"),
        (
            &|q| q.cursor = Some("?".into()),
            "bad-cursor",
            "cursor",
            "the cursor cannot be used: it is damaged; start again",
        ),
    ];
    for (change, code, field, message) in cases {
        let found = list(change);
        assert_eq!((found.0, found.1), (code, Some(field)), "{}", found.2);
        assert!(found.2.starts_with(message), "{}", found.2);
    }
}
