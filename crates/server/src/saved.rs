//! What people save: views, short links, preferences of the UI, and marks.

use std::path::Path;

use crate::marks::Marks;
use crate::shelf::Shelf;

/// Views of all people.
pub(crate) const VIEWS_MAX: usize = 500;
/// Short links.
pub(crate) const LINKS_MAX: usize = 20_000;
/// People with preferences.
pub(crate) const PEOPLE_MAX: usize = 1_000;

/// The shelves of a data folder.
#[derive(Debug)]
pub(crate) struct Saved {
    /// Views by name.
    pub views: Shelf,
    /// States of the UI by id.
    pub links: Shelf,
    /// Preferences by the name of the token.
    pub preferences: Shelf,
    /// Marks on the time axis.
    pub marks: Marks,
}

impl Saved {
    /// The shelves in `data`.
    pub fn new(data: &Path) -> Self {
        Self {
            views: Shelf::new(data, "views", "views", VIEWS_MAX),
            links: Shelf::new(data, "links", "short links", LINKS_MAX),
            preferences: Shelf::new(data, "preferences", "sets of preferences", PEOPLE_MAX),
            marks: Marks::new(data),
        }
    }
}
