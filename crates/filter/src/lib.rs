//! The filter language: what an engineer types becomes a typed predicate, with spans, diagnostics and completions.
//!
//! This crate is PURE: no I/O, threads, clock, randomness or logging. Engines never see the text of a filter, only a
//! [`Predicate`] whose values are data; the matching of a single value is done by the functions here on every engine, so
//! that engines cannot differ.
//!
//! Text → [`Ast`] (`syntax`, `term`, `literal`) → [`Predicate`] (`typing` with the [`catalogue`]) → [`Predicate::matches`]
//! or an engine. The language as its users know it stands in `docs/filter.md`.

pub mod ast;
mod bag;
pub mod catalogue;
mod class;
mod complete;
pub mod diagnostic;
mod explain;
mod instant;
pub mod limits;
mod literal;
mod nearest;
mod outcome;
mod parse;
mod pattern;
mod predicate;
pub mod render;
mod scalar;
mod syntax;
mod term;
mod test;
mod typing;

pub use arachne_model::Thresholds;
pub use ast::{Ast, Chip};
pub use class::Class;
pub use complete::{Completion, Item, ItemKind, Wanted, complete};
pub use diagnostic::{Code, Diagnostic, Fix};
pub use explain::explain;
pub use instant::{format_instant, parse_instant};
pub use literal::{Literal, literal};
pub use outcome::Outcome;
pub use parse::{Parsed, Settings, parse};
pub use predicate::{Computed, Field, HeaderSide, Predicate, header_values};
pub use test::{IntRange, Network, Test, TextTest};
