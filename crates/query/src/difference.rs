//! What tells a selection from a baseline: fields ranked by how differently their values are distributed.

use std::collections::BTreeMap;

use arachne_aggregate::divergence::{self, Counts, FieldCounts, ValueCounts, ValueShare};
use arachne_filter::catalogue::{Values, entries};
use arachne_store::{GroupRequest, Groups, Scalar};
use serde::{Deserialize, Serialize};

use crate::Queries;
use crate::cell::Cell;
use crate::drill::Drill;
use crate::error::{QueryError, at_most};
use crate::facets::{counted, counting};
use crate::fields::{Split, split};
use crate::limits::{FIELDS_MAX, TOP, TOP_MAX};
use crate::list::Cost;
use crate::object::object;
use crate::plan::Plan;
use crate::scope::{Resolved, Scope};
use crate::time::When;

/// Rows of a scope.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Part {
    /// What they must pass beside the scope's filter.
    pub filter: String,
    /// Start of their range; that of the scope unless given.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub from: Option<When>,
    /// End of their range; that of the scope unless given.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub to: Option<When>,
}

/// A selection against a baseline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DifferenceQuery {
    /// The page.
    #[serde(deserialize_with = "object")]
    pub scope: Scope,
    /// What is looked at.
    #[serde(deserialize_with = "object")]
    pub selection: Part,
    /// What it is compared with; without it, all other rows of the scope, in which the selection must then lie.
    pub baseline: Option<Part>,
    /// The fields, by name or alias; those with few values when empty.
    pub fields: Vec<String>,
    /// Values of each field, the most telling.
    pub limit: usize,
}

impl Default for DifferenceQuery {
    fn default() -> Self {
        let (scope, selection) = (Scope::default(), Part::default());
        Self { scope, selection, baseline: None, fields: Vec::new(), limit: TOP }
    }
}

/// A value in the selection beside the baseline.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DivergingValue {
    /// The value.
    pub value: Cell,
    /// Rows of the selection.
    pub selection: u64,
    /// Rows of the baseline.
    pub baseline: u64,
    /// Rows by all of the selection, 0 to 1.
    pub selection_share: f64,
    /// Rows by all of the baseline, 0 to 1.
    pub baseline_share: f64,
    /// How many times its share of the selection is that of the baseline; null where the baseline lacks it.
    pub lift: Option<f64>,
    /// Its own term of the divergence, in bits.
    pub contribution: f64,
    /// The difference is more than chance.
    pub significant: bool,
    /// What a click opens: these rows of the selection, in its range.
    pub drill: Drill,
}

/// A field and how much it tells.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DivergingField {
    /// Its name.
    pub field: String,
    /// Corrected Jensen-Shannon divergence in bits, 0 to 1.
    pub score: f64,
    /// Its most telling values.
    pub values: Vec<DivergingValue>,
}

/// Fields by how much they tell.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DifferenceAnswer {
    /// Rows of the selection.
    pub selection: u64,
    /// Rows of the baseline.
    pub baseline: u64,
    /// The most telling first.
    pub fields: Vec<DivergingField>,
    /// What it cost.
    pub scanned: Cost,
}

struct Shape {
    resolved: Resolved,
    splits: Vec<Split>,
    /// What was selected beside the page's filter.
    filter: String,
    /// Whether the baseline is counted with the selection in it.
    complement: bool,
    limit: usize,
}

impl Queries<'_> {
    /// What tells a selection from a baseline.
    ///
    /// # Errors
    /// When the question is not in order, beyond a limit, or the store cannot answer.
    pub fn difference(&self, query: &DifferenceQuery) -> Result<DifferenceAnswer, QueryError> {
        self.run(self.plan_difference(query)?)
    }

    pub(crate) fn plan_difference(&self, query: &DifferenceQuery) -> Result<Plan<DifferenceAnswer>, QueryError> {
        let page = self.resolve(&query.scope)?;
        at_most("fields", "fields", query.fields.len(), FIELDS_MAX)?;
        at_most("limit", "values", query.limit, TOP_MAX)?;
        let selection = self.part(&page, &query.scope, &query.selection, query.baseline.is_none())?;
        let baseline = match &query.baseline {
            Some(part) => self.part(&page, &query.scope, part, false)?,
            None => page,
        };
        let names = if query.fields.is_empty() { telling(&selection) } else { query.fields.clone() };
        let split = |name: &String| split(&selection, "fields", name);
        let splits = names.iter().map(split).collect::<Result<Vec<_>, _>>()?;
        let both = |split| [counting(&selection, split), counting(&baseline, split)];
        let requests: Vec<GroupRequest> = splits.iter().flat_map(both).collect();
        let (filter, complement, limit) = (query.selection.filter.clone(), query.baseline.is_none(), query.limit);
        let shape = Shape { resolved: selection, splits, filter, complement, limit };
        Ok(Plan::new(requests, move |groups| Ok(shape.answer(groups))))
    }

    /// A part of a page; `inside` when it must lie in the page's range.
    fn part(&self, page: &Resolved, scope: &Scope, part: &Part, inside: bool) -> Result<Resolved, QueryError> {
        let mut narrowed = page.and(page.parse(&part.filter)?);
        let (from, to) = (part.from.or(scope.from), part.to.or(scope.to));
        let mut range = self.range(page.table, from, to)?;
        if inside {
            range.from = range.from.max(page.selection.range.from);
            range.to = range.to.min(page.selection.range.to);
        }
        narrowed.selection.range = range;
        narrowed.text = arachne_filter::render::and(&[&page.text, &part.filter]);
        Ok(narrowed)
    }
}

