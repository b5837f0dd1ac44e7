//! The program `arachne`: parses the command line, runs the command, turns the outcome into an exit code.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use arachne_cli::args::{Cli, Command, Setup};
use arachne_cli::exit::ExitStatus;
use arachne_cli::{agents, ask, configure, import, mark, read, serve};
use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    if arachne_agent::process::is_asked_for() {
        return arachne_agent::process::run();
    }
    if arachne_agent::collect::is_asked_for() {
        return arachne_agent::collect::run();
    }
    let status = match Cli::try_parse_from(words()) {
        Ok(cli) => configured(cli),
        // Help and version come this way too; they are no errors and go to standard output.
        Err(error) => {
            let _ = error.print();
            if error.use_stderr() { ExitStatus::Usage } else { ExitStatus::Done }
        }
    };
    status.into()
}

/// The command line. Called `arachne-agent`, as hosts save it that have it from their server, it is the agent and nothing else.
fn words() -> Vec<OsString> {
    let mut words: Vec<_> = std::env::args_os().collect();
    if words.first().is_some_and(|name| Path::new(name).file_name() == Some("arachne-agent".as_ref())) {
        words.insert(1, "agent".into());
    }
    words
}

/// Runs the command with what is configured. Commands that need no configuration do not read it.
fn configured(mut cli: Cli) -> ExitStatus {
    if matches!(
        cli.command,
        Command::Read(_) | Command::Agent(_) | Command::Check { .. } | Command::Setup(_) | Command::Completions { .. }
    ) {
        return run(cli.command);
    }
    match configure::find(cli.config.as_deref()) {
        Ok(found) => {
            if let Some(found) = found {
                configure::apply(found, &mut cli.command);
            }
            run(cli.command)
        }
        Err(mistakes) => configure::refuse(&mistakes),
    }
}

fn run(command: Command) -> ExitStatus {
    match command {
        Command::Read(args) => checked("read", args.check(), || read::run(&args)),
        Command::Import(args) => checked("import", args.check(), || import::run(&args)),
        Command::Query(args) => ask::query(&args),
        Command::Sql(args) => ask::sql(&args),
        Command::Series(args) => ask::series(&args),
        Command::Export(args) => ask::export(&args),
        Command::Agents(args) => agents::run(&args),
        Command::Mark(args) => mark::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Agent(args) => ExitStatus::of(arachne_agent::run(*args)),
        Command::Check { file, sample, agent } => configure::check(&file, sample.as_deref(), agent),
        Command::Setup(Setup::Postgresql { role }) => {
            match io::stdout().write_all(arachne_collectors::postgresql::setup_sql(&role).as_bytes()) {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitStatus::Unexpected,
                _ => ExitStatus::Done,
            }
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(clap_complete::Shell::from(shell), &mut Cli::command(), "arachne", &mut script);
            match io::stdout().write_all(&script) {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitStatus::Unexpected,
                _ => ExitStatus::Done,
            }
        }
    }
}

/// Runs a command whose arguments are in order.
fn checked(name: &str, check: Result<(), &'static str>, run: impl FnOnce() -> ExitStatus) -> ExitStatus {
    match check {
        Ok(()) => run(),
        Err(text) => {
            let _ = command_line(name).error(ErrorKind::ArgumentConflict, text).print();
            ExitStatus::Usage
        }
    }
}

/// The definition of a subcommand, with its own usage.
fn command_line(name: &str) -> clap::Command {
    let mut all = Cli::command();
    all.build();
    all.find_subcommand(name).cloned().unwrap_or(all)
}
