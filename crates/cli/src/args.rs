//! The command line as typed structs; help, man page text and completions come from here.

mod import;
mod messages;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use arachne_agent::args::AgentArgs;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub use import::{ImportArgs, VantageArg};
pub use messages::Messages;

use crate::agents::args::AgentsArgs;
use crate::ask::args::{ExportArgs, QueryArgs, SeriesArgs, SqlArgs};
use crate::exit::ExitStatus;
use crate::mark::MarkArgs;
use crate::serve::ServeArgs;

/// Records what services say to each other.
#[derive(Debug, Parser)]
#[command(name = "arachne", version, after_help = exit_codes(), max_term_width = 100)]
pub struct Cli {
    /// The configuration [default: ARACHNE_CONFIG, else arachne.yml in this folder where it is there]
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one of it in a process")]
pub enum Command {
    /// Print the HTTP exchanges of capture files, one row for each request with its response
    ///
    /// Reads pcap and pcapng, also packed with gzip or zstd, rebuilds TCP sessions in memory and follows HTTP/1.x inside.
    /// A protocol is found by its content, not by its port. Data goes to standard output, everything else to standard
    /// error. Captured text is never interpreted: in the table control characters are spelled out.
    Read(Box<ReadArgs>),
    /// Keep capture files in the store: exchanges, sessions, packets, bodies, without secrets
    ///
    /// May be interrupted and repeated: what is there is not written again.
    Import(Box<ImportArgs>),
    /// Ask the store: lists, counts over time, tops
    Query(Box<QueryArgs>),
    /// Ask the store in SQL, read-only
    Sql(SqlArgs),
    /// Show a metric over time, by its labels
    Series(Box<SeriesArgs>),
    /// Write what the store holds as pcapng, HAR, ndjson, CSV or cURL
    Export(ExportArgs),
    /// Add, list and revoke agents: who may deliver what was captured
    Agents(AgentsArgs),
    /// Set a mark, such as a release, on the time axis
    Mark(MarkArgs),
    /// Serve the store: the web UI, and the HTTP API, documented at /api/docs
    Serve(ServeArgs),
    /// Record what the services of this host say to each other, and deliver it to a server (also: arachne-agent)
    Agent(Box<AgentArgs>),
    /// Check a configuration: every mistake with its line, or what it means
    Check {
        /// The file
        #[arg(value_name = "FILE", default_value = arachne_config::FILE_NAME)]
        file: PathBuf,
        /// Run the rules of `logs` over this file: what each hits and costs, what nothing matched
        #[arg(long, value_name = "FILE")]
        sample: Option<PathBuf>,
        /// The file is one for `arachne agents configure`
        #[arg(long)]
        agent: bool,
    },
    /// Print what a service needs so that the agent can ask it
    #[command(subcommand)]
    Setup(Setup),
    /// Print a script that completes this command line in a shell
    Completions {
        /// The shell
        shell: CompletionShell,
    },
}

/// Services that need something.
#[derive(Clone, Debug, Subcommand)]
pub enum Setup {
    /// The SQL of a role that reads statistics and nothing else, to be run by a superuser: arachne setup postgresql | psql -d DATABASE
    Postgresql {
        /// The name of the role
        #[arg(long, value_name = "NAME", default_value = "arachne")]
        role: String,
    },
}

/// Shells with completions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CompletionShell {
    /// GNU Bash
    Bash,
    /// Z shell
    Zsh,
    /// fish
    Fish,
}

impl From<CompletionShell> for Shell {
    fn from(shell: CompletionShell) -> Self {
        match shell {
            CompletionShell::Bash => Self::Bash,
            CompletionShell::Zsh => Self::Zsh,
            CompletionShell::Fish => Self::Fish,
        }
    }
}

/// The form of the data on standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table for people
    #[default]
    Table,
    /// One JSON object for each row, for programs
    Ndjson,
    /// HTTP Archive 1.2, for browsers' developer tools
    Har,
}

/// Whether bodies are unpacked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Decode {
    /// Count bodies as they are on the wire, the fastest way
    Never,
    /// Undo gzip, deflate, br and zstd within limits
    #[default]
    Auto,
}

/// Whether the table has colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Also in a pipe
    Always,
    /// Not at all
    Never,
}

/// The form of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people
    #[default]
    Text,
    /// One JSON object for each line
    Json,
}

/// The arguments of `arachne read`.
#[derive(Clone, Debug, Args)]
#[command(after_help = exit_codes(), after_long_help = read_help())]
pub struct ReadArgs {
    /// Capture files; - is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// The form of the output
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,

    /// Print header lines too (har always has them)
    #[arg(long, conflicts_with = "sessions")]
    pub headers: bool,

    /// End standard error with one line of JSON: what came into each stage, what left it, what was dropped and why
    #[arg(long)]
    pub stats: bool,

    /// Add SHA-256 of bodies to ndjson and of the streams of each session to --stats
    #[arg(long)]
    pub stream_hashes: bool,

    /// Print TCP sessions instead of exchanges
    #[arg(long)]
    pub sessions: bool,

    /// Write the reassembled bytes of each direction to DIR/N-client.bin and DIR/N-server.bin, N the session
    ///
    /// The directory is created; with several sources names begin with the number of the source and a dot. Older files
    /// of these names are replaced.
    #[arg(long, value_name = "DIR")]
    pub streams: Option<PathBuf>,

