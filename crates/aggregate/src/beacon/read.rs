//! The query of a beacon: known keys, each judged; everything else in it is passed over.

use super::window::RATINGS;
use crate::fixed::billionths;

/// The stages of a navigation, in their order.
pub const STAGES: [&str; 7] = ["redirect", "dns", "tcp", "tls", "server", "transfer", "processing"];
/// Web Vitals, as indices of [`Beacon::vitals`].
pub const VITALS: [Vital; 4] = [
    Vital { name: "lcp", good: 2_500_000_000, poor: 4_000_000_000 },
    Vital { name: "inp", good: 200_000_000, poor: 500_000_000 },
    Vital { name: "fcp", good: 1_800_000_000, poor: 3_000_000_000 },
    Vital { name: "cls", good: 100_000_000, poor: 250_000_000 },
];

/// Longer queries are none of ours.
const QUERY_BYTES_MAX: usize = 4096;
/// Bytes of the name of a page, and of a release; longer ones are cut.
pub(super) const PAGE_BYTES_MAX: usize = 180;
pub(super) const RELEASE_BYTES_MAX: usize = 64;
/// A time beyond is no time of a page: ten minutes, in milliseconds.
const MILLIS_MAX: u64 = 600_000;
/// A shift of the layout beyond is none, in billionths.
const SHIFT_MAX: u64 = 100_000_000_000;
/// One beacon stands for so many pages at most, and tells of so many errors.
const WEIGHT_MAX: u64 = 1000;
/// Parts of the answer that are told by Server-Timing.
const PARTS_MAX: usize = 8;

/// A Web Vital with its bounds, in nanoseconds or billionths. Source: web.dev/articles/vitals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vital {
    /// Its name.
    pub name: &'static str,
    /// Up to here it is good.
    pub good: u64,
    /// Beyond it is poor.
    pub poor: u64,
}

impl Vital {
    /// 0 good, 1 fair, 2 poor.
    #[must_use]
    pub const fn rating(&self, value: u64) -> usize {
        if value <= self.good { 0 } else { (value > self.poor) as usize + 1 }
    }
}

/// Why a beacon does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It lacks `v=1` or `p`, tells nothing, or is no text.
    #[error("it is no beacon: v=1, p (the page) and at least one measure are needed")]
    Unreadable,
    /// A value is negative, not a number, or longer than anybody waits; or all stages are zero, as browsers tell that hide them.
    #[error("a value is none that a page can have")]
    Impossible,
    /// A program sent it.
    #[error("a program sent it")]
    Bot,
    /// It belongs to no open window.
    #[error("it is too late, or of the future")]
    Late,
}

impl Unfit {
    /// In one word, as a label.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Impossible => "impossible",
            Self::Bot => "bot",
            Self::Late => "late",
        }
    }
}

/// What a page told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beacon {
    /// The group of pages it is of, or its path.
    pub page: String,
    /// The release it is of.
    pub release: Option<String>,
    /// The request that answered it.
    pub request: Option<String>,
    /// How many pages it stands for.
    pub weight: u64,
    /// Nanoseconds by stage, in the order of [`STAGES`].
    pub stages: [Option<u64>; STAGES.len()],
    /// Nanoseconds from the begin to the load event.
    pub load: Option<u64>,
    /// By [`VITALS`].
    pub vitals: [Option<u64>; VITALS.len()],
    /// Script errors.
    pub errors: u64,
    /// Nanoseconds by what the answer said of itself (Server-Timing).
    pub server: Vec<(String, u64)>,
    /// The browser says that a program drives it.
    pub automated: bool,
}

impl Beacon {
    /// Whether it tells of a page view, rather than of one that was told before.
    #[must_use]
    pub fn is_view(&self) -> bool {
        self.stages.iter().any(Option::is_some)
    }

    /// Whether anything about it is poor.
    #[must_use]
    pub fn is_poor(&self) -> bool {
        let poor = |(vital, value): (&Vital, &Option<u64>)| value.is_some_and(|value| vital.rating(value) == 2);
        self.errors > 0
            || VITALS.iter().zip(&self.vitals).any(poor)
            || self.load.is_some_and(|load| load > VITALS[0].poor)
    }

