//! The wire core from captured frames to exchanges, judged by what comes out.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

mod script;
mod speak;
mod support;

mod again;
mod cost;
mod explain;
mod flags;
mod http;
mod layers;
mod limits;
mod live;
mod mutations;
mod properties;
mod reference;
mod replay;
mod tcp;
