//! Log records of any application: level, log code, else a template; traces of many lines as one event.
//!
//! - [`level`] and [`code`]: what a line says of itself.
//! - [`Miner`]: a template for lines without a code, by masking what varies.
//! - [`Joiner`]: the lines of a stack trace with the line that they belong to.

mod joiner;
mod level;
mod miner;

pub use joiner::{EVENT_BYTES_MAX, Event, Joiner};
pub use level::{Level, code, level};
pub use miner::{Miner, SIBLINGS_MAX, TEMPLATES_MAX};
