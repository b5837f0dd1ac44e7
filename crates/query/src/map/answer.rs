//! From counted pairs of callers and services to nodes and edges.

use std::collections::BTreeMap;

use arachne_store::{Groups, Scalar};

use super::callers::{Known, counted};
use super::filters::Filters;
use super::{Edge, MapAnswer, Node, NodeKind, ServicePlace};
use crate::limits::TOP_MAX;
use crate::scope::Resolved;
use crate::tally::{Tallies, Tally};
use crate::top::Counts;

/// A node's kind and value; `None` for all others of the kind.
type Name = (NodeKind, Option<Scalar>);

/// What a map shows.
pub(super) fn answer(
    resolved: &Resolved,
    filters: &Filters,
    known: Known,
    nodes_max: usize,
    tallies: &Tallies,
    places: Groups,
) -> MapAnswer {
    let total = tallies.total();
    let ranked = ranked(tallies, nodes_max);
    let at: BTreeMap<&Name, usize> = ranked.iter().enumerate().map(|(at, (name, _))| (name, at)).collect();
    let place = |name: Name| at.get(&name).or_else(|| at.get(&(name.0, None))).copied().unwrap_or(0);
    let mut edges: BTreeMap<(usize, usize), Tally> = BTreeMap::new();
    for (key, tally) in &tallies.groups {
        let [from, to] = names(key).map(place);
        edges.entry((from, to)).or_default().add(tally);
    }
    let told = |kind| {
        let alike = ranked.iter().filter(move |((other, _), _)| *other == kind);
        alike.filter_map(|((_, name), _)| name.as_ref()).collect::<Vec<_>>()
    };
    let [clients, services] = [NodeKind::Client, NodeKind::Service].map(told);
    let node = |((kind, name), tally): &(Name, Tally)| {
        let others = if *kind == NodeKind::Client { &clients } else { &services };
        Node {
            kind: *kind,
            name: name.as_ref().map(text),
            counts: Counts::new(tally, total.count),
            drill: filters.drill(resolved, *kind, name.as_ref(), others),
        }
    };
    let nodes: Vec<Node> = ranked.iter().map(node).collect();
    let edge = |((from, to), tally): ((usize, usize), Tally)| Edge {
        from,
        to,
        counts: Counts::new(&tally, total.count),
        drill: filters.both(resolved, &nodes[from].drill, &nodes[to].drill),
    };
    MapAnswer {
        edges: edges.into_iter().map(edge).collect(),
        nodes,
        total: Counts::new(&total, total.count),
        places: service_places(places),
        gateways: known.gateways,
        approximate: known.approximate,
        scanned: tallies.scanned.into(),
    }
}

/// The caller and the service of a pair. Nobody is no name; no service is one.
fn names(key: &[Scalar]) -> [Name; 2] {
    let value = |at: usize| key.get(at).cloned();
    [(NodeKind::Client, value(0).filter(|name| *name != Scalar::Null)), (NodeKind::Service, value(1))]
}

/// The nodes with most rows, and all others of each kind.
fn ranked(tallies: &Tallies, nodes_max: usize) -> Vec<(Name, Tally)> {
    let mut all: BTreeMap<Name, Tally> = BTreeMap::new();
    for (key, tally) in &tallies.groups {
        names(key).into_iter().for_each(|name| all.entry(name).or_default().add(tally));
    }
    let (mut ranked, mut others): (Vec<_>, Vec<_>) = all.into_iter().partition(|((_, name), _)| name.is_some());
    ranked.sort_by(|(a, x), (b, y)| y.count.cmp(&x.count).then_with(|| a.cmp(b)));
    others.extend(ranked.split_off(nodes_max.min(ranked.len())));
    let mut joined: BTreeMap<Name, Tally> = BTreeMap::new();
    for ((kind, _), tally) in others {
        joined.entry((kind, None)).or_default().add(&tally);
    }
    ranked.extend(joined);
    ranked
}

fn service_places(groups: Groups) -> Vec<ServicePlace> {
    let place = |(service, address, count): (Option<Box<str>>, Option<Box<str>>, u64)| {
        let (service, address) = (service.unwrap_or_default().into(), address.unwrap_or_default().into());
        ServicePlace { service, address, count }
    };
    let mut places: Vec<ServicePlace> = counted(groups).into_iter().map(place).collect();
    places.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| (&a.service, &a.address).cmp(&(&b.service, &b.address))));
    places.truncate(TOP_MAX);
    places
}

fn text(value: &Scalar) -> String {
    if let Scalar::Text(text) = value { text.to_string() } else { String::new() }
}
