//! `agent`: the agent that `arachne serve` starts on its own machine. An empty section is one with all defaults.

use arachne_capture::interface::filter::Filter;
use arachne_delivery::instructions::{
    AgentConfig, AgentLimits, Collect, Database, Packets, RedisServer, Save, Secret, Service, agent_name,
};
use arachne_model::table::{ExchangeRow, Row as _};

use crate::mistake::Mistake;
use crate::read::{Section, read};
use crate::schema::Limit;
use crate::tree::{Node, Place, Value};

/// The agent of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// `agent.name`: what it is called in rows and lists; `local` unless another one is given.
    pub name: String,
    /// `agent.look_up_names`: whether it looks up names of addresses that talk.
    pub look_up_names: bool,
    /// What it is to do.
    pub config: AgentConfig,
}

/// Reads the section.
pub(crate) fn agent(node: &Node, services: &[Service], mistakes: &mut Vec<Mistake>) -> Option<Agent> {
    let mut section = Section::of(node, "agent", mistakes)?;
    let default = AgentConfig::default();
    let name = section.scalar("name", name, mistakes).unwrap_or_else(|| "local".to_owned());
    let look_up_names = section.scalar("look_up_names", switch, mistakes).unwrap_or(false);
    let interfaces = section.take("interfaces").and_then(|node| words(node, "agent.interfaces", mistakes));
    let filter = section.scalar("filter", filter, mistakes).unwrap_or_default();
    let save = section.take("save").and_then(|node| Section::of(node, "agent.save", mistakes));
    let save = save.map_or(default.save, |section| self::save(section, mistakes));
    let limits = section.take("limits").and_then(|node| Section::of(node, "agent.limits", mistakes));
    let limits = limits.map_or(default.limits, |section| self::limits(section, mistakes));
    let mut redaction = default.redaction;
    if let Some(node) = section.take("redact") {
        redaction.names = words(node, "agent.redact", mistakes).unwrap_or_default();
    }
    let collect = section.take("collect").and_then(|node| Section::of(node, "agent.collect", mistakes));
    let collect = collect.map_or(default.collect, |section| self::collect(section, mistakes));
    section.end(mistakes);
    let interfaces = interfaces.unwrap_or(default.interfaces);
    let services = services.to_vec();
    let config = AgentConfig { interfaces, filter, save, limits, redaction, services, collect, ..default };
    for wrong in config.wrongs() {
        let (place, key) = place_of(node, wrong.field);
        mistakes.push(place.mistake(&key, wrong.detail));
    }
    Some(Agent { name, look_up_names, config })
}

/// `agent.collect`: what is collected beside packets, each yes unless it says no.
fn collect(mut section: Section<'_>, mistakes: &mut Vec<Mistake>) -> Collect {
    let mut wanted = |key: &'static str| section.scalar(key, switch, mistakes).unwrap_or(true);
    let (system, process, tcp, nginx) = (wanted("system"), wanted("process"), wanted("tcp"), wanted("nginx"));
    let postgresql = servers(&mut section, "postgresql", mistakes, |section, mistakes| {
        let connection =
            section.required("connection", "host=/run/postgresql user=arachne dbname=shop", word, mistakes);
        let name = section.scalar("name", word, mistakes);
        let password = secret(section, mistakes);
        let ca_file = section.scalar("ca_file", word, mistakes);
        Some(Database { connection: connection?, name, password, ca_file })
    });
    let redis = servers(&mut section, "redis", mistakes, |section, mistakes| {
        let address = section.required("address", "127.0.0.1:6379", word, mistakes);
        let password = secret(section, mistakes);
        Some(RedisServer { address: address?, password })
    });
    let checks = section.take("checks").and_then(|node| words(node, "agent.collect.checks", mistakes));
    let networks = section.take("networks").and_then(|node| words(node, "agent.collect.networks", mistakes));
    section.end(mistakes);
    let (checks, networks) = (checks.unwrap_or_default(), networks.unwrap_or_default());
    Collect { system, process, tcp, nginx, postgresql, redis, checks, networks, ..Collect::default() }
}

