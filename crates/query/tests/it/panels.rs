//! Batches, values to offer, differences and quality.

use std::sync::atomic::{AtomicUsize, Ordering};

use arachne_query::{
    DifferenceQuery, FacetsQuery, HistogramQuery, ListQuery, ListTotal, Loss, Panel, PanelAnswer, Part, QualityQuery,
    QuantilesQuery, Queries, Scope, TopQuery, Total, ValuesQuery, When,
};
use arachne_store::{
    GroupRequest, Groups, ImportFacts, ImportName, ImportStart, ListRequest, MemoryStore, Page, Rows, Store,
    StoreError, StoreFacts, Token, Unwatched, Watch,
};

use crate::support::{BEGIN, END, queries, store};

/// Counts calls of `group`.
struct Counted(MemoryStore, AtomicUsize);

impl Store for Counted {
    fn append(&self, token: &Token, rows: Rows) -> Result<bool, StoreError> {
        self.0.append(token, rows)
    }
    fn has(&self, sender_end: &str, sequence: u64) -> bool {
        self.0.has(sender_end, sequence)
    }
    fn import(&self, name: &ImportName, replace: bool) -> Result<ImportStart, StoreError> {
        self.0.import(name, replace)
    }
    fn imports(&self) -> Vec<ImportFacts> {
        self.0.imports()
    }
    fn list(&self, request: &ListRequest, watch: &dyn Watch) -> Result<Page, StoreError> {
        self.0.list(request, watch)
    }
    fn group(&self, requests: &[GroupRequest], watch: &dyn Watch) -> Result<Vec<Groups>, StoreError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.group(requests, watch)
    }
    fn facts(&self) -> StoreFacts {
        self.0.facts()
    }
    fn end_period(&self) {
        self.0.end_period();
    }
}

fn page() -> Scope {
    Scope { from: Some(When::At(BEGIN)), to: Some(When::At(END)), ..Scope::default() }
}

#[test]
fn panels_about_the_same_rows_share_a_call_and_equal_single_answers() {
    let store = Counted(store(31, 150), AtomicUsize::new(0));
    let queries = Queries::new(&store, END, &Unwatched);
    let errors = Scope { filter: "class:error".into(), ..page() };
    let bad = Scope { filter: "(".into(), ..page() };
    let panels = [
        Panel::Histogram(HistogramQuery { scope: page(), ..HistogramQuery::default() }),
        Panel::Top(TopQuery { scope: page(), ..TopQuery::default() }),
        Panel::Top(TopQuery { scope: errors, ..TopQuery::default() }),
        Panel::Facets(FacetsQuery { scope: page(), fields: vec!["service".into()], limit: 5 }),
        Panel::List(ListQuery { scope: page(), ..ListQuery::default() }),
        Panel::Top(TopQuery { scope: bad, ..TopQuery::default() }),
        Panel::Quantiles(QuantilesQuery { scope: page(), ..QuantilesQuery::default() }),
    ];
    let mut answers: Vec<Option<Result<PanelAnswer, _>>> = panels.iter().map(|_| None).collect();
    queries.batch(&panels, &mut |place, answer| answers[place] = Some(answer)).expect("they are few");
    assert_eq!(store.1.load(Ordering::Relaxed), 3, "one call for the page, one for the errors, one for quantiles");
    for (panel, answer) in panels.iter().zip(answers) {
        match (answer.expect("each is given out"), queries.panel(panel)) {
            (Ok(together), Ok(alone)) => assert_eq!(together, alone),
            (Err(together), Err(alone)) => assert_eq!(together.code(), alone.code()),
            different => unreachable!("{different:?}"),
        }
    }
    let many = vec![panels[0].clone(); 101];
    assert_eq!(queries.batch(&many, &mut |_, _| {}).expect_err("too many").code(), "too-many");
}

