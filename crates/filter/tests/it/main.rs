//! The filter language from outside: tables of filters, laws on any text, hostile filters, the page for users.
#![allow(clippy::panic)]

mod catalogue_page;
mod completion;
mod hostile;
mod laws;
mod mistakes;
mod properties;
mod rows;
mod words;
