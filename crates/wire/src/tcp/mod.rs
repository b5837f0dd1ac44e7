//! TCP as an observer sees it: connections, their two sides, order, gaps, time-outs.
//!
//! Sources: RFC 9293; RFC 7323 (window scale, timestamps); RFC 7413 (Fast Open); RFC 5961 (blind resets).

pub mod clock;
pub mod connection;
pub mod queue;
pub mod recent;
pub mod side;
