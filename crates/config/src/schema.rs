//! What can be configured.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use arachne_aggregate::template::Rule as PathRule;
use arachne_delivery::instructions::Service;
use arachne_model::table::{PointRow, ROLLED, Row as _, STORED};

use crate::agent::{Agent, agent, switch};
use crate::logs::{Log, logs};
use crate::mistake::Mistake;
use crate::paths::paths;
use crate::read::{Section, read};
use crate::tree::{Node, Value};

/// Who may ask over TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Whoever is on this machine.
    Local,
    /// Whoever has a token.
    Required,
}

/// How long, or how much of, a table stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Rows older than this go.
    Age(Duration),
    /// The oldest rows go beyond so many bytes.
    Bytes(u64),
}

/// A limit of one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// The name of the table.
    pub table: &'static str,
    /// The limit.
    pub limit: Limit,
}

/// `server.tls`: a certificate and its key, in PEM; relative ones are below the folder of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The server's certificate, then those that lead to its issuer.
    pub certificate: PathBuf,
    /// The private key of the first.
    pub key: PathBuf,
}

/// The whole file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `server.listen`: where the API listens.
    pub listen: Option<SocketAddr>,
    /// `server.public_url`: where agents of other hosts find the server, when something stands in front of it.
    pub public_url: Option<String>,
    /// `server.auth`.
    pub auth: Option<Auth>,
    /// `server.tls`.
    pub tls: Option<Tls>,
    /// `server.beacons`: whether browsers may tell how pages were loaded.
    pub beacons: Option<bool>,
    /// `server.own_series`: whether the server keeps its own figures as series.
    pub own_series: Option<bool>,
    /// `storage.path`: the folder of the store; relative ones are below the folder of the file.
    pub data: PathBuf,
    /// `storage.retention`: what stays; a table that is not named stays whole.
    pub retention: Vec<Retention>,
    /// `services`, in their order: the first whose conditions all hold names a service; one that is absent always holds.
    pub services: Vec<Service>,
    /// `paths`: rules for templates of paths, in their order: the first that matches counts, before what is built in or learned.
    pub paths: Vec<PathRule>,
    /// `agent`: the agent of this machine; none where the section is not there.
    pub agent: Option<Agent>,
    /// `logs`: files of log lines and what becomes of them.
    pub logs: Vec<Log>,
}

/// Reads the tree of a file.
pub(crate) fn config(root: &Node, folder: &Path) -> Result<Config, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let config = sections(root, folder, &mut mistakes);
    match config {
        Some(config) if mistakes.is_empty() => Ok(config),
        _ => Err(mistakes),
    }
}

fn sections(root: &Node, folder: &Path, mistakes: &mut Vec<Mistake>) -> Option<Config> {
    let mut file = Section::of(root, "", mistakes)?;
    let (mut listen, mut public_url, mut auth) = (None, None, None);
    let (mut tls, mut beacons, mut own_series) = (None, None, None);
    if let Some(mut server) = file.take("server").and_then(|node| Section::of(node, "server", mistakes)) {
        let place = server.place_of("listen");
        listen = server.scalar("listen", address, mistakes);
        public_url = server.scalar("public_url", public_url_of, mistakes);
        auth = server.scalar("auth", auth_of, mistakes);
        beacons = server.scalar("beacons", switch, mistakes);
        own_series = server.scalar("own_series", switch, mistakes);
        if let (Some(place), Some(listen), Some(Auth::Local) | None) = (place, listen, auth)
            && !listen.ip().is_loopback()
        {
            let reason =
                "other machines reach this address, and nobody would be asked for a token: add `auth: required`";
            mistakes.push(place.mistake("server.listen", reason));
        }
        let section = server.take("tls").and_then(|node| Section::of(node, "server.tls", mistakes));
        tls = section.and_then(|section| tls_of(section, folder, mistakes));
        server.end(mistakes);
    }
    let (mut data, mut retention) = (None, Vec::new());
    match file.take("storage").map(|node| Section::of(node, "storage", mistakes)) {
        None => file.missing("storage.path", "/var/lib/arachne", mistakes),
        Some(None) => {}
        Some(Some(mut storage)) => {
            data = storage.scalar("path", folder_of, mistakes);
            if data.is_none() && !mistakes.iter().any(|mistake| mistake.key == "storage.path") {
                storage.missing("path", "/var/lib/arachne", mistakes);
            }
            if let Some(node) = storage.take("retention") {
                retention = limits(node, mistakes);
            }
            storage.end(mistakes);
        }
    }
    let (services, agent, logs) =
        told(&mut file, mistakes, |node, services, mistakes| agent(node?, services, mistakes));
    let paths = file.take("paths").map_or_else(Vec::new, |node| paths(node, mistakes));
    file.end(mistakes);
    let data = folder.join(data?);
    Some(Config { listen, public_url, auth, tls, beacons, own_series, data, retention, services, paths, agent, logs })
}

