//! Values of answers.

use arachne_model::table::Kind;
use arachne_store::Scalar;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::time::Instant;

/// A value in an answer. Which of them a column gives follows from its kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(untagged)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Cell {
    /// Nothing.
    Null,
    /// A flag.
    Flag(bool),
    /// A number: nanoseconds, bytes, a count, a code.
    Number(i64),
    /// An instant, as RFC 3339.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    Instant(Instant),
    /// Text; hashes as decimal number (readers of JSON lose digits), bytes as base64.
    Text(String),
}

impl Cell {
    /// The value of a column or field of that kind.
    #[must_use]
    pub fn new(value: Scalar, kind: Kind) -> Self {
        match (value, kind) {
            (Scalar::Null, _) => Self::Null,
            (Scalar::Bool(flag), _) => Self::Flag(flag),
            (Scalar::Int(at), Kind::Instant) => Self::Instant(Instant(at)),
            (Scalar::Int(hash), Kind::Hash) => Self::Text(hash.to_string()),
            (Scalar::Int(number), _) => Self::Number(number),
            (Scalar::Text(text), _) => Self::Text(text.into()),
            (Scalar::Bytes(bytes), _) => Self::Text(STANDARD.encode(bytes)),
        }
    }

    /// The value as text, for labels; empty for null.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Flag(flag) => flag.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Instant(at) => at.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}