#[test]
fn a_list_that_is_counted_later_has_its_rows_first() {
    let store = Counted(store(35, 150), AtomicUsize::new(0));
    let queries = Queries::new(&store, END, &Unwatched);
    let list = |count| ListQuery { scope: page(), count, limit: 5, ..ListQuery::default() };
    let bad = Scope { filter: "(".into(), ..page() };
    let panels = [
        Panel::Quantiles(QuantilesQuery { scope: page(), ..QuantilesQuery::default() }),
        Panel::Histogram(HistogramQuery { scope: page(), ..HistogramQuery::default() }),
        Panel::List(list(Total::Later)),
        Panel::List(ListQuery { scope: bad, ..list(Total::Later) }),
    ];
    let mut answers = Vec::new();
    queries.batch(&panels, &mut |place, answer| answers.push((place, answer))).expect("they are few");
    let (exact, rows) = (queries.list(&list(Total::Exact)), queries.list(&list(Total::None)));
    let (exact, rows) = (exact.expect("it is answered"), rows.expect("it is answered"));
    assert_eq!(answers[0].1.as_ref().ok(), Some(&PanelAnswer::List(rows)), "rows come first");
    assert_eq!(answers[1].0, 3);
    assert!(answers[1].1.is_err(), "a mistake is told once");
    let places: Vec<usize> = answers.iter().map(|(place, _)| *place).collect();
    assert_eq!(places, [2, 3, 1, 2, 0], "quantiles come last");
    let total = exact.total.expect("it was counted");
    assert_eq!(answers[3].1.as_ref().ok(), Some(&PanelAnswer::Total(ListTotal { total })));
    assert_eq!(store.1.load(Ordering::Relaxed), 2 + 1, "the total shares the histogram's call");
    assert_eq!(queries.list(&list(Total::Later)).expect("it is answered").total, Some(total), "alone it is whole");
}

#[test]
fn values_begin_with_what_was_typed() {
    let store = store(32, 200);
    let ask = |field: &str, prefix: &str| {
        let query = ValuesQuery { scope: page(), field: field.into(), prefix: prefix.into(), limit: 50 };
        let answer = queries(&store).values(&query).expect("it is answered");
        answer.values.into_iter().map(|value| value.filter).collect::<Vec<_>>()
    };
    assert_eq!(ask("service", "NAÏ"), ["service:\"naïve café\""]);
    assert_eq!(ask("service", "a \""), [r#"service:"a \"quoted\" \\ name""#]);
    assert_eq!(ask("method", "g").len(), 2, "GET and get");
    assert_eq!(ask("status", "20").len(), 2, "200 and 204");
    assert_eq!(ask("class", "sl"), ["class:slow"]);
    assert_eq!(ask("service", "nothing like it"), Vec::<String>::new());
}

#[test]
fn a_difference_finds_what_was_selected() {
    let store = store(33, 300);
    for baseline in [None, Some(Part::default())] {
        let selection = Part { filter: "service:shop".into(), ..Part::default() };
        let query = DifferenceQuery { scope: page(), selection, baseline, ..DifferenceQuery::default() };
        let answer = queries(&store).difference(&query).expect("it is answered");
        let first = &answer.fields[0];
        assert_eq!((first.field.as_str(), first.values[0].value.text().as_str()), ("service", "shop"));
        assert!(answer.fields[1].score < first.score);
        let all = query.baseline.is_some();
        assert_eq!(first.values[0].baseline > 0, all, "other rows have other services");
    }
}

#[test]
fn quality_adds_up_and_losses_are_marked() {
    let store = store(34, 300);
    let query = QualityQuery { from: Some(When::At(BEGIN)), to: Some(When::At(END)), ..QualityQuery::default() };
    let answer = queries(&store).quality(&query).expect("it is answered");
    assert_eq!(answer.step_ns % 60_000_000_000, 0, "counts are made by the minute");
    for series in &answer.series {
        assert_eq!(series.values.iter().sum::<i64>(), series.total);
        assert_eq!(series.loss == Some(Loss::Missing), series.count == "missing");
    }
    assert!(answer.series.iter().any(|series| series.reason.as_deref() == Some("duplicate") && series.loss.is_none()));
}

#[test]
fn panels_are_json() {
    let text = r#"{"kind":"histogram","scope":{"filter":"class:error","from":"-1h","mode":"start"},"step":"5m","by":"service"}"#;
    let panel: Panel = serde_json::from_str(text).expect("it is in order");
    let again = serde_json::to_string(&panel).expect("it is text");
    assert_eq!(serde_json::from_str::<Panel>(&again).expect("it is in order"), panel);
    let wrong = serde_json::from_str::<Panel>(r#"{"kind":"top","scope":{"fliter":""}}"#).expect_err("a typing error");
    assert!(wrong.to_string().contains("fliter"), "{wrong}");
    for list in [r#"{"kind":"top","scope":[]}"#, r#"{"kind":"difference","selection":[]}"#] {
        let wrong = serde_json::from_str::<Panel>(list).expect_err("a list is no object");
        assert!(wrong.to_string().contains("expected an object"), "{wrong}");
    }
}
