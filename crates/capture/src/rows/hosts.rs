//! Names of addresses of one source, each told once.

use std::collections::BTreeMap;
use std::net::IpAddr;

use arachne_model::UnixNanos;
use arachne_model::table::HostRow;

/// Where a name comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NameKind {
    /// A name resolution block of the capture.
    Capture,
    /// A Host header.
    Header,
    /// An answer of the domain name system that passed by.
    Dns,
}

impl NameKind {
    /// The value of the column `host.source`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Header => "header",
            Self::Dns => "dns",
        }
    }
}

struct Name {
    name: Box<str>,
    kind: NameKind,
    first: UnixNanos,
    last: UnixNanos,
    /// Up to when it was told to hold.
    told: Option<UnixNanos>,
}

/// A name that still holds is told again after so much time.
const TELL_AGAIN_NS: u64 = 3_600_000_000_000;

impl Name {
    fn row(&self, (address, network): (IpAddr, u32), source: &str) -> HostRow {
        HostRow {
            address: address.to_string(),
            name: self.name.to_string(),
            first: self.first.0,
            last: Some(self.last.0),
            network,
            source: source.to_owned(),
            kind: self.kind.name().to_owned(),
        }
    }
}

/// Collects names up to a limit.
pub struct HostNames {
    names: BTreeMap<(IpAddr, u32), Vec<Name>>,
    /// Names that still fit.
    room: usize,
}

impl HostNames {
    /// At most `names_max` names.
    #[must_use]
    pub const fn new(names_max: usize) -> Self {
        Self { names: BTreeMap::new(), room: names_max }
    }

    /// `address` in `network` was called `name` from `first` to `last`.
    pub fn add(&mut self, address: (IpAddr, u32), name: &str, kind: NameKind, (first, last): (UnixNanos, UnixNanos)) {
        if !self.seen(address, name, kind, (first, last)) && self.room > 0 {
            self.room -= 1;
            self.names.entry(address).or_default().push(Name { name: name.into(), kind, first, last, told: None });
        }
    }

    /// As [`Self::add`] where the name is known; `false` where it is not, and nothing has changed then.
    pub fn seen(
        &mut self,
        address: (IpAddr, u32),
        name: &str,
        kind: NameKind,
        (first, last): (UnixNanos, UnixNanos),
    ) -> bool {
        let Some(known) = self.names.get_mut(&address) else { return false };
        let Some(at) = known.iter().position(|n| n.kind == kind && *n.name == *name) else { return false };
        let found = &mut known[at];
        found.first = found.first.min(first);
        found.last = found.last.max(last);
        // What is asked for now is asked for again soon: large virtual hosts stay cheap.
        known.swap(at, at / 2);
        true
    }

    /// Names that were not told yet, or not for long, as rows ordered by address.
    pub fn news(&mut self, source: &str) -> Vec<HostRow> {
        let mut rows = Vec::new();
        for ((address, network), names) in &mut self.names {
            for name in names.iter_mut().filter(|n| n.told.is_none_or(|told| n.last.since(told) >= TELL_AGAIN_NS)) {
                name.told = Some(name.last);
                rows.push(name.row((*address, *network), source));
            }
        }
        rows
    }

    /// All names as rows, ordered by address and name.
    pub fn rows(self, source: &str) -> Vec<HostRow> {
        let mut rows = Vec::new();
        for ((address, network), mut names) in self.names {
            names.sort_by(|a, b| (&a.name, a.kind).cmp(&(&b.name, b.kind)));
            rows.extend(names.iter().map(|name| name.row((address, network), source)));
        }
        rows
    }
}

/// Whether a Host header holds a name: no address, nothing strange.
#[must_use]
pub fn is_name(host: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    (1..=253).contains(&host.len()) && host.bytes().all(plain) && host.parse::<IpAddr>().is_err()
}

#[cfg(test)]
mod tests {
    use super::{HostNames, NameKind, is_name};
    use arachne_model::UnixNanos;

    #[test]
    fn each_name_is_told_once_up_to_the_limit() {
        let mut names = HostNames::new(3);
        let mut add = |ip: u8, name: &str, kind, at: i64| {
            names.add(([10, 0, 0, ip].into(), 0), name, kind, (UnixNanos(at), UnixNanos(at)));
        };
        add(2, "b", NameKind::Header, 5);
        add(1, "a", NameKind::Header, 6);
        add(2, "b", NameKind::Header, 3);
        add(2, "b", NameKind::Capture, 4);
        add(2, "c", NameKind::Header, 7);
        let rows = names.rows("s");
        let seen: Vec<_> =
            rows.iter().map(|r| (r.address.as_str(), r.name.as_str(), r.kind.as_str(), r.first, r.last)).collect();
        assert_eq!(
            seen,
            [
                ("10.0.0.1", "a", "header", 6, Some(6)),
                ("10.0.0.2", "b", "capture", 4, Some(4)),
                ("10.0.0.2", "b", "header", 3, Some(5)),
            ]
        );
    }

    #[test]
    fn names_and_what_is_none() {
        assert!(is_name("shop.example") && is_name("a_b"));
        assert!(!is_name("") && !is_name("10.0.0.1") && !is_name("a b") && !is_name("<x>") && !is_name("[::1]"));
    }
}
