//! Values of several fields with counts, in one call of the store; and values for completions.

use std::sync::Arc;

use arachne_filter::{Field, Predicate, Test, TextTest, render};
use arachne_model::table::Kind;
use arachne_store::{GroupRequest, Groups, Measure, Measured, Scalar};
use serde::{Deserialize, Serialize};

use crate::Queries;
use crate::cell::Cell;
use crate::drill::Drill;
use crate::error::{QueryError, at_most};
use crate::fields::{Split, split};
use crate::limits::{FIELDS_MAX, GROUPS_MAX, TOP, TOP_MAX};
use crate::list::Cost;
use crate::object::object;
use crate::plan::Plan;
use crate::scope::{Resolved, Scope};
use crate::tally::share;

/// Values of fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FacetsQuery {
    /// Which rows.
    #[serde(deserialize_with = "object")]
    pub scope: Scope,
    /// The fields, by name or alias.
    pub fields: Vec<String>,
    /// Values of each field, those with most rows.
    pub limit: usize,
}

impl Default for FacetsQuery {
    fn default() -> Self {
        Self { scope: Scope::default(), fields: Vec::new(), limit: TOP }
    }
}

/// A value with its rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FacetValue {
    /// The value; null for rows without.
    pub value: Cell,
    /// Rows.
    pub count: u64,
    /// Rows by all rows, 0 to 1.
    pub share: Option<f64>,
    /// What a click opens.
    pub drill: Drill,
}

/// The values of a field.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Facet {
    /// Its name.
    pub field: String,
    /// The values with most rows.
    pub values: Vec<FacetValue>,
    /// Rows with other values.
    pub other: u64,
    /// How many different values there are; `None` when there were too many to count.
    pub distinct: Option<u64>,
    /// Rows.
    pub total: u64,
}

/// Values of fields.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FacetsAnswer {
    /// In the order asked.
    pub fields: Vec<Facet>,
    /// What it cost.
    pub scanned: Cost,
}

/// Values of a field that begin with a prefix, as offered while somebody types.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ValuesQuery {
    /// Which rows.
    #[serde(deserialize_with = "object")]
    pub scope: Scope,
    /// The field, by name or alias.
    pub field: String,
    /// What was typed, in either case of letters.
    pub prefix: String,
    /// At most so many.
    pub limit: usize,
}

impl Default for ValuesQuery {
    fn default() -> Self {
        Self { scope: Scope::default(), field: "service".to_owned(), prefix: String::new(), limit: TOP }
    }
}

/// A value to offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OfferedValue {
    /// The value.
    pub value: Cell,
    /// Rows with it.
    pub count: u64,
    /// The filter of it, such as `service:shop`.
    pub filter: String,
}

/// Values to offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ValuesAnswer {
    /// Those with most rows first.
    pub values: Vec<OfferedValue>,
    /// Whether there are more.
    pub more: bool,
}

