//! Which configuration is in force: the newest one that is sound, and why the newest one is not where it is not.

use arachne_delivery::instructions::AgentConfig;
use arachne_delivery::status::ConfigState;
use arachne_telemetry::chain;

use crate::channel::{HostInterface, Setup};
use crate::edge::plan;
use crate::scope;

/// What a change asks of the capture process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// It goes on by another setup.
    Send,
    /// Another one takes its place: ring, threads or files are others.
    Replace,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Wanted {
    good: AgentConfig,
    /// The last one that was in force: what to go back to, and what to begin with at the next start.
    before: AgentConfig,
    state: ConfigState,
}

impl Wanted {
    /// Begins with `config`.
    #[must_use]
    pub fn new(config: AgentConfig) -> Self {
        let state = ConfigState { received: config.version, ..ConfigState::default() };
        Self { before: config.clone(), good: config, state }
    }

    /// What is in force, or about to be.
    #[must_use]
    pub const fn config(&self) -> &AgentConfig {
        &self.good
    }

    /// What to tell the server.
    #[must_use]
    pub const fn state(&self) -> &ConfigState {
        &self.state
    }

    /// Whether there is to be a capture now.
    #[must_use]
    pub fn captures(&self, now: i64) -> bool {
        self.good.capture && self.good.until.is_none_or(|until| now < until)
    }

    /// Whether what it begins with can be.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self, interfaces: &[HostInterface]) -> Result<(), String> {
        check(&self.good, interfaces)
    }

    /// A configuration came, and cannot be read, for `why`: the one before stays.
    pub fn misread(&mut self, version: u64, why: String) {
        (self.state.received, self.state.error) = (version, Some(why));
    }

    /// The configuration that comes next has settings that are not known here.
    pub fn goes_without(&mut self, unknown: Vec<String>) {
        self.state.unknown = unknown;
    }

    /// A configuration came.
    pub fn receive(&mut self, config: AgentConfig, interfaces: &[HostInterface]) -> Change {
        self.state.received = config.version;
        if let Err(why) = check(&config, interfaces) {
            self.state.error = Some(why);
            return Change::None;
        }
        self.state.error = None;
        let in_force = self.state.applied == self.good.version;
        // What nobody has taken yet is told again, by its new number.
        let change = match change(&self.good, &config) {
            Change::None if !in_force => Change::Send,
            change => change,
        };
        self.good = config;
        if change == Change::None || !self.good.capture {
            self.applied(self.good.version);
        }
        change
    }

    /// A configuration is in force.
    pub fn applied(&mut self, version: u64) {
        self.state.applied = version;
        if version == self.good.version {
            self.before.clone_from(&self.good);
        }
    }

    /// The last configuration that was in force.
    #[must_use]
    pub const fn in_force(&self) -> &AgentConfig {
        &self.before
    }

    /// A configuration cannot be in force, for `why`: the one before stays.
    pub fn refused(&mut self, version: u64, why: String) {
        if version == self.good.version && version != self.before.version {
            self.good = self.before.clone();
            self.state.error = Some(why);
        }
    }
}

/// Everything that can be known to be wrong with a configuration before it is tried.
fn check(config: &AgentConfig, interfaces: &[HostInterface]) -> Result<(), String> {
    let told = |error: &dyn std::error::Error| chain(error).to_string();
    plan::limits(config).map_err(|error| told(&error))?;
    plan::keep(&config.save.keep).map_err(|error| told(&error))?;
    crate::collect::specs(&config.collect.logs).map(drop)?;
    let setup = Setup { config: config.clone(), interfaces: interfaces.to_vec(), ..Setup::default() };
    scope::program(&setup).map(drop).map_err(|error| told(&error))
}

fn change(from: &AgentConfig, to: &AgentConfig) -> Change {
    // What is collected is another process' affair.
    let (collect, from) = (to.collect.clone(), from.clone());
    let same =
        AgentConfig { version: to.version, until: to.until, capture: to.capture, collect, ..from.clone() } == *to;
    let shape = |config: &AgentConfig| {
        let limits = &config.limits;
        (limits.threads, limits.ring_bytes, config.files.clone())
    };
    match (shape(&from) == shape(to), same) {
        (false, _) => Change::Replace,
        (true, true) => Change::None,
        (true, false) => Change::Send,
    }
}

