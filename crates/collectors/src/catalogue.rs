//! All metrics of all collectors: what `docs/metrics.md` is made of.

use crate::{Metric, beacon, check, logs, own, postgresql, process, redis, system, tcp};

/// The metrics of a collector.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// The collector's name.
    pub collector: &'static str,
    /// What it reads, in a sentence.
    pub says: &'static str,
    /// Its metrics.
    pub metrics: &'static [&'static [Metric]],
}

/// All collectors with fixed metrics. Rules over logs make metrics of their own names.
#[must_use]
pub fn families() -> Vec<Family> {
    vec![
        Family { collector: "system", says: system::SAYS, metrics: system::METRICS },
        Family { collector: "process", says: process::SAYS, metrics: process::METRICS },
        Family { collector: "tcp", says: tcp::SAYS, metrics: tcp::METRICS },
        Family { collector: "logs", says: logs::SAYS, metrics: logs::METRICS },
        Family { collector: "browser", says: beacon::SAYS, metrics: beacon::METRICS },
        Family { collector: "postgresql", says: postgresql::SAYS, metrics: postgresql::METRICS },
        Family { collector: "redis", says: redis::SAYS, metrics: redis::METRICS },
        Family { collector: "check", says: check::SAYS, metrics: check::METRICS },
        Family { collector: "arachne", says: own::SAYS, metrics: own::METRICS },
    ]
}
