//! The collectors from outside.

mod page;
