//! The server over real TCP, on a store in memory.

mod client;
mod connections;
mod document;
mod hostile;
mod rights;
mod routes;
mod stopping;
mod uploads;
mod world;
