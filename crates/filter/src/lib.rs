//! The filter language: what an engineer types becomes a typed predicate, with spans, diagnostics and completions.
//!
//! This crate is PURE: no I/O, threads, clock, randomness or logging. Engines never see the text of a filter, only a
//! [`Predicate`] whose values are data; the matching of a single value is done by the functions here on every engine, so
//! that engines cannot differ.

mod class;
mod predicate;
mod test;

pub use class::{Class, Thresholds};
pub use predicate::{Computed, Field, HeaderSide, Predicate, header_values};
pub use test::{IntRange, Network, Test, TextTest};
