//! Whether an agent can do what it is told to: one set of rules for the server, for `arachne.yml` and for the agent itself.
//! Filters are judged by whoever knows their grammar; here only their length counts.

use std::path::Path;

use super::{AgentConfig, AgentLimits, Service};

/// Characters of the name of an agent.
pub const NAME_CHARS_MAX: usize = 64;
/// Bytes of memory that a capture process needs beside rings, connections and rows: code, stacks, tables of redaction.
pub const BASE_BYTES: u64 = 16 << 20;
/// Least bytes for connections of a thread.
pub const HELD_BYTES_MIN: u64 = 4 << 20;
/// Bytes of a body that are kept: it fits one batch ([`crate::BATCH_PACKED_MAX`]) also where it does not pack.
pub const BODY_BYTES_MAX: u64 = 7 << 20;
/// Bytes of a filter.
const FILTER_BYTES_MAX: usize = 8 << 10;
/// Interfaces, files.
const NAMES_MAX: usize = 64;
/// Bytes of the name of an interface. Source: netdevice(7), `IFNAMSIZ` without its zero.
const INTERFACE_BYTES_MAX: usize = 15;
/// Bytes of a path.
const PATH_BYTES_MAX: usize = 4095;
/// Tags, and bytes of each.
const TAGS_MAX: usize = 32;
const TAG_BYTES_MAX: usize = 64;
/// Rules of services and of redaction, and bytes of each text in them.
const RULES_MAX: usize = 1000;
const RULE_BYTES_MAX: usize = 255;

/// A part of a configuration that cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {detail}")]
pub struct Wrong {
    /// Which part, such as `limits.threads`.
    pub field: &'static str,
    /// Why not.
    pub detail: String,
}

fn wrong(field: &'static str, detail: impl Into<String>) -> Result<(), Wrong> {
    Err(Wrong { field, detail: detail.into() })
}

/// Whether an agent can be called so.
///
/// # Errors
/// It cannot, of the field `name`.
pub fn agent_name(name: &str) -> Result<(), Wrong> {
    let allowed = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if allowed && begins && name.len() <= NAME_CHARS_MAX {
        return Ok(());
    }
    let rule = format!("1 to {NAME_CHARS_MAX} letters, digits and -_. of ASCII, the first a letter or digit");
    wrong("name", format!("`{}` is no name: {rule}", name.escape_debug()))
}

/// Whether packets of these interfaces can be captured together.
///
/// # Errors
/// They cannot, of the field `interfaces`.
pub fn interfaces(names: &[String]) -> Result<(), Wrong> {
    let odd = |name: &&String| {
        let strange = |byte: u8| byte == b'/' || !byte.is_ascii_graphic();
        name.is_empty() || name.len() > INTERFACE_BYTES_MAX || name.bytes().any(strange)
    };
    if let Some(name) = names.iter().find(odd) {
        let rule = format!("1 to {INTERFACE_BYTES_MAX} characters of ASCII without blanks and `/`");
        return wrong("interfaces", format!("`{}` is no name of an interface: {rule}", name.escape_debug()));
    }
    if names.len() > NAMES_MAX {
        return wrong("interfaces", format!("at most {NAMES_MAX}; `any` is all"));
    }
    if names.len() > 1 && names.iter().any(|name| name == "any") {
        return wrong("interfaces", "`any` stands alone: it is all interfaces");
    }
    Ok(())
}

/// Whether a filter, the value of `field`, is short enough to be looked at.
///
/// # Errors
/// It is too long.
pub fn filter_length(field: &'static str, text: &str) -> Result<(), Wrong> {
    match text.len() {
        0..=FILTER_BYTES_MAX => Ok(()),
        _ => wrong(field, format!("the filter is over {FILTER_BYTES_MAX} bytes")),
    }
}

