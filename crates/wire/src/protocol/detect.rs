//! Which protocol a connection speaks, found by content, not by port.
//!
//! Doubt falls to "unknown": bytes are counted and not interpreted.

use arachne_model::{Limits, Protocol as Kind};

use super::{Protocol, http1, identify};

/// Who sends such bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// The client.
    Client,
    /// The server.
    Server,
    /// Either.
    Either,
}

/// What the first bytes of a direction say to one candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is this.
    Is(Speaker, Kind),
    /// More bytes decide.
    Unsure,
    /// It is not.
    No,
}

/// A protocol that may be found.
pub struct Candidate {
    /// Looks at the first bytes of one direction.
    pub detect: fn(&[u8]) -> Verdict,
    /// Makes a parser; `None` for what is only named.
    pub start: fn(&Limits) -> Option<Box<dyn Protocol>>,
}

/// All protocols, in the order in which they are asked. A new one is one more line.
pub const CANDIDATES: &[Candidate] = &[
    Candidate { detect: identify::http2, start: opaque },
    Candidate { detect: http1::detect, start: http1::start },
    Candidate { detect: identify::tls, start: opaque },
    Candidate { detect: identify::ssh, start: opaque },
    Candidate { detect: identify::postgresql, start: opaque },
    Candidate { detect: identify::redis, start: opaque },
    Candidate { detect: identify::dns, start: opaque },
];

fn opaque(_: &Limits) -> Option<Box<dyn Protocol>> {
    None
}

/// Asks all candidates. The first that is certain wins.
#[must_use]
pub fn ask(bytes: &[u8]) -> (Verdict, Option<&'static Candidate>) {
    let mut unsure = false;
    for candidate in CANDIDATES {
        match (candidate.detect)(bytes) {
            Verdict::Is(speaker, kind) => return (Verdict::Is(speaker, kind), Some(candidate)),
            Verdict::Unsure => unsure = true,
            Verdict::No => {}
        }
    }
    (if unsure { Verdict::Unsure } else { Verdict::No }, None)
}