/// Fields with few values.
fn telling(resolved: &Resolved) -> Vec<String> {
    let few = entries(resolved.table).into_iter().filter(|entry| entry.values != Values::Open);
    few.filter(|entry| !["source", "counted", "provisional", "client.port"].contains(&&*entry.name))
        .map(|entry| entry.name.into_owned())
        .take(FIELDS_MAX)
        .collect()
}

/// Rows by value in selection and baseline, and the totals.
type Sides = (BTreeMap<Scalar, Counts>, Counts);

impl Shape {
    fn answer(self, groups: Vec<Groups>) -> DifferenceAnswer {
        let mut scanned = arachne_store::Scanned::default();
        groups.iter().for_each(|groups| scanned += groups.scanned);
        let mut groups = groups.into_iter();
        let mut sides = Vec::new();
        while let (Some(selection), Some(baseline)) = (groups.next(), groups.next()) {
            sides.push(self.sides(selection, baseline));
        }
        let totals = sides.first().map(|(_, totals)| *totals).unwrap_or_default();
        // Values are ranked by their place, since a text may look like no text.
        let places: Vec<String> =
            (0..sides.iter().map(|(v, _)| v.len()).max().unwrap_or(0)).map(|n| format!("{n:08}")).collect();
        let values = |values: &BTreeMap<Scalar, Counts>| -> Vec<ValueCounts<'_>> {
            places.iter().zip(values.values()).map(|(value, counts)| ValueCounts { value, counts: *counts }).collect()
        };
        let names: Vec<&str> = self.splits.iter().map(|split| split.name.as_str()).collect();
        let fields: Vec<FieldCounts<'_>> =
            names.iter().zip(&sides).map(|(field, (side, _))| FieldCounts { field, values: values(side) }).collect();
        let ranked = divergence::rank(&fields, totals);
        let fields = ranked.into_iter().filter_map(|field| {
            let at = names.iter().position(|name| *name == field.field)?;
            let values: Vec<&Scalar> = sides[at].0.keys().collect();
            let shown = field.values.iter().take(self.limit).filter_map(|share| self.value(at, &values, share));
            Some(DivergingField { field: field.field.to_owned(), score: field.score, values: shown.collect() })
        });
        DifferenceAnswer {
            selection: totals.selection,
            baseline: totals.baseline,
            fields: fields.collect(),
            scanned: scanned.into(),
        }
    }

    fn sides(&self, selection: Groups, baseline: Groups) -> Sides {
        let (mut values, mut totals): Sides = Default::default();
        let ((selected, selected_rest), (base, base_rest)) = (counted(selection), counted(baseline));
        for (value, count) in selected {
            values.entry(value).or_default().selection = count;
            totals.selection += count;
        }
        for (value, count) in base {
            values.entry(value).or_default().baseline = count;
            totals.baseline += count;
        }
        totals.selection += selected_rest.unwrap_or(0);
        totals.baseline += base_rest.unwrap_or(0);
        if self.complement {
            let without = |counts: &mut Counts| counts.baseline = counts.baseline.saturating_sub(counts.selection);
            values.values_mut().for_each(without);
            without(&mut totals);
        }
        (values, totals)
    }

    fn value(&self, at: usize, values: &[&Scalar], share: &ValueShare<'_>) -> Option<DivergingValue> {
        let split = self.splits.get(at)?;
        let value = *values.get(share.value.parse::<usize>().ok()?)?;
        let mut drill = Drill::to(&self.resolved, std::slice::from_ref(split), std::slice::from_ref(value));
        if drill.exact {
            drill.filter = arachne_filter::render::and(&[self.filter.as_str(), &drill.filter]);
        }
        Some(DivergingValue {
            value: Cell::new(value.clone(), split.kind),
            selection: share.counts.selection,
            baseline: share.counts.baseline,
            selection_share: share.selection_share,
            baseline_share: share.baseline_share,
            lift: share.lift,
            contribution: share.contribution,
            significant: share.significant,
            drill,
        })
    }
}
