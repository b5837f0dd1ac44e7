//! The one table of log codes, sorted by code. Rows stay for ever: what is emitted no more gets a `retired`.
//!
//! The page `docs/log-codes.md` is generated from it.

use crate::code::{Level, LogCode};

/// Makes a constant of each row, and the list of all.
macro_rules! codes {
    ($($constant:ident $id:literal $level:ident $message:literal {
        meaning: $meaning:literal,
        cause: $cause:literal,
        action: $action:literal,
        since: $since:literal $(,
        retired: $retired:literal)? $(,)?
    })*) => {
        $(
            #[doc = concat!("`", $id, "`: ", $message, ".")]
            pub const $constant: LogCode = LogCode {
                id: $id,
                constant: stringify!($constant),
                level: Level::$level,
                message: $message,
                meaning: $meaning,
                cause: $cause,
                action: $action,
                since: $since,
                retired: codes!(@retired $($retired)?),
            };
        )*

        /// All codes, sorted.
        pub static ALL: &[LogCode] = &[$($constant),*];
    };
    (@retired) => { None };
    (@retired $version:literal) => { Some($version) };
}

codes! {
    READ_FILE_001 "READ-FILE-001" Error "the file is damaged" {
        meaning: "From `offset` on the file makes no sense. What came before was read and is in the output.",
        cause: "A copy that was cut, a full disk while recording, or a broken transfer.",
        action: "Use the output for what came before. Copy or record the file again for the rest.",
        since: "0.1.0",
    }
    READ_FILE_002 "READ-FILE-002" Error "the file was refused" {
        meaning: "It is no capture file, or it asks for something that must not be granted. It was not read, or not from the offset in `error` on.",
        cause: "Another kind of file, a format that is named in `error`, or a hostile file.",
        action: "Check what the file is. Formats that are read: pcap and pcapng, also inside gzip or zstd.",
        since: "0.1.0",
    }
    READ_FILE_003 "READ-FILE-003" Error "the file cannot be read" {
        meaning: "The system did not open the file, or stopped giving its bytes.",
        cause: "A wrong name, missing rights, or a failing disk; `error` says which.",
        action: "Check the name and the rights. Other files of the same call are read all the same.",
        since: "0.1.0",
    }
    READ_FILE_004 "READ-FILE-004" Warn "records are larger than the snap length" {
        meaning: "The file says that packets were cut at a length, and holds longer ones. They were read in full.",
        cause: "A tool that wrote or merged the file without updating its header.",
        action: "Nothing, as long as the results look right.",
        since: "0.1.0",
    }
    READ_FILE_005 "READ-FILE-005" Info "decryption secrets were skipped" {
        meaning: "The file holds keys of encrypted connections. They were counted, not read and not printed.",
        cause: "The file was recorded or prepared with the keys inside.",
        action: "Treat the file as a secret. Use --keep-secrets where the keys are wanted.",
        since: "0.1.0",
    }
    READ_FILE_006 "READ-FILE-006" Warn "capture times that cannot be" {
        meaning: "Packets carry times outside of what can be, or far behind the packets before. Durations near them are wrong.",
        cause: "A damaged record, a clock that was set while recording, or files merged in the wrong order.",
        action: "Look at exchanges with the note bad_timestamp with care. Merge files by time (--join).",
        since: "0.1.0",
    }
    READ_FILE_007 "READ-FILE-007" Info "the file is odd, and was read all the same" {
        meaning: "Something in the file is not as its format asks; `oddity` tells what it is and how it was read.",
        cause: "An old or careless program wrote the file.",
        action: "Nothing, as long as the results look right.",
        since: "0.1.0",
    }
    READ_LIMIT_001 "READ-LIMIT-001" Warn "a memory limit was reached" {
        meaning: "So that memory stays bounded, something was given up; `limit` names the limit, `given_up` what was lost.",
        cause: "Very many open connections, much loss in the capture, or a hostile capture.",
        action: "Expect exchanges with the note memcap. Read fewer files at once, or a part of the capture.",
        since: "0.1.0",
    }
    READ_MAIN_001 "READ-MAIN-001" Error "the ledger does not balance" {
        meaning: "At one stage not everything that came in is accounted for. This is a bug in Arachne, never in the file.",
        cause: "A mistake in the program.",
        action: "Please report it with the line of --stats, and with the file where that is possible.",
        since: "0.1.0",
    }
    READ_MAIN_002 "READ-MAIN-002" Error "the output cannot be written" {
        meaning: "The system refused to take the output. What was written before is complete to the last line.",
        cause: "A full disk, a missing folder or missing rights; `error` says which. A closed pipe is no error.",
        action: "Make room or choose another place, and run again.",
        since: "0.1.0",
    }
    READ_MAIN_003 "READ-MAIN-003" Info "interrupted, what is open is shown as it is" {
        meaning: "The run was asked to stop. Everything read until then is in the output; what had no end has the note incomplete.",
        cause: "Ctrl-C, or SIGTERM. A second one ends the process at once.",
        action: "Nothing.",
        since: "0.1.0",
    }
    READ_NET_001 "READ-NET-001" Warn "packets of a link type that is not read" {
        meaning: "The packets were counted as dropped: how they are framed is known to exist, but is not read.",
        cause: "A capture of an unusual interface: Wi-Fi in monitor mode, Bluetooth, USB.",
        action: "Record on an IP interface, or with the pseudo-device any.",
        since: "0.1.0",
    }
    READ_NET_002 "READ-NET-002" Warn "packets were cut by the snap length" {
        meaning: "Bytes at the end of packets are not in the file. Exchanges with them have the note truncated.",
        cause: "The capture ran with a snap length (tcpdump -s) below the packet size.",
        action: "Record with -s 0, so that whole packets are kept.",
        since: "0.1.0",
    }
    READ_NET_003 "READ-NET-003" Info "packets were captured twice" {
        meaning: "Equal packets came within milliseconds. The second ones were counted as dropped{duplicate}.",
        cause: "A mirror port for both directions, or a capture on several interfaces of one path.",
        action: "Nothing. Capture on one interface to save room.",
        since: "0.1.0",
    }
    READ_TCP_001 "READ-TCP-001" Info "all checksums of one side are wrong, offload is assumed" {
        meaning: "The side never sends a right TCP checksum, so it was recorded before the network card made it. It is not checked.",
        cause: "Checksum offload on the host where the capture ran.",
        action: "Nothing.",
        since: "0.1.0",
    }
    READ_TCP_002 "READ-TCP-002" Warn "bytes are missing in the capture" {
        meaning: "Bytes were acknowledged, or followed by others, and are not in the file: the capture lost them. Exchanges with them have the note gap.",
        cause: "The capturing host was too slow, a mirror port was overloaded, or the path is asymmetric.",
        action: "Give the capture a larger buffer (tcpdump -B), write to a faster disk, or filter while capturing.",
        since: "0.1.0",
    }
}
