//! Caps of queries (law 3). What goes beyond is refused with an error that names the cap.

/// Buckets of a histogram.
pub const BUCKETS_MAX: u32 = 10_000;
/// Buckets aimed at when a histogram gives neither step nor number.
pub const BUCKETS: u32 = 120;
/// Groups told apart by one grouping. Policy: tops count the rest as `~other`, histograms are refused.
pub const GROUPS_MAX: usize = 1 << 20;
/// Series by buckets that are told apart at once, where each series counts for itself before series are added up. Policy: of more,
/// a few series are asked for at a time, and added up before the next ones.
pub const PIECE_GROUPS: usize = 1 << 18;
/// Labels that are asked for at a time then.
pub const PIECE_LABELS: usize = 4096;
/// Groups by buckets of their sums: 16 bytes each. Policy: refused.
pub const CELLS_MAX: usize = 1 << 22;
/// Groups that quantiles are computed of: each has a histogram of up to 16 KiB.
pub const SKETCHES_MAX: usize = 1 << 15;
/// Rows of a page.
pub const PAGE_ROWS_MAX: usize = 10_000;
/// Rows of a page when nothing is said.
pub const PAGE_ROWS: usize = 100;
/// Rows of a top, series of a histogram, values of a facet, nodes of a map.
pub const TOP_MAX: usize = 1000;
/// Rows of a top, series and so on when nothing is said.
pub const TOP: usize = 10;
/// Groups of log lines when nothing is said.
pub const CODES: usize = 200;
/// Buckets of a spark line when nothing is said.
pub const SPARK: u32 = 60;
/// Fields of one question.
pub const FIELDS_MAX: usize = 64;
/// Labels that series are grouped by.
pub const BY_MAX: usize = 8;
/// Calls of the store that one batch makes at a time. Policy: the next one waits.
pub const SIDE_BY_SIDE_MAX: usize = 4;
/// Panels of one batch.
pub const PANELS_MAX: usize = 100;
/// Quantiles of one question.
pub const QUANTILES_MAX: usize = 20;
/// Bytes of a cursor as text: ids are far smaller, paths in an order are not there.
pub const CURSOR_BYTES_MAX: usize = 8192;