/// What an agent is told: `services`, `agent` and `logs`, the last of which go into what the agent collects.
pub(crate) fn told(
    file: &mut Section<'_>,
    mistakes: &mut Vec<Mistake>,
    agent: impl FnOnce(Option<&Node>, &[Service], &mut Vec<Mistake>) -> Option<Agent>,
) -> (Vec<Service>, Option<Agent>, Vec<Log>) {
    let services = file.take("services").map_or_else(Vec::new, |node| services(node, mistakes));
    let mut agent = agent(file.take("agent"), &services, mistakes);
    let node = file.take("logs");
    let logs = node.map_or_else(Vec::new, |node| logs(node, mistakes));
    if let (Some(agent), Some(node)) = (&mut agent, node) {
        agent.config.collect.logs = logs.iter().map(Log::told).collect();
        let wrongs = agent.config.wrongs().into_iter().filter(|wrong| wrong.field == "collect.logs");
        mistakes.extend(wrongs.map(|wrong| node.place.mistake("logs", wrong.detail)));
    }
    (services, agent, logs)
}

fn tls_of(mut section: Section<'_>, folder: &Path, mistakes: &mut Vec<Mistake>) -> Option<Tls> {
    let mut file = |key: &'static str, example: &str| {
        let before = mistakes.len();
        let file = section.scalar(key, file_of, mistakes);
        if file.is_none() && mistakes.len() == before {
            section.missing(key, example, mistakes);
        }
        file.map(|file| folder.join(file))
    };
    let certificate = file("certificate", "certificate.pem");
    let key = file("key", "key.pem");
    section.end(mistakes);
    Some(Tls { certificate: certificate?, key: key? })
}

/// Why roll-ups are of no use: what they are made of stays longer than they do.
fn outlived(all: &[Retention]) -> Option<String> {
    let age = |name: &str| {
        all.iter().find_map(|one| match one.limit {
            Limit::Age(age) if one.table == name => Some(age),
            _ => None,
        })
    };
    let names: Vec<&str> = std::iter::once(PointRow::TABLE).chain(ROLLED).map(|table| table.name).collect();
    let ages = names.iter().filter_map(|name| age(name).map(|age| (*name, age)));
    let ages: Vec<_> = ages.collect();
    let wrong = ages.windows(2).find(|pair| pair[0].1 > pair[1].1)?;
    let (finer, wider) = (wrong[0].0, wrong[1].0);
    Some(format!("{wider} is what {finer} becomes, and would go before it: give {wider} the longer age"))
}

/// `7d` for all tables, or a limit for each.
fn limits(node: &Node, mistakes: &mut Vec<Mistake>) -> Vec<Retention> {
    let key = "storage.retention";
    if let Value::Map(_) = node.value {
        let Some(mut section) = Section::of(node, key, mistakes) else { return Vec::new() };
        let mut all = Vec::new();
        for table in STORED {
            if let Some(limit) = section.scalar(table.name, limit, mistakes) {
                all.push(Retention { table: table.name, limit });
            }
        }
        section.end(mistakes);
        if let Some(reason) = outlived(&all) {
            mistakes.push(node.place.mistake(key, reason));
        }
        return all;
    }
    match read(node, limit) {
        Ok(limit) => STORED.iter().map(|table| Retention { table: table.name, limit }).collect(),
        Err(message) => {
            mistakes.push(node.place.mistake(key, message));
            Vec::new()
        }
    }
}

