//! What can go wrong with a live capture, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// Why packets cannot be captured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LiveError {
    /// The right to capture is missing.
    #[error("not permitted to capture packets: {}", remedy(program))]
    NotPermitted {
        /// The running program.
        program: PathBuf,
    },
    /// The kernel has no packet sockets, or not with this ring.
    #[error(
        "this kernel cannot capture packets in a ring (AF_PACKET with TPACKET_V3, Linux 3.2 or later): {tried} failed"
    )]
    Unsupported {
        /// The call.
        tried: &'static str,
        /// Why.
        source: io::Error,
    },
    /// There is not enough memory.
    #[error("no memory for a ring of {bytes} bytes: choose a smaller one")]
    NoMemory {
        /// Its size.
        bytes: usize,
    },
    /// Something else.
    #[error("{tried} failed")]
    System {
        /// The call.
        tried: &'static str,
        /// Why.
        source: io::Error,
    },
}

impl LiveError {
    /// The error of the call `tried`.
    pub(super) fn of(tried: &'static str, source: io::Error) -> Self {
        match source.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => Self::NotPermitted { program: program() },
            Some(libc::EAFNOSUPPORT | libc::EPROTONOSUPPORT | libc::ENOPROTOOPT) => Self::Unsupported { tried, source },
            _ => Self::System { tried, source },
        }
    }
}

/// The path of the running program, as far as it is known.
fn program() -> PathBuf {
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("arachne-agent"))
}

/// What gives `program` the right to capture.
fn remedy(program: &Path) -> String {
    format!(
        "the capability CAP_NET_RAW is missing. Give it to the program once with `setcap cap_net_raw+ep {}`, or to its \
         service with the line `AmbientCapabilities=CAP_NET_RAW` under [Service], or run it as root",
        quoted(&program.to_string_lossy())
    )
}

/// A word for the shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%:,=".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::{LiveError, remedy};
    use std::io;
    use std::path::Path;

    #[test]
    fn the_missing_right_is_told_with_its_remedy() {
        let error = LiveError::of("opening a packet socket", io::Error::from_raw_os_error(libc::EPERM));
        let LiveError::NotPermitted { program } = &error else { panic!("{error}") };
        let text = error.to_string();
        assert!(text.contains(&format!("setcap cap_net_raw+ep {}", program.display())), "{text}");
        assert!(text.contains("AmbientCapabilities=CAP_NET_RAW"), "{text}");
    }

    #[test]
    fn odd_paths_are_quoted() {
        assert!(remedy(Path::new("/opt/it's here/a")).contains(r"+ep '/opt/it'\''s here/a'`"));
    }
}