    /// Whether bodies are unpacked
    #[arg(long, value_enum, default_value_t)]
    pub decode: Decode,

    /// Threads that parse; the output is the same for any number [default: 1]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,

    /// Read all files as one capture, merged by time: a rotated set
    #[arg(long)]
    pub join: bool,

    /// Go on when the file grows, like tail -f
    #[arg(long)]
    pub follow: bool,

    /// Use TLS secrets embedded in the capture instead of skipping them; they are never printed
    #[arg(long)]
    pub keep_secrets: bool,

    /// Whether the table has colours
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    pub color: Color,

    /// What is said.
    #[command(flatten)]
    pub messages: Messages,
}

impl ReadArgs {
    /// What the derive cannot express.
    ///
    /// # Errors
    /// The text of a usage error.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.sessions && self.format == Format::Har {
            return Err("--sessions prints table or ndjson: har holds exchanges");
        }
        if self.files.iter().filter(|f| f.as_os_str() == "-").count() > 1 {
            return Err("standard input (-) can be read only once");
        }
        if self.follow && self.files.len() > 1 {
            return Err("--follow takes one file");
        }
        if self.join && self.files.len() > 1 && self.files.iter().any(|f| f.as_os_str() == "-") {
            return Err("--join reads files, not standard input");
        }
        Ok(())
    }
}

/// The list of exit codes for help.
fn exit_codes() -> String {
    let lines = ExitStatus::ALL.iter().map(|s| format!("  {}  {}\n", s.code(), s.words()));
    format!("Exit codes:\n{}", lines.collect::<String>())
}

fn read_help() -> String {
    format!("{COLUMNS}\n{MESSAGES}\n{EXAMPLES}\n{}", exit_codes())
}

const COLUMNS: &str = "\
Columns of the table (narrow terminals leave out CLIENT, SERVER, NOTES with SIZE, TIME, in this order):
  START    first byte of the request, time of day in UTC; a line tells the date
  CLIENT   address and port of who asked
  SERVER   address and port of who answers
  REQUEST  method, host and target; – for a response alone
  STATUS   status of the response; – when there is none, ? when it is no number
  SIZE     body of the response after de-chunking, before unpacking
  TIME     first byte of the request to last byte of the response
  NOTES    retransmissions meanwhile and everything odd, in words

With --sessions:
  PROTOCOL what the connection speaks, found by content; the server name of TLS
  CLOSE    fin, reset, idle_timeout, handshake_timeout, reused, evicted, input_end
  PACKETS  TCP segments of both sides
  SENT     payload bytes from the client
  RECEIVED payload bytes from the server
  RTT      round trip of the handshake
  EXCHANGES exchanges found
";

const MESSAGES: &str = "\
Messages on standard error carry a code, such as code=READ-NET-002; docs/log-codes.md tells for each what it means, its
likely cause and what to do. Ctrl-C ends the run cleanly: what is open is printed as it is, then the summary.
";

const EXAMPLES: &str = "\
Examples:
  arachne read trace.pcapng.gz
  arachne read *.pcap --format ndjson | jq 'select(.\"http.response.status_code\" >= 500)'
  tcpdump -U -w - | arachne read -
  arachne read --join rotated.pcap.* --sessions
  arachne read trace.pcap --format har > trace.har
  arachne read trace.pcap --stats --stream-hashes -q
";

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::{Cli, Command, Format, ReadArgs};
    use arachne_telemetry::Verbosity;

    fn read(words: &[&str]) -> Result<ReadArgs, String> {
        let words = ["arachne", "read"].iter().chain(words);
        match Cli::try_parse_from(words).map_err(|e| e.to_string())?.command {
            Command::Read(args) => args.check().map(|()| *args).map_err(str::to_owned),
            _ => Err("another command".to_owned()),
        }
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn good_command_lines() {
        let args = read(&["a", "-", "--format", "ndjson", "--threads", "2", "-vvq"]).expect("good");
        assert_eq!((args.files.len(), args.format, args.messages.verbosity()), (2, Format::Ndjson, Verbosity::Debug));
        read(&["a", "--sessions", "--format", "ndjson", "--stats", "--stream-hashes"]).expect("good");
        read(&["a", "--follow", "--color=never", "--log-format=json", "--streams", "d"]).expect("good");
    }

    #[test]
    fn bad_command_lines() {
        let check = |words: &[&str], part: &str| {
            let error = read(words).expect_err("must be refused");
            assert!(error.contains(part), "{error}");
        };
        check(&[], "FILE");
        check(&["a", "--sessions", "--format", "har"], "har holds exchanges");
        check(&["-", "-"], "only once");
        check(&["a", "b", "--follow"], "one file");
        check(&["a", "-", "--join"], "not standard input");
        check(&["a", "--threads", "0"], "threads");
        check(&["a", "--format", "xml"], "ndjson");
        check(&["a", "--decode", "maybe"], "never");
        check(&["a", "--sessions", "--headers"], "cannot be used with");
    }

    #[test]
    fn help_tells_columns_codes_and_examples() {
        let mut command = Cli::command();
        let help = command.find_subcommand_mut("read").expect("there is one").render_long_help().to_string();
        for part in
            ["START", "NOTES", "CLOSE", "tcpdump -U -w - | arachne read -", "6  damaged", "0  done", "--streams"]
        {
            assert!(help.contains(part), "{part}\n{help}");
        }
    }
}