fn services(node: &Node, mistakes: &mut Vec<Mistake>) -> Vec<Service> {
    let Value::List(list) = &node.value else {
        mistakes.push(
            node.place.mistake(
                "services",
                "a list is expected: `- name: shop`, with `host:`, `address:`, `port:` or `path:`",
            ),
        );
        return Vec::new();
    };
    list.iter().enumerate().filter_map(|(at, node)| one_service(node, &format!("services[{at}]"), mistakes)).collect()
}

fn one_service(node: &Node, path: &str, mistakes: &mut Vec<Mistake>) -> Option<Service> {
    let mut section = Section::of(node, path, mistakes)?;
    let before = mistakes.len();
    let word =
        |what: &'static str| move |text: &str| if text.is_empty() { Err(what.to_owned()) } else { Ok(text.to_owned()) };
    let name = section.scalar("name", word("`` is no name"), mistakes);
    let host = section.scalar("host", word("`` is no host name"), mistakes).map(|host| host.to_lowercase());
    let address =
        section.scalar("address", |text| text.parse().map_err(|_| format!("`{text}` is no IP address")), mistakes);
    let port =
        section.scalar("port", |text| text.parse().map_err(|_| format!("`{text}` is no port: 1 to 65535")), mistakes);
    let path = section.scalar("path", word("`` is no beginning of a path"), mistakes);
    if name.is_none() && mistakes.len() == before {
        section.missing("name", "shop", mistakes);
    }
    section.end(mistakes);
    Some(Service { name: name?, host, address, port, path })
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("`{text}` is no address with a port, such as 127.0.0.1:7117"))
}

/// The scheme that it must have: agents send keys to other hosts encrypted or not at all.
fn public_url_of(text: &str) -> Result<String, String> {
    let of_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    match text.strip_prefix("https://") {
        Some(host) if !host.is_empty() && host.bytes().all(of_host) => Ok(text.to_owned()),
        _ => Err(format!("`{text}` is not https:// with a name and perhaps a port, such as https://arachne.example")),
    }
}

fn auth_of(text: &str) -> Result<Auth, String> {
    match text {
        "local" => Ok(Auth::Local),
        "required" => Ok(Auth::Required),
        _ => Err(format!("`{text}` is neither local nor required")),
    }
}

fn file_of(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("`` is no file".to_owned()) } else { Ok(PathBuf::from(text)) }
}

fn folder_of(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("`` is no folder".to_owned()) } else { Ok(PathBuf::from(text)) }
}

impl Limit {
    /// Reads `30d`, `12h`, `50GiB`, `10GB`.
    ///
    /// # Errors
    /// What is expected, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        limit(text)
    }
}

const UNITS: [(&str, u64, bool); 13] = [
    ("TiB", 1 << 40, false),
    ("GiB", 1 << 30, false),
    ("MiB", 1 << 20, false),
    ("KiB", 1 << 10, false),
    ("TB", 1_000_000_000_000, false),
    ("GB", 1_000_000_000, false),
    ("MB", 1_000_000, false),
    ("kB", 1_000, false),
    ("w", 604_800, true),
    ("d", 86_400, true),
    ("h", 3_600, true),
    ("m", 60, true),
    ("s", 1, true),
];

fn limit(text: &str) -> Result<Limit, String> {
    let found = UNITS.iter().find_map(|(unit, size, age)| Some((text.strip_suffix(unit)?.trim_end(), *size, *age)));
    let value = found.and_then(|(number, size, age)| Some((number.parse::<u64>().ok()?.checked_mul(size)?, age)));
    match value {
        Some((seconds, true)) if seconds > 0 => Ok(Limit::Age(Duration::from_secs(seconds))),
        Some((bytes, false)) if bytes > 0 => Ok(Limit::Bytes(bytes)),
        _ => Err(format!("`{text}` is no limit: write an age such as 30d or 12h, or a size such as 50GiB")),
    }
}
