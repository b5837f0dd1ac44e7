//! Read-only SQL over the embedded store, the only crate that names DataFusion.