impl AgentConfig {
    /// What of it no agent can follow, but for what filters mean; nothing when all is well.
    #[must_use]
    pub fn wrongs(&self) -> Vec<Wrong> {
        let checks = [
            self.source(),
            interfaces(&self.interfaces),
            filter_length("filter", &self.filter),
            files(&self.files),
            filter_length("save.keep", &self.save.keep),
            self.limits.ranges(),
            self.limits.room(),
            services(&self.services),
            self.words(),
            self.collect.check(),
            self.collect.check_postgresql(),
            self.collect.check_redis(),
            self.collect.check_checks(),
            self.collect.check_networks(),
        ];
        checks.into_iter().filter_map(Result::err).collect()
    }

    fn source(&self) -> Result<(), Wrong> {
        if self.interfaces.is_empty() && self.files.is_empty() && self.capture {
            return wrong("interfaces", "name at least one interface (`any` is all), or a file");
        }
        match self.until {
            Some(..=0) => wrong("until", "it is an instant in nanoseconds since 1970"),
            _ => Ok(()),
        }
    }

    fn words(&self) -> Result<(), Wrong> {
        let names = &self.redaction.names;
        if names.len() > RULES_MAX || !names.iter().all(|name| is_word(name)) {
            let detail = format!("at most {RULES_MAX} names, each of 1 to {RULE_BYTES_MAX} bytes without blanks");
            return wrong("redaction.names", detail);
        }
        if self.tags.len() > TAGS_MAX || !self.tags.iter().all(|tag| is_word(tag) && tag.len() <= TAG_BYTES_MAX) {
            let detail = format!("at most {TAGS_MAX} tags, each of 1 to {TAG_BYTES_MAX} bytes without blanks");
            return wrong("tags", detail);
        }
        Ok(())
    }
}

impl AgentLimits {
    /// Whether each limit can be for itself.
    fn ranges(&self) -> Result<(), Wrong> {
        let mib = 1_u64 << 20;
        for (field, value, least, most) in [
            ("limits.memory_bytes", self.memory_bytes, 0, 65_536 * mib),
            ("limits.ring_bytes", self.ring_bytes, mib, 4096 * mib),
            ("limits.spool_bytes", self.spool_bytes, 16 * mib, 1_048_576 * mib),
            ("limits.body_bytes", self.body_bytes, 0, BODY_BYTES_MAX),
            ("limits.cpu_percent", self.cpu_percent.into(), 0, 6400),
            ("limits.megabytes_per_minute", self.megabytes_per_minute.into(), 0, 1_000_000),
        ] {
            if !(least..=most).contains(&value) {
                return wrong(field, format!("it is {value}, and may be {least} to {most}"));
            }
        }
        Ok(())
    }

    /// Whether there are threads, and memory enough for them and the ring.
    ///
    /// # Errors
    /// There are not.
    pub fn room(&self) -> Result<(), Wrong> {
        if !(1..=64).contains(&self.threads) {
            return wrong("limits.threads", format!("it is {}, and may be 1 to 64", self.threads));
        }
        let least = self.ring_bytes.saturating_add(BASE_BYTES + u64::from(self.threads) * HELD_BYTES_MIN);
        if self.memory_bytes < least {
            let beside = format!("beside the ring of {} and for {} threads", self.ring_bytes, self.threads);
            return wrong(
                "limits.memory_bytes",
                format!("it is {}: {least} are the least {beside}", self.memory_bytes),
            );
        }
        Ok(())
    }
}

fn files(paths: &[String]) -> Result<(), Wrong> {
    let odd = |path: &&String| {
        let long = path.len() > PATH_BYTES_MAX || path.contains('\0');
        long || !Path::new(path).is_absolute()
    };
    match paths.iter().find(odd) {
        Some(path) => wrong("files", format!("`{}` is no absolute path on the agent's host", path.escape_debug())),
        None if paths.len() > NAMES_MAX => wrong("files", format!("at most {NAMES_MAX}")),
        None => Ok(()),
    }
}

fn services(rules: &[Service]) -> Result<(), Wrong> {
    let fits = |text: &String| (1..=RULE_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control);
    let good = |rule: &Service| fits(&rule.name) && rule.host.iter().chain(&rule.path).all(fits);
    if rules.len() > RULES_MAX || !rules.iter().all(good) {
        let detail = format!("at most {RULES_MAX} rules; name, host and path are texts of 1 to {RULE_BYTES_MAX} bytes");
        return wrong("services", detail);
    }
    Ok(())
}

