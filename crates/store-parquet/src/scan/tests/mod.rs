//! Questions over parts and memory against plain loops over the rows.

mod data;
mod groups;
mod lists;
mod predicates;
mod reference;
mod reports;
