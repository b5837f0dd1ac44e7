//! `arachne mark`: sets a mark on the time axis. Where a server holds the data folder, it is asked through its socket; where none
//! does, the mark goes into the folder.

use std::collections::BTreeMap;
use std::io::{self, Write as _};

use anyhow::{Context as _, Result, bail};
use arachne_query::When;
use arachne_server::{Marks, NewMark};
use arachne_telemetry::now;
use clap::Args;
use serde_json::json;

use crate::ask::args::DataArgs;
use crate::ask::asked;
use crate::ask::holder::{Opened, open_existing};
use crate::exit::ExitStatus;
use crate::http;

/// The arguments of `arachne mark`.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = HELP)]
pub struct MarkArgs {
    /// What is said, in one line
    #[arg(value_name = "TEXT", required_unless_present = "remove")]
    pub text: Option<String>,

    #[command(flatten)]
    /// Where the store is.
    pub data: DataArgs,

    /// release, note, or another word
    #[arg(long, value_name = "KIND", default_value = "note")]
    pub kind: String,

    /// The service that it is about [default: all]
    #[arg(long, value_name = "SERVICE")]
    pub service: Option<String>,

    /// When: RFC 3339, a date, epoch seconds, now, or relative such as -10m
    #[arg(long, value_name = "TIME", default_value = "now", allow_hyphen_values = true)]
    pub at: String,

    /// Whatever else is to be known of it; may be given several times
    #[arg(long, value_name = "NAME=VALUE")]
    pub label: Vec<String>,

    /// Remove the mark with this id instead
    #[arg(long, value_name = "ID", conflicts_with_all = ["text", "kind", "service", "at", "label"])]
    pub remove: Option<String>,
}

const HELP: &str = "\
Marks are drawn on every time axis of the web UI, for all who may read. The id of the new mark is printed.

Examples:
  arachne mark 'release 42' --kind release --service cart
  arachne mark 'switch replaced' --at 2026-11-22T10:00:00Z --label rack=7
";

/// Who sets marks in a folder that no server holds, as the server says of its socket.
const LOCAL: &str = "local";

/// Runs `arachne mark`.
#[must_use]
pub fn run(args: &MarkArgs) -> ExitStatus {
    asked(|| match &args.remove {
        Some(id) => remove(id, &args.data),
        None => set(args),
    })
}

fn set(args: &MarkArgs) -> Result<()> {
    let mark = mark(args)?;
    let dir = crate::store::data_dir(args.data.data.as_deref())?;
    let id = match open_existing(args.data.data.as_deref())? {
        Opened::Here(_held) => Marks::new(&dir).add(mark, LOCAL, now())?.id,
        Opened::Served(socket) => {
            let body = json!(mark).to_string();
            let answer = http::request(http::connect(&socket)?, "POST", "/api/v1/marks", body.as_bytes())?;
            http::json(answer)?["id"].as_str().context("the server gave no id")?.to_owned()
        }
    };
    writeln!(io::stdout().lock(), "{id}")?;
    Ok(())
}

fn remove(id: &str, data: &DataArgs) -> Result<()> {
    let dir = crate::store::data_dir(data.data.as_deref())?;
    match open_existing(data.data.as_deref())? {
        Opened::Here(_held) if !Marks::new(&dir).remove(id)? => bail!("there is no mark with this id"),
        Opened::Here(_) => {}
        Opened::Served(socket) => {
            let path = format!("/api/v1/marks/{}", http::encoded(id));
            http::json(http::request(http::connect(&socket)?, "DELETE", &path, b"")?)?;
        }
    }
    Ok(())
}

fn mark(args: &MarkArgs) -> Result<NewMark> {
    let mut labels = BTreeMap::new();
    for label in &args.label {
        let (name, value) =
            label.split_once('=').with_context(|| format!("--label {label} is not of the form NAME=VALUE"))?;
        if labels.insert(name.to_owned(), value.to_owned()).is_some() {
            bail!("the label {name} is there twice");
        }
    }
    Ok(NewMark {
        at: Some(When::At(When::parse(&args.at)?.resolve(now()))),
        kind: Some(args.kind.clone()),
        text: args.text.clone().unwrap_or_default(),
        service: args.service.clone(),
        labels,
    })
}
