//! `arachne.yml`: where the store is, who may ask, how long rows stay, what services are called, what templates
//! paths have, what the agent of this machine captures, what becomes of log lines.
//!
//! Read strictly: an unknown key, a key given twice, a value of the wrong form are mistakes, all of which are told at once,
//! each with its line, its key and what to write instead. Nothing is guessed: a scalar is the text that stands there, so
//! that `NO`, `1.10` and `0755` never become something else.

mod agent;
mod for_agent;
mod logs;
mod mistake;
mod paths;
mod read;
mod schema;
mod tree;

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

pub use agent::Agent;
pub use arachne_aggregate::template::Rule as PathRule;
pub use arachne_delivery::instructions::Service;
pub use for_agent::AgentFile;
pub use logs::{AccessLog, Log, LogJob};
pub use mistake::{Mistake, Mistakes};
pub use schema::{Auth, Config, Limit, Retention, Tls};

/// The name of the file where no other is given.
pub const FILE_NAME: &str = "arachne.yml";

/// Reads a file.
///
/// # Errors
/// It cannot be read, or has mistakes.
pub fn load(path: &Path) -> Result<Config, Mistakes> {
    of_file(path, &content(path)?)
}

/// The bytes of a file, for who wants to know whether they change.
///
/// # Errors
/// It cannot be read.
pub fn content(path: &Path) -> Result<Vec<u8>, Mistakes> {
    bytes_of(path).map_err(|error| Mistakes::of_file(&path.display().to_string(), format!("cannot be read: {error}")))
}

/// Reads the bytes of the file at `path`.
///
/// # Errors
/// It has mistakes.
pub fn of_file(path: &Path, bytes: &[u8]) -> Result<Config, Mistakes> {
    parse(&path.display().to_string(), bytes, path.parent().unwrap_or(Path::new("")))
}

/// Reads a file for an agent of another host.
///
/// # Errors
/// It cannot be read, or has mistakes.
pub fn load_for_agent(path: &Path) -> Result<AgentFile, Mistakes> {
    parse_for_agent(&path.display().to_string(), &content(path)?)
}

/// Reads the content of a file for an agent of another host; it is called `name`.
///
/// # Errors
/// It has mistakes.
pub fn parse_for_agent(name: &str, bytes: &[u8]) -> Result<AgentFile, Mistakes> {
    read_tree(name, bytes, for_agent::agent_file)
}

/// One byte more than may be there, so that a longer file shows.
fn bytes_of(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(tree::BYTES_MAX + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads the content of the file called `name`; relative paths in it are below `folder`.
///
/// # Errors
/// It has mistakes.
pub fn parse(name: &str, bytes: &[u8], folder: &Path) -> Result<Config, Mistakes> {
    read_tree(name, bytes, |root| schema::config(root, folder))
}

fn read_tree<T>(
    name: &str,
    bytes: &[u8],
    read: impl FnOnce(&tree::Node) -> Result<T, Vec<Mistake>>,
) -> Result<T, Mistakes> {
    let text = tree::text(bytes).map_err(|mistake| Mistakes::new(name, "", vec![mistake]))?;
    let result = tree::tree(text).map_err(|mistake| vec![mistake]).and_then(|root| read(&root));
    result.map_err(|mistakes| Mistakes::new(name, text, mistakes))
}

#[cfg(test)]
mod tests;
