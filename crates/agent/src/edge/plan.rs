//! What the threads of a capture do, made from a configuration: everything that can be wrong with it is told here.

use arachne_aggregate::Normaliser;
use arachne_aggregate::template::Rule;
use arachne_aggregate::template::learn::Position;
use arachne_capture::FrameBytes;
use arachne_capture::rows::{Choice, RowOptions, ServiceRule};
use arachne_content::TapOptions;
use arachne_content::redact::{Key, Redactor, Rules};
use arachne_delivery::instructions::{
    AgentConfig, BASE_BYTES, BODY_BYTES_MAX, HELD_BYTES_MIN, PATH_RULES_MAX, PATHS_MAX, Packets, PathPosition,
    PathRule, Paths, Service, Wrong,
};
use arachne_filter::{Predicate, Settings, parse};
use arachne_model::Limits;
use arachne_model::table::{ExchangeRow, Row as _};

use crate::channel::Setup;

/// Names of addresses that a thread remembers.
const HOST_NAMES_MAX: usize = 4096;

/// What a thread needs to know.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Grows with each plan of a process; version 0 is none.
    pub generation: u64,
    /// Which rows.
    pub choice: Choice,
    /// What is said of them.
    pub rows: RowOptions,
    /// Replaces secrets.
    pub redactor: Redactor,
    /// Makes templates of paths.
    pub normaliser: Normaliser,
    /// What is asked of bodies.
    pub taps: TapOptions,
    /// Whether to tell who talks.
    pub tell_addresses: bool,
}

/// Why a configuration cannot be.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The filter on what to keep.
    #[error("save.keep: {message} (at byte {at} of {filter:?})")]
    Keep {
        /// The filter.
        filter: String,
        /// What is wrong.
        message: String,
        /// Where.
        at: usize,
    },
    /// The key.
    #[error("the key of redaction is not 64 hexadecimal digits: the server sent something else")]
    Key,
    /// Threads, or memory for them.
    #[error(transparent)]
    Limits(#[from] Wrong),
}

/// What an engine of one thread may hold.
///
/// # Errors
/// [`PlanError::Limits`].
pub fn limits(config: &AgentConfig) -> Result<Limits, PlanError> {
    let limits = &config.limits;
    limits.room()?;
    let threads = u64::from(limits.threads);
    // Half of the rest: rows, batches and bodies that are being decoded need room too.
    let held = (limits.memory_bytes - limits.ring_bytes - BASE_BYTES) / threads / 2;
    let bytes = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    Ok(Limits {
        held_bytes_max: bytes(held.max(HELD_BYTES_MIN)),
        body_bytes_max: bytes(limits.body_bytes.min(BODY_BYTES_MAX)),
        undecided_frames_max: bytes(held / 4),
        host_names_max: HOST_NAMES_MAX,
        ..Limits::default()
    })
}

/// The filter on what to keep.
///
/// # Errors
/// [`PlanError::Keep`].
pub fn keep(filter: &str) -> Result<Predicate, PlanError> {
    let parsed = parse(filter, ExchangeRow::TABLE, &Settings::default());
    parsed.predicate.ok_or_else(|| {
        let first = parsed.diagnostics.into_iter().next();
        let (message, at) = first.map_or_else(Default::default, |d| (d.message, d.span.start));
        PlanError::Keep { filter: filter.to_owned(), message, at }
    })
}

/// The key that is told, or one of its own: secrets are replaced in any case.
///
/// # Errors
/// [`PlanError::Key`].
pub fn key(told: Option<&str>) -> Result<Key, PlanError> {
    let Some(hex) = told else {
        let mut bytes = [0; 32];
        rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()).map_err(|_| PlanError::Key)?;
        return Ok(Key::new(bytes));
    };
    let digit = |at: usize| hex.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = digit(2 * at).filter(|_| hex.len() == 64).ok_or(PlanError::Key)?;
    }
    Ok(Key::new(bytes))
}