    /// The worst rating of its vitals; None where it tells none.
    #[must_use]
    pub fn rating(&self) -> Option<&'static str> {
        let ratings = VITALS.iter().zip(&self.vitals).filter_map(|(vital, value)| Some(vital.rating((*value)?)));
        ratings.max().map(|rating| RATINGS[rating])
    }

    /// Reads a query, without its `?`.
    ///
    /// # Errors
    /// It is none, or says what cannot be.
    pub fn read(query: &[u8]) -> Result<Self, Unfit> {
        let text = std::str::from_utf8(query).ok().filter(|text| text.len() <= QUERY_BYTES_MAX);
        let mut beacon = Self { weight: 1, ..Self::default() };
        let mut known = false;
        for pair in text.ok_or(Unfit::Unreadable)?.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "v" => known = value == "1",
                "p" => beacon.page = cut(&decoded(value), PAGE_BYTES_MAX),
                "r" => {
                    beacon.release = Some(cut(&decoded(value), RELEASE_BYTES_MAX)).filter(|release| !release.is_empty())
                }
                "id" => beacon.request = Some(value.to_owned()).filter(|id| is_id(id)),
                "w" => beacon.weight = whole(value)?.clamp(1, WEIGHT_MAX),
                "err" => beacon.errors = whole(value)?.min(WEIGHT_MAX),
                "bot" => beacon.automated = value == "1",
                "load" => beacon.load = Some(nanos(value)?),
                "cls" => beacon.vitals[3] = Some(shift(value)?),
                "st" => beacon.server = parts(&decoded(value))?,
                name => beacon.measure(name, value)?,
            }
        }
        if !known || beacon.page.is_empty() {
            return Err(Unfit::Unreadable);
        }
        beacon.judged()
    }

    /// A stage, or a vital that is a time.
    fn measure(&mut self, name: &str, value: &str) -> Result<(), Unfit> {
        let stage = STAGES.iter().position(|stage| *stage == name);
        let vital = VITALS.iter().position(|vital| vital.name == name);
        if let Some(stage) = stage {
            self.stages[stage] = Some(nanos(value)?);
        } else if let Some(vital) = vital {
            self.vitals[vital] = Some(nanos(value)?);
        }
        Ok(())
    }

    fn judged(mut self) -> Result<Self, Unfit> {
        let sum: u64 = self.stages.iter().flatten().sum();
        if self.is_view() && sum == 0 {
            return Err(Unfit::Impossible);
        }
        let tells = self.is_view() || self.load.is_some() || self.errors > 0 || self.vitals.iter().any(Option::is_some);
        if !tells {
            return Err(Unfit::Unreadable);
        }
        if self.is_view() {
            self.load = self.load.or(Some(sum));
        }
        Ok(self)
    }
}

fn cut(text: &str, bytes: usize) -> String {
    let clean: String =
        text.trim().chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect();
    clean[..clean.floor_char_boundary(bytes)].to_owned()
}

fn is_id(id: &str) -> bool {
    (8..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn whole(text: &str) -> Result<u64, Unfit> {
    text.parse().map_err(|_| Unfit::Impossible)
}

/// Milliseconds as nanoseconds.
fn nanos(text: &str) -> Result<u64, Unfit> {
    let value = billionths(text.as_bytes()).and_then(|value| u64::try_from(value / 1000).ok());
    value.filter(|nanos| *nanos <= MILLIS_MAX * 1_000_000).ok_or(Unfit::Impossible)
}

fn shift(text: &str) -> Result<u64, Unfit> {
    let value = billionths(text.as_bytes()).and_then(|value| u64::try_from(value).ok());
    value.filter(|value| *value <= SHIFT_MAX).ok_or(Unfit::Impossible)
}

/// `db:12.5,cache:3`.
fn parts(text: &str) -> Result<Vec<(String, u64)>, Unfit> {
    let part = |part: &str| {
        let (name, millis) = part.split_once(':')?;
        let word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let fits = (1..=32).contains(&name.len()) && name.bytes().all(word);
        fits.then(|| nanos(millis).map(|nanos| (name.to_ascii_lowercase(), nanos)))
    };
    text.split(',').filter_map(part).take(PARTS_MAX).collect()
}

/// Text of a query as it was before it was put into a URL. What is no text becomes U+FFFD.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let hex = |at: usize| {
        bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16)).and_then(|digit| u8::try_from(digit).ok())
    };
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(&byte) = bytes.get(at) {
        match (byte, hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push(high << 4 | low);
                at += 2;
            }
            (b'+', ..) => out.push(b' '),
            _ => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}
