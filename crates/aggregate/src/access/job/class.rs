//! The traffic light: what a request was, from its status, its time and who asked.

/// What a request counts as. The order of the variants is the order in which they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Below the first limit (500 ms).
    Fast,
    /// Below the second limit (1 s).
    Medium,
    /// At or above it.
    Slow,
    /// Answered with 5xx, whoever asked.
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

/// Where classes begin, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Fast is below.
    pub fast: u64,
    /// Medium is below, slow at or above.
    pub medium: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { fast: 500_000_000, medium: 1_000_000_000 }
    }
}

/// What makes a request special before its time is looked at.
pub(super) fn apart(status: u16, connect: bool, long_poll: bool, bot: bool) -> Option<Class> {
    match status {
        500..=599 => Some(Class::Error),
        429 => Some(Class::Limited),
        _ if bot => Some(Class::Bot),
        101 | 408 => Some(Class::Untimed),
        _ if connect || long_poll => Some(Class::Untimed),
        _ => None,
    }
}

impl Limits {
    /// The class of a time.
    #[must_use]
    pub const fn class(self, nanos: Option<u64>) -> Class {
        match nanos {
            None => Class::Unknown,
            Some(nanos) if nanos < self.fast => Class::Fast,
            Some(nanos) if nanos < self.medium => Class::Medium,
            Some(_) => Class::Slow,
        }
    }
}
