//! Who talks to whom: clients, services, and the exchanges between them.

use std::collections::BTreeMap;

use arachne_filter::render;
use arachne_store::{Groups, Scalar};
use serde::{Deserialize, Serialize};

use crate::Queries;
use crate::drill::Drill;
use crate::error::{QueryError, at_most};
use crate::fields::{Split, split};
use crate::limits::TOP_MAX;
use crate::list::Cost;
use crate::plan::Plan;
use crate::scope::{Resolved, Scope};
use crate::tally::{Counting, Tally, Wanted};
use crate::top::{Counts, duration};

/// Nodes when nothing is said.
const NODES: usize = 50;

/// A map of exchanges.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MapQuery {
    /// Which rows.
    pub scope: Scope,
    /// Clients and services told apart; further ones are one node of each kind.
    pub nodes: usize,
}

impl Default for MapQuery {
    fn default() -> Self {
        Self { scope: Scope::default(), nodes: NODES }
    }
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum NodeKind {
    /// An address that asks.
    Client,
    /// A service that answers.
    Service,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// The address or the service; null for all others of the kind together.
    pub name: Option<String>,
    /// What it asked or answered.
    #[serde(flatten)]
    pub counts: Counts,
    /// What a click opens.
    pub drill: Drill,
}

/// Exchanges of a client with a service.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Edge {
    /// The client: place in the nodes.
    pub from: usize,
    /// The service: place in the nodes.
    pub to: usize,
    /// What was asked and answered.
    #[serde(flatten)]
    pub counts: Counts,
    /// What a click opens.
    pub drill: Drill,
}

/// A map.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MapAnswer {
    /// Clients and services.
    pub nodes: Vec<Node>,
    /// Between them.
    pub edges: Vec<Edge>,
    /// Everything.
    pub total: Counts,
    /// What it cost.
    pub scanned: Cost,
}

/// A node's kind and value; `None` for all others of the kind.
type Name = (NodeKind, Option<Scalar>);

impl Queries<'_> {
    /// Who talks to whom.
    ///
    /// # Errors
    /// When the question is not in order, beyond a limit, or the store cannot answer.
    pub fn map(&self, query: &MapQuery) -> Result<MapAnswer, QueryError> {
        self.run(self.plan_map(query)?)
    }

    pub(crate) fn plan_map(&self, query: &MapQuery) -> Result<Plan<MapAnswer>, QueryError> {
        let resolved = self.resolve(&query.scope)?;
        at_most("nodes", "nodes", query.nodes, TOP_MAX)?;
        let splits = [split(&resolved, "table", "client.address")?, split(&resolved, "table", "service")?];
        let keys = splits.each_ref().map(|split| split.key.clone());
        let (counting, request) = Counting::new(&resolved, &keys, Wanted::all(duration(&resolved), true));
        let nodes = query.nodes;
        Ok(Plan::new(vec![request], move |groups| answer(&resolved, &splits, &counting, groups, nodes)))
    }
}

fn answer(
    resolved: &Resolved,
    splits: &[Split; 2],
    counting: &Counting,
    groups: Vec<Groups>,
    nodes_max: usize,
) -> Result<MapAnswer, QueryError> {
    let tallies = counting.read(groups.into_iter().next().unwrap_or_default()).whole()?;
    let total = tallies.total();
    let named = |key: &[Scalar]| {
        let value = |at: usize| Some(key.get(at).cloned().unwrap_or(Scalar::Null));
        [(NodeKind::Client, value(0)), (NodeKind::Service, value(1))]
    };
    let mut all: BTreeMap<Name, Tally> = BTreeMap::new();
    for (key, tally) in &tallies.groups {
        named(key).into_iter().for_each(|name| all.entry(name).or_default().add(tally));
    }
    let mut ranked: Vec<(Name, Tally)> = all.into_iter().collect();
    ranked.sort_by(|(a, x), (b, y)| y.count.cmp(&x.count).then_with(|| a.cmp(b)));
    let others = ranked.split_off(nodes_max.min(ranked.len()));
    let mut joined: BTreeMap<Name, Tally> = BTreeMap::new();
    for ((kind, _), tally) in others {
        joined.entry((kind, None)).or_default().add(&tally);
    }
    ranked.extend(joined);
    let places: BTreeMap<&Name, usize> = ranked.iter().enumerate().map(|(at, (name, _))| (name, at)).collect();
    let place = |name: Name| places.get(&name).or_else(|| places.get(&(name.0, None))).copied().unwrap_or(0);
    let mut edges: BTreeMap<(usize, usize), Tally> = BTreeMap::new();
    for (key, tally) in &tallies.groups {
        let [from, to] = named(key).map(place);
        edges.entry((from, to)).or_default().add(tally);
    }
    let names: Vec<&Name> = ranked.iter().map(|(name, _)| name).collect();
    let nodes: Vec<Node> =
        ranked.iter().map(|(name, tally)| node(resolved, splits, &names, name, tally, total.count)).collect();
    let edge = |((from, to), tally): ((usize, usize), Tally)| Edge {
        from,
        to,
        counts: Counts::new(&tally, total.count),
        drill: both(&nodes[from].drill, &nodes[to].drill),
    };
    let edges = edges.into_iter().map(edge).collect();
    Ok(MapAnswer { edges, nodes, total: Counts::new(&total, total.count), scanned: tallies.scanned.into() })
}

fn node(resolved: &Resolved, splits: &[Split; 2], names: &[&Name], name: &Name, tally: &Tally, all: u64) -> Node {
    let split = std::slice::from_ref(&splits[usize::from(name.0 == NodeKind::Service)]);
    let drill = match &name.1 {
        Some(value) => Drill::to(resolved, split, std::slice::from_ref(value)),
        None => {
            let same = names.iter().filter(|other| other.0 == name.0);
            let shown: Vec<&[Scalar]> = same.filter_map(|other| other.1.as_ref()).map(std::slice::from_ref).collect();
            Drill::besides(resolved, split, &shown)
        }
    };
    let text = |value: &Scalar| if let Scalar::Text(text) = value { text.to_string() } else { String::new() };
    Node { kind: name.0, name: name.1.as_ref().map(text), counts: Counts::new(tally, all), drill }
}

/// What passes both.
fn both(from: &Drill, to: &Drill) -> Drill {
    let inexact = [from, to].into_iter().find(|drill| !drill.exact);
    Drill {
        filter: render::and(&[&from.filter, &to.filter]),
        exact: inexact.is_none(),
        reason: inexact.and_then(|drill| drill.reason.clone()),
        ..from.clone()
    }
}
