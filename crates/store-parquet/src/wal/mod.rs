//! The write-ahead log with group commit.