impl Plan {
    /// The plan of a configuration. `own` is the key where none is told.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of(setup: &Setup, own: &Key, generation: u64) -> Result<Self, PlanError> {
        let config = &setup.config;
        let limits = limits(config)?;
        let key = if setup.key.is_some() { key(setup.key.as_deref())? } else { own.clone() };
        let names = config.redaction.names.clone();
        let frames = match config.save.packets {
            Packets::None => FrameBytes::None,
            Packets::Headers => FrameBytes::Headers,
            Packets::Whole => FrameBytes::Whole,
        };
        Ok(Self {
            generation,
            choice: Choice {
                frames,
                sessions: config.save.sessions,
                bodies: config.save.bodies,
                keep: keep(&config.save.keep)?,
                undecided_frames_max: limits.undecided_frames_max,
            },
            rows: RowOptions {
                source: setup.agent.clone(),
                agent: setup.agent.clone(),
                vantage: None,
                local: setup.interfaces.iter().flat_map(|interface| interface.addresses.iter().copied()).collect(),
                tags: config.tags.clone(),
                services: config.services.iter().map(service_rule).collect(),
                limits: limits.clone(),
            },
            redactor: Redactor::new(key, Rules { headers: names.clone(), fields: names }),
            normaliser: normaliser(&setup.paths),
            taps: TapOptions { decode: true, hash: false, keep: config.save.bodies, limits },
            tell_addresses: setup.tell_addresses,
        })
    }
}

/// What makes templates of paths, by what is configured and what was learned. A rule of a newer server that says nothing here is left
/// out.
#[must_use]
pub fn normaliser(paths: &Paths) -> Normaliser {
    let rule = |told: &PathRule| Rule { pattern: told.pattern.clone(), template: told.template.clone() };
    let rules = paths.rules.iter().take(PATH_RULES_MAX).map(rule);
    let position = |told: &PathPosition| Position { prefix: told.prefix.clone(), kept: told.kept.clone() };
    let positions = paths.positions.iter().take(PATHS_MAX).map(position).collect();
    Normaliser::default().with_rules(rules).with_learned(paths.version, positions)
}

/// A rule that names a service, as captures know it.
#[must_use]
pub fn service_rule(service: &Service) -> ServiceRule {
    ServiceRule {
        host: service.host.clone(),
        address: service.address,
        port: service.port,
        path_prefix: service.path.clone(),
        name: service.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use arachne_delivery::instructions::AgentConfig;

    use super::{Plan, keep, key, limits};
    use crate::channel::Setup;

    #[test]
    fn what_is_wrong_is_told() {
        let text = |error: super::PlanError| error.to_string();
        assert!(text(keep("status:>x").expect_err("no number")).starts_with("save.keep: "));
        assert!(keep("").is_ok() && keep("status:>=500").is_ok());
        let mut config = AgentConfig::default();
        config.limits.threads = 0;
        assert!(text(limits(&config).expect_err("none")).contains("may be 1 to 64"));
        config.limits.threads = 2;
        config.limits.memory_bytes = 20 << 20;
        assert!(text(limits(&config).expect_err("too little")).contains("41943040 are the least"));
        for bad in ["", "ab", &"zz".repeat(32), &"ab".repeat(33), "é€"] {
            assert!(key(Some(bad)).is_err(), "{bad}");
        }
        assert!(key(Some(&"0f".repeat(32))).is_ok());
    }

    #[test]
    fn equal_secrets_match_under_the_key_of_the_installation_only() {
        let own = key(None).expect("random");
        let mark = |key: Option<&str>| {
            let setup = Setup { key: key.map(str::to_owned), ..Setup::default() };
            Plan::of(&setup, &own, 1).expect("the default is sound").redactor.mark(b"S3CR3T")
        };
        let told = "0f".repeat(32);
        assert_eq!(mark(Some(&told)), mark(Some(&told)));
        assert_eq!(mark(None), mark(None));
        assert_ne!(mark(None), mark(Some(&told)));
    }
}
