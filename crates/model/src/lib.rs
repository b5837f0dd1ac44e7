//! What every crate of Arachne shares: records, units, limits, anomalies, drop reasons and the ledger that proves
//! that nothing vanishes.
//!
//! This crate is PURE: no I/O, threads, clock, randomness or logging, and no dependency at all.

pub mod anomaly;
pub mod class;
pub mod ledger;
pub mod limits;
pub mod link_type;
mod place;
pub mod record;
pub mod table;
pub mod time;

pub use anomaly::{Anomaly, AnomalySet};
pub use class::{Speed, Thresholds};
pub use ledger::{DropReason, Imbalance, Ledger, Stage};
pub use limits::Limits;
pub use link_type::LinkType;
pub use place::place;
pub use record::{
    BodyFacts, CloseReason, DirectionFacts, Endpoint, Exchange, Field, Message, Protocol, Span, StartLine, TapFacts,
    TcpSession,
};
pub use time::UnixNanos;
