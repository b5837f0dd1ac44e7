//! What a click on a node opens.

use std::collections::BTreeSet;

use arachne_filter::render;
use arachne_model::table::{Table, Value};
use arachne_store::Scalar;

use super::callers::Known;
use super::{NodeKind, Shape};
use crate::drill::Drill;
use crate::fields::Split;
use crate::scope::Resolved;

/// A filter, or why there is none.
type Filter = Result<String, String>;

/// Writes filters of callers and services.
pub(super) struct Filters {
    table: &'static Table,
    client: Split,
    origin: Split,
    service: Split,
    /// Gateways that are left out, and the filter of all that they ask.
    hidden: BTreeSet<Box<str>>,
    through: String,
    /// The filter of all that is on the map, when gateways are left out.
    visible: Option<String>,
}

impl Filters {
    pub fn new(shape: &Shape, known: &Known) -> Self {
        let table = shape.resolved.table;
        let addresses = |split: &Split| {
            let term = |address: &str| render::term(table, &split.name, Value::Text(address));
            any(known.hidden.iter().filter_map(|address| term(address)).collect())
        };
        Self {
            table,
            client: shape.client.clone(),
            origin: shape.origin.clone(),
            service: shape.service.clone(),
            hidden: known.hidden.clone(),
            through: addresses(&shape.client),
            visible: (!known.hidden.is_empty()).then(|| render::not(&addresses(&shape.server))),
        }
    }

    /// The filter of all that is on the map; none when that is everything.
    pub fn visible(&self) -> Option<&str> {
        self.visible.as_deref()
    }

    /// What a click on a node opens; `others` are all that are told apart when it is the rest.
    pub fn drill(&self, resolved: &Resolved, kind: NodeKind, name: Option<&Scalar>, others: &[&Scalar]) -> Drill {
        let own = match name {
            Some(name) => self.of(kind, name),
            None => others
                .iter()
                .map(|name| self.of(kind, name))
                .collect::<Result<Vec<_>, _>>()
                .map(|all| if all.is_empty() { String::new() } else { render::not(&all.join(" or ")) }),
        };
        let visible = self.visible.as_deref().unwrap_or_default();
        Drill::filtered(resolved, own.map(|own| render::and(&[visible, &own])))
    }

    /// What passes both drills of nodes.
    pub fn both(&self, resolved: &Resolved, from: &Drill, to: &Drill) -> Drill {
        let inexact = [from, to].into_iter().find(|drill| !drill.exact);
        let visible = self.visible.as_deref().unwrap_or_default();
        let own = to.filter.strip_prefix(visible).unwrap_or(&to.filter).trim_start();
        let both = Drill::filtered(resolved, Ok(render::and(&[&from.filter, own])));
        match inexact {
            Some(drill) => Drill { exact: false, reason: drill.reason.clone(), ..both },
            None => both,
        }
    }

    fn of(&self, kind: NodeKind, name: &Scalar) -> Filter {
        match kind {
            NodeKind::Service => self.term(&self.service, name),
            NodeKind::Client if self.hidden.is_empty() => self.term(&self.client, name),
            NodeKind::Client => {
                let (direct, asked_for) = (self.term(&self.client, name)?, self.term(&self.origin, name)?);
                let forwarded = render::and(&[&self.through, &asked_for]);
                let gateway = matches!(name, Scalar::Text(name) if self.hidden.contains(name));
                let own =
                    if gateway { render::and(&[&direct, &self.term(&self.origin, &Scalar::Null)?]) } else { direct };
                Ok(any(vec![format!("({forwarded})"), format!("({own})")]))
            }
        }
    }

    fn term(&self, split: &Split, value: &Scalar) -> Filter {
        let unlike = || format!("no filter passes just this value of {}", split.name);
        render::term(self.table, &split.name, value.as_value()).ok_or_else(unlike)
    }
}

/// Filters of which one must pass.
fn any(filters: Vec<String>) -> String {
    if filters.len() > 1 { format!("({})", filters.join(" or ")) } else { filters.concat() }
}
