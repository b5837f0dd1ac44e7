//! Imports, and who counts where several sources saw an exchange.

use super::*;

#[test]
fn an_import_is_there_once_however_it_is_handed_over() {
    let disk = MemoryDisk::default();
    let store = open(&disk);
    assert!(import(&store, "a", 0..20, 7).expect("there is room"));
    assert!(!import(&store, "a", 0..20, 20).expect("there is room"), "it is finished");
    assert_eq!(exchanges(&store).len(), 20);
    let facts = store.imports().remove(0);
    assert_eq!((facts.finished, facts.rows, facts.name), (true, [20, 20, 20, 0, 20, 0, 0, 0], name("a", "")));
    drop(store);
    let store = open(&disk);
    assert_eq!((store.imports().len(), exchanges(&store).len()), (1, 20));
    assert!(matches!(store.import(&name("a", "x"), false), Err(StoreError::OtherOptions { .. })));
}

#[test]
fn an_interrupted_import_goes_on_behind_what_it_has() {
    let disk = MemoryDisk::default();
    let store = open(&disk);
    let mut first = begin(&store, "a", "", false).expect("there is room").expect("it is new");
    first.push(rows("a", 0..10)).expect("there is room");
    drop(first);
    let there = exchanges(&store).len();
    assert!(there > 0 && there < 10, "{there} exchanges are in whole batches");
    drop(store);
    let mut other = settings();
    other.import_bytes *= 3;
    let store = EmbeddedStore::open_on(Arc::new(disk), other).expect("it is whole");
    assert!(!store.imports()[0].finished);
    assert!(import(&store, "a", 0..20, 3).expect("there is room"));
    assert_eq!((exchanges(&store).len(), part_rows(&store, 1), part_rows(&store, 2)), (20, 20, 20));
}

#[test]
fn other_options_replace_as_a_whole() {
    let disk = MemoryDisk::default();
    let store = open(&disk);
    import(&store, "a", 0..20, 20).expect("there is room");
    import(&store, "b", 0..20, 20).expect("there is room");
    store.merge().expect("there is room");
    assert!(store.snapshot(TABLES[0]).parts.iter().any(|part| part.meta.sources.len() == 2), "parts have both");
    let mut dropped = begin(&store, "a", "x", true).expect("there is room").expect("it is other");
    dropped.push(rows("a", 0..12)).expect("there is room");
    drop(dropped);
    assert_eq!(exchanges(&store).len(), 40, "nothing has changed yet");
    let mut second = begin(&store, "a", "x", true).expect("there is room").expect("it is other");
    second.push(rows("a", 0..12)).expect("there is room");
    let facts = second.finish().expect("there is room");
    assert_eq!((facts.finished, facts.rows[0], &*facts.name.options), (true, 12, "x"));
    let check = |store: &EmbeddedStore| {
        let rows = exchanges(store);
        let of = |source| rows.values().filter(|row| row.source == source).count();
        assert_eq!((of("a"), of("b"), part_rows(store, 1), part_rows(store, 2)), (12, 20, 32, 32));
        // `a` is the smaller source: it counts where it has a row, and where it has none any more `b` does.
        let counted: Vec<_> = rows.values().filter(|row| row.counted).map(|row| (&*row.source, row.wire_key)).collect();
        let expected = (0..12).map(|n| ("a", n)).chain((12..20).map(|n| ("b", n)));
        assert_eq!(counted, expected.collect::<Vec<_>>());
    };
    check(&store);
    store.merge().expect("there is room");
    check(&store);
    drop(store);
    check(&open(&disk));
}