#[cfg(test)]
mod tests {
    use arachne_delivery::instructions::AgentConfig;

    use super::{Change, Wanted};

    fn config(version: u64) -> AgentConfig {
        AgentConfig { version, ..AgentConfig::default() }
    }

    #[test]
    fn a_bad_one_keeps_the_last_good_one() {
        let mut wanted = Wanted::new(config(1));
        let good = AgentConfig { filter: "tcp port 80".into(), ..config(2) };
        assert_eq!(wanted.receive(good.clone(), &[]), Change::Send);
        wanted.applied(2);
        for bad in [
            AgentConfig { filter: "tcp port".into(), ..config(3) },
            AgentConfig {
                save: arachne_delivery::instructions::Save { keep: "((".into(), ..Default::default() },
                ..config(3)
            },
            AgentConfig {
                limits: arachne_delivery::instructions::AgentLimits { threads: 0, ..Default::default() },
                ..config(3)
            },
        ] {
            assert_eq!(wanted.receive(bad, &[]), Change::None);
            assert_eq!(wanted.config(), &good);
            let state = wanted.state();
            assert_eq!((state.received, state.applied, state.error.is_some()), (3, 2, true));
        }
        assert_eq!(wanted.receive(AgentConfig { version: 4, ..good.clone() }, &[]), Change::None);
        assert_eq!((wanted.state().applied, &wanted.state().error), (4, &None));
        assert_eq!(wanted.receive(config(5), &[]), Change::Send);
        wanted.refused(5, "the kernel does not take it".into());
        assert_eq!(
            (wanted.config().filter.as_str(), wanted.state().received, wanted.state().applied),
            ("tcp port 80", 5, 4)
        );
        assert!(wanted.state().error.is_some());
    }

    #[test]
    fn what_needs_a_new_process() {
        let limited = |change: fn(&mut arachne_delivery::instructions::AgentLimits)| {
            let mut wanted = Wanted::new(config(1));
            let mut other = config(2);
            change(&mut other.limits);
            wanted.receive(other, &[])
        };
        assert_eq!(limited(|limits| limits.ring_bytes *= 2), Change::Replace);
        assert_eq!(limited(|limits| limits.threads += 1), Change::Replace);
        assert_eq!(limited(|limits| limits.body_bytes /= 2), Change::Send);
        assert_eq!(limited(|limits| limits.memory_bytes *= 2), Change::Send);
        let files = AgentConfig { files: vec!["a.pcap".into()], ..config(3) };
        assert_eq!(Wanted::new(config(1)).receive(files, &[]), Change::Replace);
    }

    #[test]
    fn what_never_was_in_force_is_not_gone_back_to() {
        let mut wanted = Wanted::new(config(1));
        wanted.applied(1);
        let ring = |version, ring_bytes| {
            let mut config = config(version);
            config.limits.ring_bytes = ring_bytes;
            config
        };
        wanted.receive(ring(2, 32 << 20), &[]);
        assert_eq!((wanted.in_force().version, wanted.config().version), (1, 2));
        wanted.receive(ring(3, 32 << 20), &[]);
        assert_eq!((wanted.in_force().version, wanted.state().applied), (1, 1), "the same as one that is not in force");
        wanted.refused(3, "no memory".into());
        assert_eq!((wanted.config(), wanted.state().received), (&config(1), 3));
        wanted.receive(ring(4, 8 << 20), &[]);
        wanted.applied(4);
        assert_eq!((wanted.in_force().version, &wanted.state().error), (4, &None));
    }

    #[test]
    fn capture_ends_by_itself() {
        let mut wanted = Wanted::new(AgentConfig { until: Some(10), ..config(1) });
        assert!(wanted.captures(9) && !wanted.captures(10));
        wanted.receive(AgentConfig { capture: false, ..config(2) }, &[]);
        assert!(!wanted.captures(0) && wanted.state().applied == 2);
    }
}
