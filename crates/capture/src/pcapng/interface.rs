//! Interface descriptions and their clocks.
//!
//! Source: section 4.2.

use std::fmt;

use arachne_model::{LinkType, UnixNanos};

use super::{Fault, options};
use crate::order::ByteOrder;
use crate::summary::{FileSummary, Warning};

const NANOS: i128 = 1_000_000_000;

/// The length of a clock tick: a power of 10 or of 2 of a second, with a negative exponent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// 10 or 2.
    pub base: u8,
    /// The exponent without its sign, 0 to 127.
    pub exponent: u8,
}

impl Resolution {
    pub(crate) const fn decimal(exponent: u8) -> Self {
        Self { base: 10, exponent }
    }

    /// The value of the option `if_tsresol`.
    const fn from_option(value: u8) -> Self {
        Self { base: if value & 0x80 == 0 { 10 } else { 2 }, exponent: value & 0x7f }
    }

    /// Whether 64 bits of it last less than a day, so that they cannot tell an instant.
    const fn is_absurd(self) -> bool {
        match self.base {
            2 => self.exponent > 47,
            _ => self.exponent > 14,
        }
    }
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.base, self.exponent) {
            (_, 0) => f.write_str("seconds"),
            (10, 3) => f.write_str("milliseconds"),
            (10, 6) => f.write_str("microseconds"),
            (10, 9) => f.write_str("nanoseconds"),
            (base, exponent) => write!(f, "{base}^-{exponent} s"),
        }
    }
}

/// Turns ticks into instants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clock {
    pub resolution: Resolution,
    /// Seconds to add.
    offset: i64,
    /// Nanoseconds per tick, where that is a whole number and nothing is to be added; else 0.
    plain: u64,
}

impl Clock {
    pub fn new(resolution: Resolution, offset: i64) -> Self {
        let plain = match resolution {
            Resolution { base: 10, exponent: exponent @ 0..=9 } if offset == 0 => 10_u64.pow(9 - u32::from(exponent)),
            _ => 0,
        };
        Self { resolution, offset, plain }
    }

    /// The instant of `ticks`, and whether it had to be clamped or cannot be.
    #[inline]
    pub fn instant(&self, ticks: u64) -> (UnixNanos, bool) {
        if self.plain != 0
            && let Some(nanos) = ticks.checked_mul(self.plain)
            && let Ok(nanos) = i64::try_from(nanos)
        {
            return (UnixNanos(nanos), false);
        }
        self.odd_instant(ticks)
    }

    /// All arithmetic fits 128 bits: ticks and offset have 64, a second has 30.
    fn odd_instant(&self, ticks: u64) -> (UnixNanos, bool) {
        let Resolution { base, exponent } = self.resolution;
        let nanos = i128::from(ticks) * NANOS;
        let since = match base {
            2 => nanos >> u32::from(exponent),
            // 10^38 is the largest power that fits, and then nothing is left of a 64-bit number of ticks anyway.
            _ => nanos / 10_i128.pow(u32::from(exponent).min(38)),
        };
        let instant = since + i128::from(self.offset) * NANOS;
        let clamped = instant.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
        let nanos = i64::try_from(clamped).unwrap_or_default();
        (UnixNanos(nanos), clamped != instant || self.is_absurd())
    }

    /// A clock that wraps within a day tells an instant only with an offset that brings it near.
    const fn is_absurd(&self) -> bool {
        self.resolution.is_absurd() && self.offset == 0
    }
}

/// What an interface description says.
#[derive(Clone, Debug)]
pub(crate) struct Interface {
    pub link_type: LinkType,
    /// 0 when there is no limit.
    pub snaplen: u32,
    pub clock: Clock,
    /// What its last statistics block said, in the order of the options from `isb_ifrecv` on.
    pub counters: [u64; 5],
}

impl Interface {
    pub fn read(order: ByteOrder, body: &[u8], summary: &mut FileSummary) -> Result<Self, Fault> {
        let [link, snaplen] = order.words::<2>(body).ok_or("an interface description needs 20 bytes")?;
        let link_type = LinkType(u32::from(order.halves(link).0));
        if !link_type.exists() {
            return Err(Fault::Refused(format!("link type {} does not exist", link_type.0)));
        }
        let clock = read_clock(order, &body[8..], summary);
        Ok(Self { link_type, snaplen, clock, counters: [0; 5] })
    }
}

fn read_clock(order: ByteOrder, rest: &[u8], summary: &mut FileSummary) -> Clock {
    const TSRESOL: u16 = 9;
    const TSOFFSET: u16 = 14;
    let (mut resolution, mut offset) = (Resolution::decimal(6), 0);
    options::for_each(order, rest, summary, |summary, code, value| match (code, value) {
        (TSRESOL, [value]) => resolution = Resolution::from_option(*value),
        (TSOFFSET, value) if value.len() == 8 => {
            offset = value.first_chunk().map_or(0, |bytes| order.u64(*bytes).cast_signed());
        }
        (TSRESOL | TSOFFSET, _) => summary.warn(Warning::OptionValue, || {
            "the time resolution or offset of an interface has a wrong length and is ignored".to_owned()
        }),
        _ => {}
    });
    Clock::new(resolution, offset)
}

#[cfg(test)]
mod tests {
    use super::{Clock, Resolution};
    use arachne_model::UnixNanos;

    #[test]
    fn ticks_become_instants() {
        let second = 1_000_000_000;
        let cases = [
            // base, exponent, offset, ticks, nanoseconds, bad
            (10, 6, 0, 1_500_000, 1_500_000_000, false),
            (10, 9, 0, 1_500_000_001, 1_500_000_001, false),
            (10, 0, 0, 7, 7 * second, false),
            (10, 3, 0, 7_001, 7_001_000_000, false),
            (10, 10, 0, 15, 1, false),
            (10, 12, 1000, 1_500_000_000_000, 1_001_500_000_000, false),
            (10, 6, -1, 1_500_000, 500_000_000, false),
            (10, 6, -2, 1_500_000, -500_000_000, false),
            (2, 10, 0, 1024 + 512, 1_500_000_000, false),
            (2, 32, 0, 3 << 31, 1_500_000_000, false),
            (2, 0, 0, 7, 7 * second, false),
            (2, 127, 0, u64::MAX, 0, true),
            (10, 127, 0, u64::MAX, 0, true),
            (10, 0, 0, u64::MAX, i64::MAX, true),
            (10, 6, i64::MIN, 5, i64::MIN, true),
            (10, 6, i64::MAX, 5, i64::MAX, true),
        ];
        for (base, exponent, offset, ticks, nanos, bad) in cases {
            let clock = Clock::new(Resolution { base, exponent }, offset);
            assert_eq!(clock.instant(ticks), (UnixNanos(nanos), bad), "{clock:?} {ticks}");
        }
    }

    #[test]
    fn options_are_read_as_defined() {
        assert_eq!(Resolution::from_option(9), Resolution { base: 10, exponent: 9 });
        assert_eq!(Resolution::from_option(0x94).to_string(), "2^-20 s");
        assert_eq!(Resolution::from_option(6).to_string(), "microseconds");
    }
}