#[test]
fn twins_do_not_depend_on_the_order_of_imports() {
    let sources = [("c", Some("client")), ("s", Some("server")), ("b", Some("between")), ("u", None)];
    let orders = [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]];
    let outcome = |order: [usize; 4], merge: bool| {
        let disk = MemoryDisk::default();
        let store = open(&disk);
        for (source, vantage) in order.map(|at| sources[at]) {
            let mut import = begin(&store, source, "", false).expect("there is room").expect("it is new");
            // Each source lacks what another has.
            let seen = (0..12).filter(|n| n % 5 != source.len() as i64 + i64::from(source == "s"));
            let row = |n| ExchangeRow { vantage: vantage.map(str::to_owned), ..exchange(source, n) };
            import.push(Rows { exchanges: seen.map(row).collect(), ..Rows::default() }).expect("there is room");
            import.finish().expect("there is room");
            if merge {
                store.merge().expect("there is room");
            }
        }
        let counted = |store: &EmbeddedStore| -> Vec<_> {
            exchanges(store).into_values().filter(|row| row.counted).map(|row| (row.wire_key, row.source)).collect()
        };
        let before = counted(&store);
        drop(store);
        assert_eq!(counted(&open(&disk)), before);
        before
    };
    let expected = outcome(orders[0], false);
    let mut keys: Vec<_> = expected.iter().map(|(key, _)| *key).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), expected.len(), "one counts of each exchange");
    assert!(expected.iter().any(|(_, source)| source == "s") && expected.iter().any(|(_, source)| source == "b"));
    for order in orders {
        for merge in [false, true] {
            assert_eq!(outcome(order, merge), expected, "{order:?}");
        }
    }
}

#[test]
fn of_twins_that_two_agents_append_one_counts_at_every_moment() {
    let disk = MemoryDisk::default();
    let mut store = open(&disk);
    let append = |store: &EmbeddedStore, number, rows: Vec<ExchangeRow>| {
        store.append(&token(number), Rows { exchanges: rows, ..Rows::default() }).expect("there is room");
    };
    let seen =
        |source: &str, vantage: &str, n| ExchangeRow { vantage: Some(vantage.to_owned()), ..exchange(source, n) };
    let counted = |store: &EmbeddedStore| -> Vec<_> {
        let rows = exchanges(store).into_values().filter(|row| row.counted);
        let mut rows: Vec<_> = rows.map(|row| (row.wire_key, row.source)).collect();
        rows.sort();
        rows
    };
    let of = |list: &[(i64, &str)]| list.iter().map(|(n, source)| (*n, (*source).to_owned())).collect::<Vec<_>>();
    append(&store, 1, (0..3).map(|n| seen("client", "client", n)).collect());
    append(&store, 2, (1..4).map(|n| seen("server", "server", n)).collect());
    assert_eq!(counted(&store), of(&[(0, "client"), (1, "server"), (2, "server"), (3, "server")]));
    let still = ExchangeRow { provisional: true, end: None, ..seen("client", "client", 3) };
    append(&store, 3, vec![still]);
    let all = of(&[(0, "client"), (1, "server"), (2, "server"), (3, "server")]);
    assert_eq!(counted(&store), all, "an open one counts once too");
    store.flush().expect("there is room");
    assert_eq!(counted(&store), all);
    append(&store, 4, vec![exchange("other", 9)]);
    store.flush().expect("there is room");
    // Both twins were written before the last flush: one is beaten by what comes, the other beats it.
    append(&store, 5, vec![seen("server", "server", 0), seen("client", "client", 3), seen("between", "between", 1)]);
    let all = of(&[(0, "server"), (1, "server"), (2, "server"), (3, "server"), (9, "other")]);
    assert_eq!(counted(&store), all, "a flush in between");
    drop(store);
    store = open(&disk);
    assert_eq!(counted(&store), all, "a restart in between");
    store.merge().expect("there is room");
    assert_eq!(counted(&store), all, "in other parts");
    import(&store, "a", 2..3, 1).expect("there is room");
    assert_eq!(counted(&store), all, "an import that knows less");
    store.flush().expect("there is room");
    assert_eq!(counted(&store), all);
    assert_eq!(store.core.live().met.len(), 0, "all are in parts");
}

#[test]
fn exchanges_far_apart_are_no_twins() {
    let store = open(&MemoryDisk::default());
    // Numbers of connections come again: these are 10 minutes and a microsecond later.
    let late = ExchangeRow { wire_key: 1, ..exchange("b", 600_000_002) };
    store
        .append(&token(1), Rows { exchanges: vec![exchange("a", 1), late], ..Rows::default() })
        .expect("there is room");
    store.flush().expect("there is room");
    assert!(exchanges(&store).values().all(|row| row.counted));
    let near = ExchangeRow { wire_key: 1, ..exchange("b", 2) };
    store.append(&token(2), Rows { exchanges: vec![near.clone()], ..Rows::default() }).expect("there is room");
    store.flush().expect("there is room");
    let rows = exchanges(&store);
    assert_eq!(rows.values().filter(|row| !row.counted).map(|row| row.id.clone()).collect::<Vec<_>>(), [near.id]);
}
