//! An import into a store that a server holds: the capture goes through the server's socket, and it imports it.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value as Json;

use crate::args::ImportArgs;
use crate::exit::ExitStatus;
use crate::http::{self, connect, json};
use crate::interrupt::Interrupt;
use crate::output::human;
use crate::progress::Progress;

/// Time between two questions how far it is.
const PAUSE: Duration = Duration::from_millis(200);

/// What a server does not do for others.
fn unsupported(args: &ImportArgs) -> Option<&'static str> {
    [
        (args.full_packets, "--full-packets"),
        (args.join, "--join"),
        (args.vantage.is_some(), "--vantage"),
        (args.agent != "file", "--agent"),
        (args.decode.is_some(), "--decode"),
        (args.end_at.is_some(), "--end-at"),
        (args.stats, "--stats"),
        (args.files.iter().any(|file| file.as_os_str() == "-"), "standard input"),
    ]
    .into_iter()
    .find_map(|(asked, name)| asked.then_some(name))
}

/// Imports the files one after the other.
///
/// # Errors
/// When the server cannot be asked, or an option needs the store itself.
pub fn run(args: &ImportArgs, socket: &Path, bar: bool, interrupt: &Interrupt) -> Result<ExitStatus> {
    if let Some(option) = unsupported(args) {
        bail!("a server holds the store, and it does not take {option}: stop it, or do without");
    }
    if let Some(file) = args.files.iter().find(|file| arachne_delivery::spool::is_file(file)) {
        bail!("a server holds the store, and it does not take the spool file {}: stop it", file.display());
    }
    let mut status = ExitStatus::Done;
    for file in &args.files {
        let one = one(args, socket, file, bar, interrupt);
        status = status.and(one.with_context(|| format!("{} was not imported", file.display()))?);
        if interrupt.is_set() {
            return Ok(ExitStatus::Unexpected);
        }
    }
    Ok(status)
}

fn one(args: &ImportArgs, socket: &Path, path: &Path, bar: bool, interrupt: &Interrupt) -> Result<ExitStatus> {
    let file = File::open(path)?;
    let progress = Progress::new(file.metadata().ok().map(|facts| facts.len()), bar);
    let target = format!("/api/v1/uploads?{}", parameters(args, path));
    let taken = json(http::upload(connect(socket)?, &target, file)?)?;
    let operation = taken["links"]["self"].as_str().context("the server named no operation")?.to_owned();
    let mut stopped = false;
    let last = loop {
        let now = json(http::request(connect(socket)?, "GET", &operation, b"")?)?;
        progress.at(now["bytes"].as_u64().unwrap_or(0));
        match now["state"].as_str() {
            Some("waiting" | "running") => std::thread::sleep(PAUSE),
            _ => break now,
        }
        if interrupt.is_set() && !std::mem::replace(&mut stopped, true) {
            http::request(connect(socket)?, "DELETE", &operation, b"")?;
        }
    };
    progress.finish();
    told(path, &last)
}

/// Says how it ended.
fn told(path: &Path, operation: &Json) -> Result<ExitStatus> {
    for notice in operation["notices"].as_array().into_iter().flatten().filter_map(Json::as_str) {
        note(&format!("{}: {notice}", path.display()));
    }
    match operation["state"].as_str() {
        Some("finished") => {
            let rows = operation["import"]["rows"]["exchanges"].as_u64().unwrap_or(0);
            let already = if operation["already"] == true { "was there already: " } else { "" };
            note(&format!("{}: {already}{}", path.display(), human::counted(rows, "exchange")));
            Ok(ExitStatus::Done)
        }
        Some("stopped") => Ok(ExitStatus::Unexpected),
        _ => bail!("{}", operation["problem"]["detail"].as_str().unwrap_or("the server says no reason")),
    }
}

/// A line for people; captured text in it is made harmless.
fn note(text: &str) {
    use std::io::Write as _;
    // Where standard error is gone there is nobody left to tell.
    let _ = writeln!(std::io::stderr(), "{}", crate::visible::visible(text.as_bytes()));
}

fn parameters(args: &ImportArgs, path: &Path) -> String {
    let label = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let flags = [("packets", !args.no_packets), ("sessions", !args.no_sessions), ("bodies", !args.no_bodies)];
    let flags = flags.into_iter().chain([("replace", args.replace)]).map(|(name, on)| format!("{name}={on}"));
    let texts = [("label", label), ("keep", args.keep.clone().unwrap_or_default()), ("tags", args.tags.join(" "))];
    let texts = texts.into_iter().map(|(name, text)| format!("{name}={}", http::encoded(&text)));
    flags.chain(texts).collect::<Vec<_>>().join("&")
}