impl Queries<'_> {
    /// Values of several fields.
    ///
    /// # Errors
    /// When the question is not in order, beyond a limit, or the store cannot answer.
    pub fn facets(&self, query: &FacetsQuery) -> Result<FacetsAnswer, QueryError> {
        self.run(self.plan_facets(query)?)
    }

    pub(crate) fn plan_facets(&self, query: &FacetsQuery) -> Result<Plan<FacetsAnswer>, QueryError> {
        let resolved = self.resolve(&query.scope)?;
        at_most("fields", "fields", query.fields.len(), FIELDS_MAX)?;
        at_most("limit", "values", query.limit, TOP_MAX)?;
        let split = |name: &String| split(&resolved, "fields", name);
        let splits = query.fields.iter().map(split).collect::<Result<Vec<_>, _>>()?;
        let requests = splits.iter().map(|split| counting(&resolved, split)).collect();
        let limit = query.limit;
        Ok(Plan::new(requests, move |groups| {
            let scanned = groups.first().map(|groups| groups.scanned).unwrap_or_default().into();
            let fields = splits.iter().zip(groups).map(|(split, groups)| facet(&resolved, split, groups, limit));
            Ok(FacetsAnswer { fields: fields.collect(), scanned })
        }))
    }

    /// Values that begin with what was typed.
    ///
    /// # Errors
    /// When the question is not in order, beyond a limit, or the store cannot answer.
    pub fn values(&self, query: &ValuesQuery) -> Result<ValuesAnswer, QueryError> {
        self.run(self.plan_values(query)?)
    }

    pub(crate) fn plan_values(&self, query: &ValuesQuery) -> Result<Plan<ValuesAnswer>, QueryError> {
        let mut resolved = self.resolve(&query.scope)?;
        at_most("limit", "values", query.limit, TOP_MAX)?;
        let split = split(&resolved, "field", &query.field)?;
        if let Some(begins) = begins(&split, &query.prefix) {
            resolved.selection.predicate = Arc::new((*resolved.selection.predicate).clone().and(begins));
        }
        let request = counting(&resolved, &split);
        let (prefix, limit) = (query.prefix.to_lowercase(), query.limit);
        Ok(Plan::new(vec![request], move |groups| {
            let (mut values, _) = counted(groups.into_iter().next().unwrap_or_default());
            let typed =
                |value: &Scalar| Cell::new(value.clone(), split.kind).text().to_lowercase().starts_with(&prefix);
            values.retain(|(value, _)| *value != Scalar::Null && typed(value));
            let more = values.len() > limit;
            let offered = |(value, count): (Scalar, u64)| {
                let filter = render::term(resolved.table, &split.name, value.as_value())?;
                Some(OfferedValue { value: Cell::new(value, split.kind), count, filter })
            };
            Ok(ValuesAnswer { values: values.into_iter().filter_map(offered).take(limit).collect(), more })
        }))
    }
}

/// A test that engines narrow texts with before they group.
fn begins(split: &Split, prefix: &str) -> Option<Predicate> {
    let text = matches!(split.kind, Kind::Label | Kind::Address | Kind::Text | Kind::Id | Kind::Words);
    let column = matches!(split.field, Field::Column(_));
    let regex = regex::Regex::new(&format!("^(?i:{})", regex::escape(prefix))).ok()?;
    let wanted = text && column && !prefix.is_empty();
    wanted.then(|| Predicate::Is(split.field.clone(), Test::Text(TextTest::Regex(regex))))
}

/// Rows of each value.
pub(crate) fn counting(resolved: &Resolved, split: &Split) -> GroupRequest {
    GroupRequest {
        selection: resolved.selection.clone(),
        keys: vec![split.key.clone()],
        measures: vec![Measure::Count],
        groups_max: GROUPS_MAX,
        whole: false,
    }
}

/// The values of [`counting`], those with most rows first, and the rows beyond what is told apart.
pub(crate) fn counted(groups: Groups) -> (Vec<(Scalar, u64)>, Option<u64>) {
    let count = |measures: &[Measured]| match measures.first() {
        Some(Measured::Int(count)) => u64::try_from(*count).unwrap_or(0),
        _ => 0,
    };
    let rest = groups.rest.as_deref().map(count);
    let value = |key: Vec<Scalar>| key.into_iter().next().unwrap_or(Scalar::Null);
    let mut values: Vec<(Scalar, u64)> =
        groups.groups.into_iter().map(|group| (value(group.key), count(&group.measures))).collect();
    values.sort_by(|(a, x), (b, y)| y.cmp(x).then_with(|| a.cmp(b)));
    (values, rest)
}

fn facet(resolved: &Resolved, split: &Split, groups: Groups, limit: usize) -> Facet {
    let (values, rest) = counted(groups);
    let total = values.iter().map(|(_, count)| count).sum::<u64>() + rest.unwrap_or(0);
    let distinct = rest.is_none().then(|| values.iter().filter(|(value, _)| *value != Scalar::Null).count() as u64);
    let value = |(value, count): (Scalar, u64)| FacetValue {
        drill: Drill::to(resolved, std::slice::from_ref(split), std::slice::from_ref(&value)),
        value: Cell::new(value, split.kind),
        count,
        share: share(count, total),
    };
    let values: Vec<FacetValue> = values.into_iter().take(limit).map(value).collect();
    let shown: u64 = values.iter().map(|value| value.count).sum();
    Facet { field: split.name.clone(), values, other: total - shown, distinct, total }
}
