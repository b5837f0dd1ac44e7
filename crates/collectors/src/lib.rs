//! Collectors: what a host tells of itself, as points of series and as log records.
//!
//! A [`Collector`] reads one thing (the system, processes, connections, a log, a database). It is asked from time to time, on a thread
//! of its own, by who runs it; what it finds goes into a [`Sink`]. A new collector is one file that implements the trait.

mod collector;
mod point;

pub use collector::{Collector, Missing, Sink};
pub use point::{Labels, Point};
