//! Arguments of `arachne agents`.

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

impl AgentsCommand {
    /// Where the store is.
    pub const fn data(&mut self) -> &mut DataArgs {
        match self {
            Self::Add { data, .. } | Self::List { data, .. } | Self::Revoke { data, .. } => data,
        }
    }
}
