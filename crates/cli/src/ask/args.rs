//! Arguments of the commands that ask a store: `query`, `sql`, `export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::args::Color;

/// Where the store is.
#[derive(Clone, Debug, Args)]
pub struct DataArgs {
    /// The data folder [default: that of the configuration, else ARACHNE_DATA, else arachne in the user's data folder]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// The form of an answer on standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum AnswerFormat {
    /// A table for people
    #[default]
    Table,
    /// One JSON object for each row, for programs
    Ndjson,
    /// Comma-separated values, safe to open in a spreadsheet
    Csv,
}

/// How an item belongs to a range of time, or to a bucket of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum CountBy {
    /// It lasts at some instant of it
    #[default]
    Overlap,
    /// It starts inside
    Start,
    /// It ends inside
    End,
}

/// Which rows come first in a top.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum RankBy {
    /// Rows
    #[default]
    Count,
    /// Sum of durations: where the time goes
    Duration,
    /// Sum of bytes
    Bytes,
    /// Rows of class error
    Errors,
    /// Errors by rows
    ErrorShare,
    /// The longest
    Max,
    /// 95 % are shorter
    P95,
}

/// The arguments of `arachne query`.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = QUERY_HELP)]
pub struct QueryArgs {
    /// The filter; '' is everything
    #[arg(value_name = "FILTER", default_value = "", allow_hyphen_values = true)]
    pub filter: String,

    #[command(flatten)]
    /// Where the store is.
    pub data: DataArgs,

    /// First instant: RFC 3339, a date, epoch seconds, or relative such as -1h [default: all time]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub from: Option<String>,

    /// First instant behind the range [default: all time]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub to: Option<String>,

    /// What is asked: exchanges, tcp_sessions, packets, bodies, capture_quality, hosts, points, log_records
    #[arg(long, value_name = "TABLE", default_value = "exchanges")]
    pub table: String,

    /// The form of the output
    #[arg(long, value_enum, default_value_t)]
    pub format: AnswerFormat,

    /// At most so many rows
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub limit: u64,

    /// Fields to show, by name or alias, separated by commas
    #[arg(long, value_name = "FIELDS", value_delimiter = ',')]
    pub columns: Vec<String>,

    /// The number that rows are ordered by, the largest first; with a minus before it the smallest first
    #[arg(long, value_name = "FIELD", default_value = "start", allow_hyphen_values = true)]
    pub order: String,

    /// Count by time: buckets of this width, such as 5m
    #[arg(long, value_name = "STEP")]
    pub histogram: Option<String>,

    /// With --histogram the field that bars are split by; without it the one or two fields of a top
    #[arg(long, value_name = "FIELDS", value_delimiter = ',')]
    pub by: Vec<String>,

    /// How an item belongs to the range and to the buckets that it meets
    #[arg(long, value_enum, default_value_t, value_name = "MODE")]
    pub count: CountBy,

    /// What comes first in a top
    #[arg(long, value_enum, default_value_t, value_name = "RANK")]
    pub rank: RankBy,

    /// Whether the table has colours
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    pub color: Color,
}

/// What a metric is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CompareWith {
    /// As long a range, right before
    Previous,
    /// The same time of the day before
    Yesterday,
    /// The same time and weekday of the week before
    Week,
}

/// The arguments of `arachne series`.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = SERIES_HELP)]
pub struct SeriesArgs {
    /// The metric
    #[arg(value_name = "METRIC")]
    pub metric: String,

    /// A filter on its points
    #[arg(value_name = "FILTER", default_value = "", allow_hyphen_values = true)]
    pub filter: String,

    #[command(flatten)]
    /// Where the store is.
    pub data: DataArgs,

    /// First instant: RFC 3339, a date, epoch seconds, or relative such as -1h [default: all time]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub from: Option<String>,

    /// First instant behind the range [default: all time]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub to: Option<String>,

    /// Width of a bucket, such as 30s [default: one that makes about a hundred]
    #[arg(long, value_name = "STEP")]
    pub step: Option<String>,

    /// Labels to group by, separated by commas; agent is who measured
    #[arg(long, value_name = "LABELS", value_delimiter = ',')]
    pub by: Vec<String>,

    /// Groups with a column of their own; all others are one
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub top: usize,

    /// rate, sum, count, avg, min, max, last, level, distinct, or a percentile such as p95 [default: by the kind of the metric]
    #[arg(long, value_name = "AGGREGATE")]
    pub aggregate: Option<String>,

