//! The server over real TCP, on a store in memory.

#![allow(clippy::panic, clippy::print_stderr, reason = "tests fail by panicking and say what they skip")]

mod agents;
mod batches;
mod beacons;
mod client;
mod connections;
mod document;
mod failing;
mod follow;
mod hostile;
mod login;
mod marks;
mod moving;
mod own;
mod proxies;
mod rights;
mod routes;
mod saved;
mod secure;
mod stopping;
mod tls;
mod ui;
mod uploads;
mod world;
