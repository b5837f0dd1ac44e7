//! The map: gateways, places of services, who has a name.

use arachne_model::table::ExchangeRow;
use arachne_query::{MapAnswer, MapQuery, NodeKind, Scope, When};
use arachne_store::{MemoryStore, Rows, Store as _, Token};

use crate::support::{BEGIN, END, listed, queries, range};

/// `count` exchanges of a client, which asks for `origin`, with a service at an address.
fn exchanges(client: &str, origin: &str, (service, server): (&str, &str), status: Option<u16>, count: usize) -> Rows {
    let row = |n: usize| ExchangeRow {
        id: format!("{client} {origin} {service} {status:?} {n:05}"),
        start: BEGIN + i64::try_from(n).expect("few"),
        end: Some(BEGIN + 1_000_000 + i64::try_from(n).expect("few")),
        counted: true,
        status,
        client_address: client.to_owned(),
        origin: origin.to_owned(),
        service: service.to_owned(),
        server_address: server.to_owned(),
        ..ExchangeRow::default()
    };
    Rows { exchanges: (0..count).map(row).collect(), ..Rows::default() }
}

/// Two visitors and a health check come through a gateway to a shop, which asks the cart with the header that it got.
fn shop() -> MemoryStore {
    let store = MemoryStore::default();
    let (gate, web, cart) = (("gate", "10.0.0.1"), ("shop", "10.0.0.2"), ("cart", "10.0.0.3"));
    let batches = [
        exchanges("1.1.1.1", "1.1.1.1", gate, Some(200), 10),
        exchanges("2.2.2.2", "2.2.2.2", gate, Some(404), 5),
        exchanges("10.0.0.1", "1.1.1.1", web, Some(200), 10),
        exchanges("10.0.0.1", "2.2.2.2", web, Some(404), 5),
        exchanges("10.0.0.1", "10.0.0.1", web, None, 1),
        exchanges("10.0.0.2", "1.1.1.1", cart, Some(503), 3),
        exchanges("3.3.3.3", "3.3.3.3", web, Some(200), 2),
    ];
    for (sequence, rows) in (0..).zip(batches) {
        store.append(&Token { sender: "test".into(), sequence }, rows).expect("memory takes all");
    }
    store
}

fn ask(store: &MemoryStore, nodes: usize, hide_gateways: bool) -> MapAnswer {
    let scope = Scope { from: Some(When::At(BEGIN)), to: Some(When::At(END)), ..Scope::default() };
    let query = MapQuery { scope: scope.clone(), nodes, hide_gateways, ..MapQuery::default() };
    let queries = queries(store);
    let map = queries.map(&query).expect("it is answered");
    for (drill, count) in
        map.nodes.iter().map(|n| (&n.drill, n.counts.count)).chain(map.edges.iter().map(|e| (&e.drill, e.counts.count)))
    {
        assert!(drill.exact, "{drill:?}");
        assert_eq!(listed(queries, &scope, drill, range(&scope)), count, "{nodes} {hide_gateways} {drill:?}");
    }
    assert_eq!(map.edges.iter().map(|edge| edge.counts.count).sum::<u64>(), map.total.count);
    map
}

fn edges(map: &MapAnswer) -> Vec<String> {
    let name = |at: usize| map.nodes[at].name.as_deref().unwrap_or("others");
    let mut edges: Vec<String> =
        map.edges.iter().map(|edge| format!("{}>{} {}", name(edge.from), name(edge.to), edge.counts.count)).collect();
    edges.sort();
    edges
}

#[test]
fn gateways_are_found_and_left_out() {
    let store = shop();
    let map = ask(&store, 50, false);
    let whole = ["1.1.1.1>gate 10", "10.0.0.1>shop 16", "10.0.0.2>cart 3", "2.2.2.2>gate 5", "3.3.3.3>shop 2"];
    assert_eq!(edges(&map), whole);
    let gateways: Vec<_> = map.gateways.iter().map(|g| (g.address.as_str(), g.count, g.forwarded, g.entry)).collect();
    // The shop hands the header on: it forwards too, but is behind.
    assert_eq!(gateways, [("10.0.0.1", 16, 15, true), ("10.0.0.2", 3, 3, false)]);
    assert_eq!(map.gateways[0].origins, ["1.1.1.1", "2.2.2.2"]);
    let places: Vec<_> = map.places.iter().map(|p| format!("{} {} {}", p.service, p.address, p.count)).collect();
    assert_eq!(places, ["shop 10.0.0.2 18", "gate 10.0.0.1 15", "cart 10.0.0.3 3"]);
    let hidden = ask(&store, 50, true);
    let direct = ["1.1.1.1>shop 10", "10.0.0.1>shop 1", "10.0.0.2>cart 3", "2.2.2.2>shop 5", "3.3.3.3>shop 2"];
    assert_eq!(edges(&hidden), direct);
    assert_eq!(hidden.gateways, map.gateways);
}

#[test]
fn the_rest_is_one_node_of_each_kind() {
    let store = shop();
    for (nodes, hide) in [(0, false), (1, false), (2, false), (0, true), (1, true), (2, true), (3, true)] {
        let map = ask(&store, nodes, hide);
        assert!(map.nodes.iter().filter(|node| node.name.is_some()).count() <= nodes);
        assert_eq!(map.nodes.iter().filter(|node| node.name.is_none()).count(), 2, "{nodes} {hide}");
    }
}

#[test]
fn what_came_of_exchanges_adds_up() {
    let map = ask(&shop(), 50, false);
    let all = map.total.outcomes.expect("exchanges have answers");
    assert_eq!((all.success, all.refused, all.failed, all.unanswered, all.open), (22, 10, 3, 1, 0));
    assert_eq!(map.total.errors, 4);
    for node in &map.nodes {
        let o = node.counts.outcomes.expect("exchanges have answers");
        assert_eq!(o.success + o.refused + o.failed + o.unanswered + o.open, node.counts.count);
    }
    let kinds = |kind| map.nodes.iter().filter(|node| node.kind == kind).count();
    assert_eq!((kinds(NodeKind::Client), kinds(NodeKind::Service)), (5, 3));
}
