//! The drill contract: what a click on a series, row or bar opens.

use arachne_filter::render;
use arachne_model::table::Kind;
use arachne_store::Scalar;
use serde::Serialize;

use crate::fields::Split;
use crate::scope::{Mode, Resolved};

/// What a click opens: the list `view` with the page's filter AND `filter`, in the page's range and the bucket's, counted
/// by `mode`. Where `exact` is true it lists exactly the rows that were counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Drill {
    /// The table to list.
    pub view: &'static str,
    /// The filter to add to that of the page; empty when there is none.
    pub filter: String,
    /// How rows belong to the range.
    pub mode: Mode,
    /// Whether the list has exactly the rows that were counted.
    pub exact: bool,
    /// Why it has not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What stands in its place where that lists nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<Kept>,
}

/// The lines of logs that were kept of what was counted, or beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Kept {
    /// The table to list.
    pub view: &'static str,
    /// Its filter; it stands alone as that of the drill does.
    pub filter: String,
    /// How rows belong to the range.
    pub mode: Mode,
    /// Why these are not exactly what was counted.
    pub reason: String,
}

impl Drill {
    /// The page as it is.
    pub(crate) fn all(resolved: &Resolved) -> Self {
        let (view, mode) = (resolved.table.name, resolved.mode);
        Self { view, filter: String::new(), mode, exact: true, reason: None, kept: None }
    }

    /// The rows where each of `splits` has its value of `key`.
    pub(crate) fn to(resolved: &Resolved, splits: &[Split], key: &[Scalar]) -> Self {
        match terms(resolved, splits, key) {
            Ok(filter) => Self::checked(resolved, filter, header_reason(splits)),
            Err(reason) => Self::inexact(resolved, reason),
        }
    }

    /// The rows that pass a filter; the error says why there is none.
    pub(crate) fn filtered(resolved: &Resolved, filter: Result<String, String>) -> Self {
        match filter {
            Ok(filter) => Self::checked(resolved, filter, None),
            Err(reason) => Self::inexact(resolved, reason),
        }
    }

    /// The rows that have none of `keys`.
    pub(crate) fn besides(resolved: &Resolved, splits: &[Split], keys: &[&[Scalar]]) -> Self {
        let shown: Result<Vec<String>, String> = keys.iter().map(|key| terms(resolved, splits, key)).collect();
        match shown {
            Ok(shown) if shown.is_empty() => Self::all(resolved),
            Ok(shown) => {
                let parts = shown.iter().map(|part| if splits.len() > 1 { format!("({part})") } else { part.clone() });
                let any = parts.collect::<Vec<_>>().join(" or ");
                match resolved.parse(&any) {
                    Ok(_) => Self::checked(resolved, render::not(&any), header_reason(splits)),
                    Err(error) => Self::inexact(resolved, error.to_string()),
                }
            }
            Err(reason) => Self::inexact(resolved, reason),
        }
    }

    /// A filter that must be one, alone and with that of the page: what does not fit the limits of filters cannot be opened.
    fn checked(resolved: &Resolved, filter: String, inexact: Option<&str>) -> Self {
        let both = || resolved.parse(&render::and(&[&resolved.text, &filter]));
        match resolved.parse(&filter).and_then(|_| both()) {
            Ok(_) => {
                let reason = inexact.map(str::to_owned);
                Self { filter, exact: reason.is_none(), reason, ..Self::all(resolved) }
            }
            Err(error) => Self::inexact(resolved, error.to_string()),
        }
    }

    fn inexact(resolved: &Resolved, reason: String) -> Self {
        Self { exact: false, reason: Some(reason), ..Self::all(resolved) }
    }
}

fn terms(resolved: &Resolved, splits: &[Split], key: &[Scalar]) -> Result<String, String> {
    let term = |(split, value): (&Split, &Scalar)| {
        let unlike = || format!("no filter passes just this value of {}", split.name);
        render::term(resolved.table, &split.name, value.as_value()).ok_or_else(unlike)
    };
    Ok(splits.iter().zip(key).map(term).collect::<Result<Vec<_>, _>>()?.join(" "))
}

/// Groups know the first line of a header, filters every line of it; addresses are compared as addresses.
fn header_reason(splits: &[Split]) -> Option<&'static str> {
    let header = |split: &Split| matches!(split.field, arachne_filter::Field::Header(..));
    let blob = |split: &Split| split.kind == Kind::Bytes;
    let reason = "a message may have several lines of this header; the list has those where any of them is this value";
    splits.iter().any(|split| header(split) || blob(split)).then_some(reason)
}
