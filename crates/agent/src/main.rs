//! The program `arachne-agent`: the supervisor, or the capture process that it starts.

use std::process::ExitCode;

use arachne_agent::args::AgentArgs;
use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Records what the services of this host say to each other, and delivers it to a server.
#[derive(Debug, Parser)]
#[command(name = "arachne-agent", version)]
struct Cli {
    #[command(flatten)]
    args: AgentArgs,
}

fn main() -> ExitCode {
    if arachne_agent::process::is_asked_for() {
        return arachne_agent::process::run();
    }
    if arachne_agent::collect::is_asked_for() {
        return arachne_agent::collect::run();
    }
    match Cli::try_parse() {
        Ok(cli) => ExitCode::from(arachne_agent::run(cli.args)),
        // Help and version come this way too; they are no errors and go to standard output.
        Err(error) => {
            let _ = error.print();
            ExitCode::from(if error.use_stderr() { 2 } else { 0 })
        }
    }
}
