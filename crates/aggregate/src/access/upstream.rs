//! nginx's lists of upstreams: `, ` stands before the next server tried, ` : ` before what an internal redirect asked.

use crate::fixed;

/// The lists of a record, all with the same number of entries where the format has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Upstreams<'a> {
    /// `$upstream_addr`.
    pub addresses: Option<&'a [u8]>,
    /// `$upstream_response_time`, seconds.
    pub times: Option<&'a [u8]>,
    /// `$upstream_status`.
    pub statuses: Option<&'a [u8]>,
    /// `$upstream_connect_time`, seconds.
    pub connects: Option<&'a [u8]>,
    /// `$upstream_header_time`, seconds.
    pub headers: Option<&'a [u8]>,
    /// Times are milliseconds, as HAProxy writes them.
    pub millis: bool,
}

/// One server that was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt<'a> {
    /// Its address, or the name of the group where no server of it was alive.
    pub address: &'a [u8],
    /// How long it took, in nanoseconds; None for `-`.
    pub nanos: Option<u64>,
    /// What it answered; None for `-`.
    pub status: Option<u16>,
    /// Asked for an internal redirect, not since the server before failed.
    pub redirected: bool,
}

impl<'a> Upstreams<'a> {
    /// Whether any upstream was asked.
    #[must_use]
    pub fn any(&self) -> bool {
        self.times.is_some() || self.addresses.is_some()
    }

    /// The time of all of them in nanoseconds; None when none was asked or none has a time.
    #[must_use]
    pub fn nanos(&self) -> Option<u64> {
        let times = self.times?;
        if memchr::memchr(b' ', times).is_none() {
            return self.time(times);
        }
        let mut known = items(times).filter_map(|(item, _)| self.time(item)).peekable();
        known.peek()?;
        Some(known.fold(0, u64::saturating_add))
    }

    fn time(&self, text: &[u8]) -> Option<u64> {
        let nanos = fixed::nanos(text)?;
        Some(if self.millis { nanos / 1000 } else { nanos })
    }

    /// The servers in the order in which they were asked.
    pub fn attempts(&self) -> impl Iterator<Item = Attempt<'a>> + use<'a> {
        let mut times = self.times.into_iter().flat_map(items);
        let mut statuses = self.statuses.into_iter().flat_map(items);
        let lists = *self;
        self.addresses.into_iter().flat_map(items).map(move |(address, redirected)| Attempt {
            address,
            nanos: times.next().and_then(|(item, _)| lists.time(item)),
            status: statuses.next().and_then(|(item, _)| status(item)),
            redirected,
        })
    }
}

/// Three digits.
pub(super) fn status(text: &[u8]) -> Option<u16> {
    match text {
        [a, b, c] if text.iter().all(u8::is_ascii_digit) => {
            Some(u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0'))
        }
        // What Caddy writes for no answer; nginx writes 000.
        b"0" => Some(0),
        _ => None,
    }
}

/// The entries of a list, each with whether ` : ` stands before it.
fn items(list: &[u8]) -> impl Iterator<Item = (&[u8], bool)> {
    let mut rest = Some((list, false));
    std::iter::from_fn(move || {
        let (list, redirected) = rest?;
        let (end, next) = separator(list);
        rest = next.map(|(at, redirected)| (&list[at..], redirected));
        Some((&list[..end], redirected))
    })
}

/// Where the first entry ends; where the second starts, and whether it is a redirect's.
fn separator(list: &[u8]) -> (usize, Option<(usize, bool)>) {
    for space in memchr::memchr_iter(b' ', list) {
        if space > 0 && list[space - 1] == b',' {
            return (space - 1, Some((space + 1, false)));
        }
        if list[space..].starts_with(b" : ") {
            return (space, Some((space + 3, true)));
        }
    }
    (list.len(), None)
}

/// Where a list that is followed by a space ends: at the first space that is no separator's. The whole text when none is.
pub(super) fn list_end(text: &[u8]) -> usize {
    let mut spaces = memchr::memchr_iter(b' ', text);
    while let Some(space) = spaces.next() {
        if space > 0 && text[space - 1] == b',' {
            continue;
        }
        if text[space..].starts_with(b" : ") {
            spaces.next();
            continue;
        }
        return space;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_and_redirects_are_told_apart() {
        let lists = Upstreams {
            addresses: Some(b"10.0.0.1:80 : 10.0.0.2:80, [::1]:80, app2"),
            times: Some(b"0.035 : 0.007, -, 0.000"),
            statuses: Some(b"200 : 502, -, 502"),
            ..Upstreams::default()
        };
        let attempts: Vec<_> = lists.attempts().collect();
        let shown: Vec<_> = attempts
            .iter()
            .map(|one| (String::from_utf8_lossy(one.address), one.nanos, one.status, one.redirected))
            .collect();
        assert_eq!(
            shown,
            [
                ("10.0.0.1:80".into(), Some(35_000_000), Some(200), false),
                ("10.0.0.2:80".into(), Some(7_000_000), Some(502), true),
                ("[::1]:80".into(), None, None, false),
                ("app2".into(), Some(0), Some(502), false),
            ]
        );
        assert_eq!(lists.nanos(), Some(42_000_000));
        assert_eq!(Upstreams { times: Some(b"-, -"), ..Upstreams::default() }.nanos(), None);
        assert_eq!(Upstreams::default().attempts().count(), 0);
    }

    #[test]
    fn a_list_ends_at_the_first_space_that_separates_nothing() {
        for (text, end) in [("a, b : c d", 8), ("- x", 1), ("a", 1), ("a :", 1), ("a : b", 5), (" a", 0)] {
            assert_eq!(list_end(text.as_bytes()), end, "{text}");
        }
    }
}
