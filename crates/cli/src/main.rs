//! The program `arachne`: parses the command line, runs the command, turns the outcome into an exit code.

use std::io::{self, Write as _};
use std::process::ExitCode;

use arachne_cli::args::{Cli, Command};
use arachne_cli::exit::ExitStatus;
use arachne_cli::read;
use clap::{CommandFactory as _, Parser as _};

fn main() -> ExitCode {
    let status = match Cli::try_parse() {
        Ok(cli) => run(cli.command),
        // Help and version come this way too; they are no errors and go to standard output.
        Err(error) => {
            let _ = error.print();
            if error.use_stderr() { ExitStatus::Usage } else { ExitStatus::Done }
        }
    };
    status.into()
}

fn run(command: Command) -> ExitStatus {
    match command {
        Command::Read(args) => read::run(&args),
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