    /// A second metric that is put together with the first, bucket by bucket and group by group: divide, subtract, add or multiply,
    /// and its name
    #[arg(long, num_args = 2, value_names = ["OPERATOR", "METRIC"])]
    pub with: Option<Vec<String>>,

    /// A filter on the points of the second metric
    #[arg(long, value_name = "FILTER", requires = "with", allow_hyphen_values = true)]
    pub with_filter: Option<String>,

    /// What becomes of the points of the second metric [default: as for the first]
    #[arg(long, value_name = "AGGREGATE", requires = "with")]
    pub with_aggregate: Option<String>,

    /// Another time beside it
    #[arg(long, value_enum, value_name = "TIME")]
    pub compare: Option<CompareWith>,

    /// The time zone of days and weeks, such as Europe/Berlin [default: UTC]
    #[arg(long, value_name = "ZONE", default_value = "")]
    pub zone: String,

    /// The form of the output
    #[arg(long, value_enum, default_value_t)]
    pub format: AnswerFormat,

    /// Whether the table has colours
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    pub color: Color,
}

/// The arguments of `arachne sql`.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = SQL_HELP)]
pub struct SqlArgs {
    /// One read-only statement; - reads it from standard input
    #[arg(value_name = "STATEMENT")]
    pub statement: String,

    #[command(flatten)]
    /// Where the store is.
    pub data: DataArgs,

    /// The form of the output
    #[arg(long, value_enum, default_value_t)]
    pub format: AnswerFormat,

    /// Whether the table has colours
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    pub color: Color,
}

/// What `arachne export` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// Stored frames, for Wireshark
    Pcapng,
    /// HTTP Archive 1.2, for browsers' developer tools
    Har,
    /// One JSON object for each exchange
    Ndjson,
    /// Comma-separated values, safe to open in a spreadsheet
    Csv,
    /// A cURL command for each request
    Curl,
}

/// The arguments of `arachne export`.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = EXPORT_HELP)]
pub struct ExportArgs {
    /// The filter; '' is everything
    #[arg(value_name = "FILTER", default_value = "", allow_hyphen_values = true)]
    pub filter: String,

    #[command(flatten)]
    /// Where the store is.
    pub data: DataArgs,

    /// The form of the output
    #[arg(long, value_enum)]
    pub format: ExportFormat,

    /// Only this TCP session, by its id
    #[arg(long, value_name = "ID")]
    pub session: Option<String>,

    /// Only this exchange, by its id
    #[arg(long, value_name = "ID", conflicts_with = "session")]
    pub exchange: Option<String>,

    /// First instant: RFC 3339, a date, epoch seconds, or relative such as -1h [default: all time]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub from: Option<String>,

    /// First instant behind the range [default: all time]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub to: Option<String>,
}

const QUERY_HELP: &str = "\
The language of filters is told in docs/filter.md. Where a server holds the data folder, it is asked.

Examples:
  arachne query 'status:>=500 path:/cart*' --from -1h
  arachne query '' --limit 1000000 --format ndjson
  arachne query 'duration:>1s' --histogram 5m --by class --count overlap
  arachne query '' --by template --rank duration --limit 20
  arachne query 'service:shop' --columns start,method,path,duration,header.x-request-id --order duration
";

const SERIES_HELP: &str = "\
Examples:
  arachne series access.requests --by class --step 30s --from -1h
  arachne series access.time 'label.template:\"/cart/{id}\"' --aggregate p99 --compare week --zone Europe/Berlin
  arachne query --table points --by name --limit 1000

A bucket without a number is one in which nothing was measured.
";

const SQL_HELP: &str = "\
Tables: exchanges, tcp_sessions, packets, bodies, capture_quality, hosts, points (values of series), log_records;
columns have underscores for the dots of field names. exchanges and tcp_sessions also have duration (ns), exchanges has class. Only reading is possible.

Examples:
  arachne sql \"select service, count(*) from exchanges group by 1 order by 2 desc\"
  arachne sql \"describe exchanges\"
";

const EXPORT_HELP: &str = "\
Frames are cut behind the TCP header unless the capture was imported with --full-packets; what was redacted stays so.

Examples:
  arachne export --session 01JD… --format pcapng > session.pcapng
  arachne export 'status:>=500' --from -1h --format har > errors.har
";
