//! The traffic light: what a request was, from its status, its time and who asked.
//!
//! Errors and speeds are those of [`arachne_model::class`], as of captured exchanges. On top of them stand the classes that
//! only logs can tell or need to.

use arachne_model::class::{Speed, Thresholds, is_error};

/// What a request counts as. The order of the variants is the order in which they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Below the first threshold (500 ms).
    Fast,
    /// Below the second threshold (1 s).
    Medium,
    /// At or above it.
    Slow,
    /// Answered with 500 or above, or not at all, whoever asked.
    Error,
    /// Answered with 429.
    Limited,
    /// Asked by a robot.
    Bot,
    /// Its time is not the service's: 101, 408, CONNECT, long polls.
    Untimed,
    /// The line has no time.
    Unknown,
}

/// All classes, in their order.
pub const CLASSES: [Class; 8] =
    [Class::Fast, Class::Medium, Class::Slow, Class::Error, Class::Limited, Class::Bot, Class::Untimed, Class::Unknown];

impl Class {
    /// Its name, as a label.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Medium => "medium",
            Self::Slow => "slow",
            Self::Error => "error",
            Self::Limited => "limited",
            Self::Bot => "bot",
            Self::Untimed => "untimed",
            Self::Unknown => "unknown",
        }
    }

    /// Whether its time belongs to percentiles: what people waited for.
    #[must_use]
    pub const fn is_timed(self) -> bool {
        matches!(self, Self::Fast | Self::Medium | Self::Slow | Self::Error)
    }
}

/// What makes a request special before its time is looked at. Status 0 is no answer; None is a log that tells no status.
pub(super) fn apart(status: Option<u16>, connect: bool, long_poll: bool, bot: bool) -> Option<Class> {
    let answered = |status: u16| (status > 0).then_some(i64::from(status));
    match status {
        Some(status) if is_error(answered(status)) => Some(Class::Error),
        Some(429) => Some(Class::Limited),
        _ if bot => Some(Class::Bot),
        Some(101 | 408) => Some(Class::Untimed),
        _ if connect || long_poll => Some(Class::Untimed),
        _ => None,
    }
}

/// The class of a time in nanoseconds.
pub(super) fn of_time(thresholds: Thresholds, nanos: Option<u64>) -> Class {
    let Some(nanos) = nanos else { return Class::Unknown };
    match thresholds.of_time(i64::try_from(nanos).unwrap_or(i64::MAX)) {
        Speed::Fast => Class::Fast,
        Speed::Medium => Class::Medium,
        Speed::Slow => Class::Slow,
    }
}
