//! Collectors: what a host tells of itself, as points of series and as log records.
//!
//! A [`Collector`] reads one thing (the system, processes, connections, a log, a database). It is asked from time to time, on a thread
//! of its own, by who runs it; what it finds goes into a [`Sink`]. A new collector is one file that implements the trait and
//! states its metrics as data ([`Metric`]); the page `docs/metrics.md` is made of them.

pub mod beacon;
mod catalogue;
pub mod check;
mod collector;
pub mod logs;
mod metric;
pub mod own;
mod place;
mod point;
pub mod postgresql;
pub mod process;
pub mod redis;
mod report;
pub mod system;
pub mod tail;
pub mod tcp;
#[cfg(test)]
mod testing;
mod text;
mod tls;

pub use catalogue::{Family, families};
pub use collector::{Collector, Missing, Sink};
pub use metric::{Kind, Metric};
pub use point::{Labels, Point};
