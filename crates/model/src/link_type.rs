//! Link types of capture files: `LINKTYPE_` numbers.
//!
//! Source: the link-layer header types list of The Tcpdump Group.

use std::fmt;

/// A `LINKTYPE_` number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkType(pub u32);

macro_rules! link_types {
    ($($name:ident $number:literal $text:literal;)*) => {
        impl LinkType {
            $(#[doc = $text] pub const $name: Self = Self($number);)*

            /// The name of a link type that the wire core reads.
            #[must_use]
            pub const fn read_name(self) -> Option<&'static str> {
                match self.0 { $($number => Some($text),)* _ => None }
            }
        }
    };
}

link_types! {
    NULL 0 "BSD loopback";
    ETHERNET 1 "Ethernet";
    PPP 9 "PPP";
    RAW_BSD 12 "raw IP";
    RAW_OPENBSD 14 "raw IP (OpenBSD)";
    PPP_HDLC 50 "PPP in HDLC framing";
    PPP_ETHER 51 "PPPoE session";
    RAW 101 "raw IP";
    C_HDLC 104 "Cisco HDLC";
    LOOP 108 "OpenBSD loopback";
    LINUX_SLL 113 "Linux cooked";
    IPV4 228 "raw IPv4";
    IPV6 229 "raw IPv6";
    NFLOG 239 "Linux NFLOG";
    LINUX_SLL2 276 "Linux cooked v2";
}

impl LinkType {
    /// Whether the number is assigned at all. Packets of an assigned type that is not read are counted as dropped;
    /// an unassigned number refuses the file.
    #[must_use]
    pub const fn exists(self) -> bool {
        // 147-162 are reserved for private use, which does exist in captures; the list ends at 303 with a reserve for
        // numbers assigned since.
        matches!(self.0, 0..=9 | 12 | 14 | 50 | 51 | 99..=108 | 113..=320)
    }

    /// Whether the wire core reads packets of this type.
    #[must_use]
    pub const fn is_read(self) -> bool {
        self.read_name().is_some()
    }
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.read_name() {
            Some(name) => write!(f, "{} ({name})", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::LinkType;

    #[test]
    fn what_is_read_exists() {
        for number in 0..5000 {
            let link = LinkType(number);
            assert!(!link.is_read() || link.exists(), "{link}");
        }
        assert!(LinkType(105).exists() && !LinkType(105).is_read());
        assert!(!LinkType(4095).exists());
    }
}
