//! The manifest: which parts there are.
