//! Caps of a filter (law 3). What goes beyond is refused with a diagnostic that names the cap.

/// Bytes of a filter.
pub const TEXT_BYTES_MAX: usize = 64 * 1024;
/// Parentheses and negations inside each other.
pub const DEPTH_MAX: usize = 64;
/// Terms of a filter.
pub const TERMS_MAX: usize = 1000;
/// Values of a list.
pub const LIST_MAX: usize = 1000;
/// Bytes of a regular expression.
pub const REGEX_BYTES_MAX: usize = 4096;
/// Regular expressions of a filter; the patterns of a term count as one.
pub const REGEXES_MAX: usize = 32;
/// Bytes of a compiled regular expression, and again of what its search remembers.
pub const REGEX_SIZE_MAX: usize = 1 << 20;
/// Groups of a regular expression inside each other.
pub const REGEX_DEPTH_MAX: u32 = 64;
/// Diagnostics of a filter; reading ends there.
pub const DIAGNOSTICS_MAX: usize = 20;
