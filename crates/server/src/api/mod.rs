//! The handlers, by what they are about.

pub(crate) mod agents;
pub(crate) mod batch;
pub(crate) mod bodies;
pub(crate) mod complete;
pub(crate) mod configuration;
pub(crate) mod deliver;
pub(crate) mod exports;
pub(crate) mod filter;
pub(crate) mod follow;
pub(crate) mod follow_answers;
pub(crate) mod layers;
pub(crate) mod lists;
pub(crate) mod login;
pub(crate) mod marks;
pub(crate) mod me;
pub(crate) mod operations;
pub(crate) mod params;
pub(crate) mod preview;
pub(crate) mod program;
pub(crate) mod queries;
pub(crate) mod related;
pub(crate) mod rows;
pub(crate) mod saved;
pub(crate) mod sql;
pub(crate) mod store;
pub(crate) mod upload;
