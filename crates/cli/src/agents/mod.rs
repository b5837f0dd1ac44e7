//! `arachne agents`: who may deliver what was captured. Where a server holds the data folder, it is asked through its socket;
//! where none does, the list in the folder is changed.

pub mod args;
mod configure;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use arachne_query::Instant;
use arachne_server::{Access, AgentEntry, Config, Registry, install};
use arachne_store_parquet::EmbeddedStore;
use arachne_telemetry::now;
use serde_json::{Value as Json, json};

use self::args::{AgentsArgs, AgentsCommand};
use crate::ask::answer::{AnswerColumn, Shape};
use crate::ask::args::DataArgs;
use crate::ask::holder::{Opened, brief, open, open_existing};
use crate::ask::print::Printer;
use crate::ask::{asked, table_style};
use crate::exit::ExitStatus;
use crate::http;

/// The columns of a list, with where they stand in what a server tells.
const COLUMNS: [(&str, Shape, &str); 9] = [
    ("name", Shape::Text, "/name"),
    ("state", Shape::Text, "/state"),
    ("version", Shape::Text, "/status/version"),
    ("last_seen", Shape::Instant, "/last_seen"),
    ("packets_per_second", Shape::Number, "/rates/packets_per_second"),
    ("exchanges_per_second", Shape::Number, "/rates/exchanges_per_second"),
    ("cpu_percent", Shape::Number, "/rates/cpu_percent"),
    ("rows", Shape::Number, "/delivered/rows"),
    ("created", Shape::Instant, "/created"),
];

/// What stands for a key that is not made yet.
const KEY: &str = "ara_";

/// Who has the list of agents.
enum Holder {
    /// This process, as long as it holds the store.
    Here(Registry, PathBuf, EmbeddedStore),
    /// The server that listens on this socket.
    Served(PathBuf),
}

/// Runs `arachne agents`.
#[must_use]
pub fn run(args: &AgentsArgs) -> ExitStatus {
    match &args.command {
        AgentsCommand::Add { name, data } => asked(|| add(name, data, args.access.clone())),
        AgentsCommand::List { format, color, data } => asked(|| {
            let columns = COLUMNS.map(|(name, shape, _)| AnswerColumn::new(name, shape));
            let out = io::BufWriter::new(io::stdout().lock());
            let mut printer = Printer::new(out, *format, table_style(*color), &columns)?;
            for agent in list(&Holder::existing(data)?)? {
                let cells = COLUMNS.map(|(.., place)| agent.pointer(place).cloned().unwrap_or_default());
                printer.row(&cells)?;
            }
            printer.finish().map(drop).map_err(Into::into)
        }),
        AgentsCommand::Configure { name, file, data } => match arachne_config::load_for_agent(file) {
            Ok(file) => asked(|| configure::run(name, &file, &Holder::existing(data)?)),
            Err(mistakes) => crate::configure::refuse(&mistakes),
        },
        AgentsCommand::Revoke { name, data } => asked(|| revoke(name, &Holder::existing(data)?)),
    }
}

impl Holder {
    fn of(opened: Opened, data: &Path) -> Result<Self> {
        Ok(match opened {
            Opened::Here(store) => Self::Here(Registry::open(data)?, data.to_owned(), store),
            Opened::Served(socket) => Self::Served(socket),
        })
    }

    fn existing(data: &DataArgs) -> Result<Self> {
        Self::of(open_existing(data.data.as_deref())?, &crate::store::data_dir(data.data.as_deref())?)
    }
}

/// Adds an agent; a folder that is not there is made, as for a server.
fn add(name: &str, data: &DataArgs, access: Option<Access>) -> Result<()> {
    let dir = crate::store::data_dir(data.data.as_deref())?;
    crate::store::make_dir(&dir)?;
    let command = match Holder::of(open(&dir, brief())?, &dir)? {
        Holder::Here(registry, data, _held) => {
            let mut config = Config::new(data);
            config.access = access.unwrap_or(config.access);
            if config.access.listen.port() == 0 {
                writeln!(
                    io::stderr().lock(),
                    "no server runs, and its port is chosen when it starts: put it in for PORT"
                )?;
            }
            // What is wrong with the address is known before there is a key that nobody was shown.
            let command = install(&config, KEY)?;
            command.replace(KEY, &registry.add(name, now())?)
        }
        Holder::Served(socket) => {
            let body = json!({ "name": name }).to_string();
            let answer = http::request(http::connect(&socket)?, "POST", "/api/v1/agents", body.as_bytes())?;
            http::json(answer)?["command"].as_str().context("the server gave no command")?.to_owned()
        }
    };
    writeln!(io::stdout().lock(), "{command}")?;
    Ok(())
}

fn revoke(name: &str, holder: &Holder) -> Result<()> {
    match holder {
        Holder::Here(registry, ..) => drop(registry.revoke(name, now())?),
        Holder::Served(socket) => {
            let path = format!("/api/v1/agents/{}", http::encoded(name));
            http::json(http::request(http::connect(socket)?, "DELETE", &path, b"")?)?;
        }
    }
    Ok(())
}

/// All agents, each with its `state` in a word.
fn list(holder: &Holder) -> Result<Vec<Json>> {
    let mut all = match holder {
        Holder::Here(registry, ..) => registry.list().iter().map(plain).collect(),
        Holder::Served(socket) => {
            match http::json(http::request(http::connect(socket)?, "GET", "/api/v1/agents", b"")?)? {
                Json::Array(all) => all,
                _ => anyhow::bail!("the server answered no list"),
            }
        }
    };
    for agent in &mut all {
        let state = match (agent["revoked"].is_null(), agent["online"].as_bool()) {
            (false, _) => json!("revoked"),
            (true, Some(true)) => agent["status"]["state"].clone(),
            (true, _) => json!("offline"),
        };
        agent["state"] = state;
    }
    Ok(all)
}

/// What is known of an agent without a server.
fn plain(agent: &AgentEntry) -> Json {
    let instant = |at: i64| Instant(at).to_string();
    json!({"name": agent.name, "created": instant(agent.created), "revoked": agent.revoked.map(instant)})
}
