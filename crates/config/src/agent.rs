//! `agent`: the agent that `arachne serve` starts on its own machine. An empty section is one with all defaults.

use arachne_delivery::instructions::{AgentConfig, AgentLimits, Packets, Save, Service};
use arachne_model::table::{ExchangeRow, Row as _};

use crate::mistake::Mistake;
use crate::read::{Section, read};
use crate::schema::Limit;
use crate::tree::{Node, Value};

/// Characters of a name.
const NAME_CHARS_MAX: usize = 64;
/// Characters of the name of an interface. Source: netdevice(7), `IFNAMSIZ` without its zero.
const INTERFACE_BYTES_MAX: usize = 15;

/// The agent of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// `agent.name`: what it is called in rows and lists; `local` unless another one is given.
    pub name: String,
    /// What it is to do.
    pub config: AgentConfig,
}

/// Reads the section.
pub(crate) fn agent(node: &Node, services: &[Service], mistakes: &mut Vec<Mistake>) -> Option<Agent> {
    let mut section = Section::of(node, "agent", mistakes)?;
    let default = AgentConfig::default();
    let name = section.scalar("name", name, mistakes).unwrap_or_else(|| "local".to_owned());
    let interfaces = section.take("interfaces").and_then(|node| words(node, "agent.interfaces", interface, mistakes));
    let filter = section.scalar("filter", any, mistakes).unwrap_or_default();
    let save = section.take("save").and_then(|node| Section::of(node, "agent.save", mistakes));
    let save = save.map_or(default.save, |section| self::save(section, mistakes));
    let limits = section.take("limits").and_then(|node| Section::of(node, "agent.limits", mistakes));
    let limits = limits.map_or(default.limits, |section| self::limits(section, mistakes));
    let mut redaction = default.redaction;
    if let Some(node) = section.take("redact") {
        redaction.names = words(node, "agent.redact", secret, mistakes).unwrap_or_default();
    }
    section.end(mistakes);
    let interfaces = interfaces.unwrap_or(default.interfaces);
    let services = services.to_vec();
    Some(Agent { name, config: AgentConfig { interfaces, filter, save, limits, redaction, services, ..default } })
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
fn words(
    node: &Node,
    key: &str,
    form: impl Fn(&str) -> Result<String, String>,
    mistakes: &mut Vec<Mistake>,
) -> Option<Vec<String>> {
    let list = match &node.value {
        Value::List(list) => list.as_slice(),
        _ => std::slice::from_ref(node),
    };
    let mut all = Vec::new();
    for (at, node) in list.iter().enumerate() {
        match read(node, &form) {
            Ok(word) => all.push(word),
            Err(message) => mistakes.push(node.place.mistake(&format!("{key}[{at}]"), message)),
        }
    }
    (!all.is_empty()).then_some(all)
}

fn any(text: &str) -> Result<String, String> {
    if text.is_empty() {
        Err("`` is no filter: leave the key out for everything".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

fn name(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if !text.is_empty() && text.len() <= NAME_CHARS_MAX && text.chars().all(allowed) {
        return Ok(text.to_owned());
    }
    Err(format!("`{text}` is no name: write 1 to {NAME_CHARS_MAX} letters, digits, -, _ and ."))
}

fn interface(text: &str) -> Result<String, String> {
    let fits = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/');
    if fits && (1..=INTERFACE_BYTES_MAX).contains(&text.len()) {
        return Ok(text.to_owned());
    }
    Err(format!("`{text}` is no interface, such as eth0; `any` alone is all"))
}

fn secret(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        Err(format!("`{text}` is no name of a header, parameter or field"))
    } else {
        Ok(text.to_owned())
    }
}

fn switch(text: &str) -> Result<bool, String> {
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
