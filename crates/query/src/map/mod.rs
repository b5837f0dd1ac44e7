//! Who talks to whom: clients, services, and the exchanges between them.
//!
//! Services are all told apart, callers are not: there may be millions of them. First is asked who calls most and which
//! addresses services have ([`callers`]), of a large range by a sample in time; then everything is counted between those
//! ([`answer`]). So all numbers are exact, and only who has a name may depend on the sample.

mod answer;
mod callers;
mod filters;

use arachne_store::{GroupRequest, Groups, Key, Measure};
use serde::{Deserialize, Serialize};

use self::callers::{Known, Seen};
use self::filters::Filters;
use crate::Queries;
use crate::drill::Drill;
use crate::error::{QueryError, at_most};
use crate::fields::{Split, column, split};
use crate::limits::{GROUPS_MAX, TOP_MAX};
use crate::list::Cost;
use crate::object::object;
use crate::plan::Plan;
use crate::scope::{Resolved, Scope};
use crate::tally::{Counting, Wanted};
use crate::top::{Counts, duration};

/// Nodes when nothing is said.
const NODES: usize = 50;

/// A map of exchanges.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MapQuery {
    /// Which rows.
    #[serde(deserialize_with = "object")]
    pub scope: Scope,
    /// Clients and services told apart; further ones are one node of each kind.
    pub nodes: usize,
    /// Leave gateways out: what they are asked is not counted, and what they ask is asked by whom they ask for.
    pub hide_gateways: bool,
    /// Whether p50, p95 and p99 of durations are wanted.
    pub quantiles: bool,
}

impl Default for MapQuery {
    fn default() -> Self {
        Self { scope: Scope::default(), nodes: NODES, hide_gateways: false, quantiles: true }
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

/// An address at which a service answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServicePlace {
    /// The service.
    pub service: String,
    /// Where it answers: who asks from there may be that service.
    pub address: String,
    /// What it answered there.
    pub count: u64,
}

/// An address that asks for others (X-Forwarded-For) in at least nine of ten exchanges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Gateway {
    /// The address.
    pub address: String,
    /// What it asked, as far as was looked at to find it.
    pub count: u64,
    /// How much of that it asked for others.
    pub forwarded: u64,
    /// Whether it stands in front: it is not mostly asked by others that forward. These are left out when gateways are.
    pub entry: bool,
    /// Whom of the clients with a name it asks for.
    pub origins: Vec<String>,
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
    /// Where services answer, those with most rows first: at most 1000.
    pub places: Vec<ServicePlace>,
    /// Addresses that ask for others, those with most rows first: at most 100.
    pub gateways: Vec<Gateway>,
    /// Whether clients were told apart by a sample: one with more rows may be among the others. All numbers are exact.
    pub approximate: bool,
    /// What it cost.
    pub scanned: Cost,
}

/// What a map is made of.
struct Shape {
    resolved: Resolved,
    client: Split,
    origin: Split,
    service: Split,
    server: Split,
    query: MapQuery,
}

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
        let split = |name| split(&resolved, "table", name);
        let (client, origin) = (split("client.address")?, split("origin.address")?);
        let (service, server) = (split("service")?, split("server.address")?);
        let sample = callers::sample(&resolved, &self.facts_of(resolved.table));
        let shape = Shape { client, origin, service, server, query: query.clone(), resolved };
        Ok(match sample {
            None => shape.everybody(),
            Some(sample) => shape.sampled(&sample),
        })
    }
}

impl Shape {
    /// Rows of each value of two fields.
    fn pairs(&self, selected: &Resolved, one: &Split, other: &Split) -> GroupRequest {
        GroupRequest {
            selection: selected.selection.clone(),
            keys: vec![one.key.clone(), other.key.clone()],
            measures: vec![Measure::Count],
            groups_max: GROUPS_MAX,
            whole: false,
        }
    }

    /// Who calls, by everything.
    fn everybody(self) -> Plan<MapAnswer> {
        let requests = self.who(&self.resolved);
        Plan::before(requests, move |groups| self.count(&Seen::new(groups), false))
    }

    /// Who calls, by a sample if it has enough.
    fn sampled(self, sample: &Resolved) -> Plan<MapAnswer> {
        let requests = self.who(sample);
        Plan::before(requests, move |groups| {
            let seen = Seen::new(groups);
            if seen.is_enough() { self.count(&seen, true) } else { Ok(self.everybody()) }
        })
    }

    fn who(&self, selected: &Resolved) -> Vec<GroupRequest> {
        let pairs = [(&self.client, &self.origin), (&self.client, &self.server), (&self.service, &self.server)];
        pairs.map(|(one, other)| self.pairs(selected, one, other)).into()
    }

    /// Everything between those who are known.
    fn count(mut self, seen: &Seen, approximate: bool) -> Result<Plan<MapAnswer>, QueryError> {
        let known = Known::new(seen, self.query.nodes, self.query.hide_gateways, approximate);
        let filters = Filters::new(&self, &known);
        if let Some(visible) = filters.visible() {
            self.resolved = self.resolved.and(self.resolved.parse(visible)?);
        }
        let table = self.resolved.table;
        let at = |name| column(table, name).unwrap_or_default();
        let caller = Key::Caller(known.callers(at("client.address"), at("origin.address")));
        let wanted = Wanted::all(duration(&self.resolved), self.query.quantiles);
        let (counting, request) = Counting::new(&self.resolved, &[caller, self.service.key.clone()], wanted);
        let places = self.pairs(&self.resolved, &self.service, &self.server);
        Ok(Plan::new(vec![request, places], move |groups: Vec<Groups>| {
            let [tallies, places] = <[Groups; 2]>::try_from(groups).unwrap_or_default();
            let tallies = counting.read(tallies).whole()?;
            Ok(answer::answer(&self.resolved, &filters, known, self.query.nodes, &tallies, places))
        }))
    }
}
