//! Arguments of `arachne agents`.

use std::path::PathBuf;

use arachne_server::Access;
use clap::{Args, Subcommand};

use crate::args::Color;
use crate::ask::args::{AnswerFormat, DataArgs};

/// The arguments of `arachne agents`.
#[derive(Clone, Debug, Args)]
pub struct AgentsArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: AgentsCommand,

    /// Where the server is to listen, as configured.
    #[arg(skip)]
    pub access: Option<Access>,
}

/// What to do with agents.
#[derive(Clone, Debug, Subcommand)]
pub enum AgentsCommand {
    /// Add an agent: prints what to run on its host; the key in it is shown this once
    Add {
        /// Its name: letters, digits and -_.
        #[arg(value_name = "NAME")]
        name: String,

        #[command(flatten)]
        /// Where the store is.
        data: DataArgs,
    },
    /// List the agents
    List {
        /// The form of the output
        #[arg(long, value_enum, default_value_t)]
        format: AnswerFormat,

        /// Whether the table has colours
        #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
        color: Color,

        #[command(flatten)]
        /// Where the store is.
        data: DataArgs,
    },
    /// Say what an agent of another host is to do: what FILE names is set, all else stays
    #[command(after_long_help = CONFIGURE_HELP)]
    Configure {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,

        /// A file with the sections `agent`, `services` and `logs` of arachne.yml
        #[arg(value_name = "FILE")]
        file: PathBuf,

        #[command(flatten)]
        /// Where the store is.
        data: DataArgs,
    },
    /// Revoke the key of an agent, at once
    Revoke {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,

        #[command(flatten)]
        /// Where the store is.
        data: DataArgs,
    },
}

const CONFIGURE_HELP: &str = "\
agent.interfaces, agent.filter, agent.save, agent.limits, agent.redact, agent.collect, services and logs are each set as a whole. The
agent follows within seconds. `arachne check --agent FILE` tells what is wrong with a file, `--sample app.log` what its rules do.

Example, web-1.yml:
  agent:
    collect:
      postgresql:
        - connection: host=/run/postgresql user=arachne dbname=shop
      checks: [http://127.0.0.1:8080/health]
  logs:
    - plugin: access
      file: /var/log/shop/access.log
      format: combined

  arachne agents configure web-1 web-1.yml
";

impl AgentsCommand {
    /// Where the store is.
    pub const fn data(&mut self) -> &mut DataArgs {
        match self {
            Self::Add { data, .. }
            | Self::List { data, .. }
            | Self::Configure { data, .. }
            | Self::Revoke { data, .. } => data,
        }
    }
}
