//! All access to files, so that tests can break any of it.
