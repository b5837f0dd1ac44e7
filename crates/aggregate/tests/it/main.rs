//! What the readers of logs say of real logs, compared with counts that others made of the same files.
#![allow(clippy::print_stderr, clippy::print_stdout)]

mod access;
mod laws;
mod records;
mod rules;
mod shared;