/// A list of servers, or one alone.
fn servers<T>(
    section: &mut Section<'_>,
    key: &'static str,
    mistakes: &mut Vec<Mistake>,
    one: impl Fn(&mut Section<'_>, &mut Vec<Mistake>) -> Option<T>,
) -> Vec<T> {
    let Some(node) = section.take(key) else { return Vec::new() };
    let list = match &node.value {
        Value::List(list) => list.as_slice(),
        _ => std::slice::from_ref(node),
    };
    let mut all = Vec::new();
    for (at, node) in list.iter().enumerate() {
        let Some(mut section) = Section::of(node, &format!("agent.collect.{key}[{at}]"), mistakes) else { continue };
        all.extend(one(&mut section, mistakes));
        section.end(mistakes);
    }
    all
}

/// Where a password is.
fn secret(section: &mut Section<'_>, mistakes: &mut Vec<Mistake>) -> Secret {
    let (file, env) = (section.scalar("password_file", word, mistakes), section.scalar("password_env", word, mistakes));
    Secret { file, env }
}

/// Where a part of a configuration stands in the section at `node`, or what it would stand in, and what it is called in the file.
fn place_of(node: &Node, field: &str) -> (Place, String) {
    let key = if field == "redaction.names" { "redact" } else { field.trim_end_matches("_bytes") };
    let mut at = node;
    for part in key.split('.') {
        let Value::Map(map) = &at.value else { break };
        let Some((_, _, below)) = map.iter().find(|(name, ..)| name == part) else { break };
        at = below;
    }
    (at.place, format!("agent.{key}"))
}

fn save(mut section: Section<'_>, mistakes: &mut Vec<Mistake>) -> Save {
    let default = Save::default();
    let save = Save {
        sessions: section.scalar("sessions", switch, mistakes).unwrap_or(default.sessions),
        bodies: section.scalar("bodies", switch, mistakes).unwrap_or(default.bodies),
        packets: section.scalar("packets", packets, mistakes).unwrap_or(default.packets),
        keep: section.scalar("keep", keep, mistakes).unwrap_or_default(),
    };
    section.end(mistakes);
    save
}

fn limits(mut section: Section<'_>, mistakes: &mut Vec<Mistake>) -> AgentLimits {
    let default = AgentLimits::default();
    let limits = AgentLimits {
        cpu_percent: section.scalar("cpu_percent", number, mistakes).unwrap_or(default.cpu_percent),
        megabytes_per_minute: section
            .scalar("megabytes_per_minute", number, mistakes)
            .unwrap_or(default.megabytes_per_minute),
        memory_bytes: section.scalar("memory", size, mistakes).unwrap_or(default.memory_bytes),
        ring_bytes: section.scalar("ring", size, mistakes).unwrap_or(default.ring_bytes),
        threads: section.scalar("threads", number, mistakes).unwrap_or(default.threads),
        spool_bytes: section.scalar("spool", size, mistakes).unwrap_or(default.spool_bytes),
        body_bytes: section.scalar("body", size, mistakes).unwrap_or(default.body_bytes),
    };
    section.end(mistakes);
    limits
}

/// A list of words, or one word alone.
pub(crate) fn words(node: &Node, key: &str, mistakes: &mut Vec<Mistake>) -> Option<Vec<String>> {
    let list = match &node.value {
        Value::List(list) => list.as_slice(),
        _ => std::slice::from_ref(node),
    };
    let mut all = Vec::new();
    for (at, node) in list.iter().enumerate() {
        match read(node, word) {
            Ok(word) => all.push(word),
            Err(message) => mistakes.push(node.place.mistake(&format!("{key}[{at}]"), message)),
        }
    }
    (!all.is_empty()).then_some(all)
}

fn word(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("`` is no word".to_owned()) } else { Ok(text.to_owned()) }
}

fn filter(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("`` is no filter: leave the key out for everything".to_owned());
    }
    match Filter::parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(wrong) => {
            let fix = wrong.fix.map(|fix| format!("; did you mean `{fix}`?")).unwrap_or_default();
            Err(format!("`{text}` is no filter of packets: {}{fix}", wrong.message))
        }
    }
}

fn name(text: &str) -> Result<String, String> {
    agent_name(text).map(|()| text.to_owned()).map_err(|wrong| wrong.detail)
}

pub(crate) fn switch(text: &str) -> Result<bool, String> {
    match text {
        "yes" | "true" => Ok(true),
        "no" | "false" => Ok(false),
        _ => Err(format!("`{text}` is neither yes nor no")),
    }
}

fn packets(text: &str) -> Result<Packets, String> {
    match text {
        "none" => Ok(Packets::None),
        "headers" => Ok(Packets::Headers),
        "whole" => Ok(Packets::Whole),
        _ => Err(format!(
            "`{text}` is none of: none, headers (to the end of the TCP header), whole (all bytes, secrets included)"
        )),
    }
}

fn keep(text: &str) -> Result<String, String> {
    let parsed = arachne_filter::parse(text, ExchangeRow::TABLE, &arachne_filter::Settings::default());
    match parsed.diagnostics.first() {
        None => Ok(text.to_owned()),
        Some(wrong) => Err(format!("`{text}` is no filter: {}", wrong.message)),
    }
}

fn number(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("`{text}` is no whole number"))
}

fn size(text: &str) -> Result<u64, String> {
    match Limit::parse(text) {
        Ok(Limit::Bytes(bytes)) => Ok(bytes),
        _ => Err(format!("`{text}` is no size, such as 64MiB")),
    }
}
