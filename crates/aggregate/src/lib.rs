//! Aggregation without loss of truth: what merges over hosts, files and time merges exactly, and what is cut to a bounded
//! size says by how much.
//!
//! - [`histogram`]: base-2 exponential histograms; percentiles within 1.09 %, merged by addition.
//! - [`template`]: the URL normaliser, which makes few templates of many paths.
//! - [`access`]: lines of access logs as records, and as series.
//! - [`rules`]: lines of any application as series, by rules.
//! - [`records`]: levels, codes and templates of lines, and traces as one event.
//! - [`beacon`]: what browsers tell of pages, as series.
//! - [`windows`], [`series`]: time in windows of 10 s, and what they hold.
//! - [`top`]: the heaviest keys of a stream in bounded memory, with the error bound and a rest that keeps the total.
//! - [`members`]: which names have series of their own.
//! - [`distinct`]: how many different values there were, mergeable.
//! - [`divergence`]: which fields tell a selection from a baseline.
//!
//! This crate is PURE: no I/O, threads, clock, randomness or logging. Hashes come in as arguments.

pub mod access;
pub mod beacon;
pub mod distinct;
pub mod divergence;
mod fixed;
pub mod histogram;
mod json;
pub mod members;
pub mod records;
pub mod rules;
pub mod series;
pub mod sketch;
pub mod template;
pub mod time;
pub mod top;
pub mod windows;

pub use distinct::Distinct;
pub use histogram::Histogram;
pub use template::Normaliser;
pub use top::Top;
