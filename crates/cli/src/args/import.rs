//! The arguments of `arachne import`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use arachne_capture::rows::{ServiceRule, Vantage};
use arachne_config::PathRule;
use arachne_filter::parse_instant;
use arachne_model::UnixNanos;
use clap::{Args, ValueEnum};

use super::{Decode, Messages, exit_codes};

/// Where a capture was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum VantageArg {
    /// On the host of the clients
    Client,
    /// On the host of the servers
    Server,
    /// On the way
    Between,
}

impl From<VantageArg> for Vantage {
    fn from(vantage: VantageArg) -> Self {
        match vantage {
            VantageArg::Client => Self::Client,
            VantageArg::Server => Self::Server,
            VantageArg::Between => Self::Between,
        }
    }
}

/// The arguments of `arachne import`.
#[derive(Clone, Debug, Args)]
#[command(after_help = exit_codes(), after_long_help = help())]
pub struct ImportArgs {
    /// Capture files; - is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// The folder of the store [default: that of the configuration, else ARACHNE_DATA, else arachne in the user's data folder]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// What services are called, as configured.
    #[arg(skip)]
    pub services: Vec<ServiceRule>,

    /// What templates paths have, as configured.
    #[arg(skip)]
    pub paths: Vec<PathRule>,

    /// Keep no frames
    #[arg(long, conflicts_with = "full_packets")]
    pub no_packets: bool,

    /// Keep no TCP sessions
    #[arg(long)]
    pub no_sessions: bool,

    /// Keep no bodies
    #[arg(long)]
    pub no_bodies: bool,

    /// Keep whole frames instead of cutting them behind the TCP header; they hold what was said, secrets too
    #[arg(long)]
    pub full_packets: bool,

    /// Keep only exchanges that pass, with their bodies, and frames only of sessions with such an exchange
    ///
    /// What does not pass is counted. Frames of a session that come long before its first exchange that passes may be
    /// left out; the session tells how many frames it has.
    #[arg(long, value_name = "FILTER")]
    pub keep: Option<String>,

    /// Read all files as one capture, merged by time: a rotated set
    #[arg(long)]
    pub join: bool,

    /// Name of the host that the capture was made on
    #[arg(long, value_name = "NAME", default_value = "file")]
    pub agent: String,

    /// Where the capture was made
    #[arg(long, value_enum)]
    pub vantage: Option<VantageArg>,

    /// A word that all exchanges and sessions are found by; may be repeated
    #[arg(long = "tag", value_name = "WORD")]
    pub tags: Vec<String>,

    /// Move all FILEs in time together, so that the last frame or window of them is at INSTANT or now
    ///
    /// For demonstrations: everything is as far apart as it was, between FILEs, too. Where a spool file is among them all move by whole
    /// windows of ten seconds, and end there or up to ten seconds before. INSTANT is as in filters: 2026-11-21T10:00:00Z, or seconds since 1970. Another distance is another option, also when it comes of now: --replace.
    #[arg(long, value_name = "now|INSTANT", value_parser = end_at)]
    pub end_at: Option<UnixNanos>,

    /// Take the place of an import of the same file with other options
    #[arg(long)]
    pub replace: bool,

    /// Whether bodies are unpacked [default: auto, but never with --no-bodies]
    #[arg(long, value_enum)]
    pub decode: Option<Decode>,

    /// Threads that parse; the rows are the same for any number [default: 1]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,

    /// Use TLS secrets embedded in the capture instead of skipping them; they are never stored
    #[arg(long)]
    pub keep_secrets: bool,

    /// End standard error with one line of JSON: what came into each stage, what left it, what was dropped and why
    #[arg(long)]
    pub stats: bool,

    /// What is said.
    #[command(flatten)]
    pub messages: Messages,
}

impl ImportArgs {
    /// What the derive cannot express.
    ///
    /// # Errors
    /// The text of a usage error.
    pub fn check(&self) -> Result<(), &'static str> {
        let stdin = self.files.iter().filter(|f| f.as_os_str() == "-").count();
        if stdin > 1 {
            return Err("standard input (-) can be read only once");
        }
        if self.tags.iter().any(|tag| tag.is_empty() || tag.contains(char::is_whitespace)) {
            return Err("--tag takes one word without blanks; repeat it for more");
        }
        Ok(())
    }
}

/// `now`, or an instant as filters write it.
fn end_at(text: &str) -> Result<UnixNanos, String> {
    if text == "now" {
        let nanos =
            SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_nanos()).ok());
        return nanos.map(UnixNanos).ok_or_else(|| "the clock of this machine is wrong: name an instant".to_owned());
    }
    match parse_instant(text) {
        Some(range) if range.from == range.to => Ok(UnixNanos(range.from)),
        _ => Err("no instant: write now, 2026-11-21T10:00:00Z, or a number since 1970 in s, ms, us or ns".to_owned()),
    }
}

fn help() -> String {
    format!("{TEXT}\n{}", exit_codes())
}

const TEXT: &str = "\
A file is known by its content. Importing it again changes nothing; an import that was interrupted goes on. With other
options it is refused, unless --replace takes the place of what is there.

Secrets stay out: credentials, cookies, keys, card numbers in headers, targets and bodies are replaced before anything is
written, and frames are cut behind the TCP header. Standard input is kept in an unnamed temporary file (TMPDIR) meanwhile.

Examples:
  arachne import trace.pcapng.gz
  arachne import --join rotated.pcap.* --agent web-3 --vantage server --tag incident-17
  arachne import recorded.pcapng --end-at now
  arachne import big.pcap --no-packets --no-bodies --keep 'status:>=500 or duration:>1s'
";
