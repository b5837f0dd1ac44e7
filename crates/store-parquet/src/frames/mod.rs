//! Checksummed frames: the format of every log.
