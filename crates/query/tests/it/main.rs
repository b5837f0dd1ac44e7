//! Queries over a store in memory, whose plain loops are the brute force to compare with.

mod codes;
mod drill;
mod golden;
mod lists;
mod map;
mod panels;
mod series;
mod support;