fn is_word(text: &str) -> bool {
    (1..=RULE_BYTES_MAX).contains(&text.len()) && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instructions::{Redaction, Save};

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn the_default_can_be_followed() {
        assert_eq!(AgentConfig::default().wrongs(), []);
        let stopped = AgentConfig { capture: false, interfaces: Vec::new(), ..AgentConfig::default() };
        assert_eq!(stopped.wrongs(), []);
    }

    #[test]
    fn what_cannot_be_followed_names_its_place() {
        let default = AgentConfig::default;
        let service = |name: &str| Service { name: name.to_owned(), ..Service::default() };
        for (bad, field) in [
            (AgentConfig { interfaces: texts(&[]), ..default() }, "interfaces"),
            (AgentConfig { interfaces: texts(&["any", "lo"]), ..default() }, "interfaces"),
            (AgentConfig { interfaces: texts(&["eth0; rm -rf"]), ..default() }, "interfaces"),
            (AgentConfig { interfaces: texts(&["0123456789abcdef"]), ..default() }, "interfaces"),
            (AgentConfig { files: texts(&["relative.pcap"]), ..default() }, "files"),
            (AgentConfig { filter: "x".repeat(9000), ..default() }, "filter"),
            (AgentConfig { save: Save { keep: "x".repeat(9000), ..Save::default() }, ..default() }, "save.keep"),
            (AgentConfig { tags: texts(&["two words"]), ..default() }, "tags"),
            (AgentConfig { until: Some(-1), ..default() }, "until"),
            (AgentConfig { services: vec![service("")], ..default() }, "services"),
            (
                AgentConfig { redaction: Redaction { names: texts(&[""]), ..Redaction::default() }, ..default() },
                "redaction.names",
            ),
        ] {
            let fields: Vec<_> = bad.wrongs().into_iter().map(|wrong| wrong.field).collect();
            assert_eq!(fields, [field]);
        }
        let all = AgentConfig { tags: texts(&[""]), until: Some(0), filter: "x".repeat(9000), ..default() };
        assert_eq!(all.wrongs().len(), 3, "all at once");
    }

    #[test]
    fn limits_fit_together() {
        let default = AgentLimits::default;
        let mib = 1 << 20;
        for (limits, field) in [
            (AgentLimits { threads: 0, ..default() }, "limits.threads"),
            (AgentLimits { threads: 65, ..default() }, "limits.threads"),
            (AgentLimits { memory_bytes: mib, ..default() }, "limits.memory_bytes"),
            // Ring, base and connections: what the agent needs, not a byte less.
            (AgentLimits { memory_bytes: 36 * mib - 1, ..default() }, "limits.memory_bytes"),
            (AgentLimits { memory_bytes: 36 * mib, ring_bytes: u64::MAX, ..default() }, "limits.ring_bytes"),
            (AgentLimits { spool_bytes: 0, ..default() }, "limits.spool_bytes"),
            (AgentLimits { body_bytes: 8 * mib, ..default() }, "limits.body_bytes"),
            (AgentLimits { cpu_percent: 6401, ..default() }, "limits.cpu_percent"),
        ] {
            let config = AgentConfig { limits, ..AgentConfig::default() };
            assert_eq!(config.wrongs().first().map(|wrong| wrong.field), Some(field), "{:?}", config.limits);
        }
        let least = AgentLimits { memory_bytes: 36 * mib, body_bytes: BODY_BYTES_MAX, ..default() };
        assert_eq!(AgentConfig { limits: least, ..AgentConfig::default() }.wrongs(), []);
    }

    #[test]
    fn names() {
        for name in ["a", "web-1", "9", "A_b.c", &"x".repeat(64)] {
            assert_eq!(agent_name(name), Ok(()));
        }
        for name in ["", ".", "..", "-a", "_a", "a/b", "ä", "a b", "a\n", "../a", &"x".repeat(65)] {
            assert!(agent_name(name).is_err(), "{name}");
        }
    }
}
