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
    AGENT_CAPTURE_001 "AGENT-CAPTURE-001" Info "packets are captured" {
        meaning: "The capture process has opened its sockets, has given up its rights and reads packets.",
        cause: "The agent was started, was told to capture, or its capture process was started again.",
        action: "Nothing.",
        since: "0.3.0",
    }
    AGENT_CAPTURE_002 "AGENT-CAPTURE-002" Error "nothing can be captured" {
        meaning: "The capture process could not start; `error` says why. It is tried again.",
        cause: "The right to capture is missing, a file to read is not there, or there is no memory for the ring.",
        action: "Do what `error` asks for.",
        since: "0.3.0",
    }
    AGENT_CAPTURE_003 "AGENT-CAPTURE-003" Error "the capture process ended and is started again" {
        meaning: "It died or hung. What it had not handed over is lost; the time is marked as unaccounted in the capture quality.",
        cause: "It was killed, by somebody or for lack of memory, or it has a bug; `error` holds what is known.",
        action: "Look for a kill in the log of the kernel. Report it with the lines before when there is none.",
        since: "0.3.0",
    }
    AGENT_COLLECT_001 "AGENT-COLLECT-001" Warn "the collector process ended and is started again" {
        meaning: "Nothing is collected until it runs again; `error` says why it ended. No line of a log is lost by it: reading goes on where it was.",
        cause: "A configuration that it cannot follow, a limit on memory or processes, or a mistake in the agent.",
        action: "See to what `error` says. Report it when it comes back.",
        since: "0.4.0",
    }
    AGENT_CONFIG_001 "AGENT-CONFIG-001" Warn "a configuration is not used" {
        meaning: "The server sent configuration `version`, which is not sound; the last good one stays in force.",
        cause: "A filter that cannot be read, limits that do not fit together, or an option that this version does not have.",
        action: "Correct it at the server; `error` says what is wrong.",
        since: "0.3.0",
    }
    AGENT_CONFIG_002 "AGENT-CONFIG-002" Info "a configuration is in force" {
        meaning: "Configuration `version` is used from now on. No packet was lost by the change.",
        cause: "Somebody configured the agent at its server.",
        action: "Nothing.",
        since: "0.3.0",
    }
    AGENT_CONFIG_003 "AGENT-CONFIG-003" Warn "a configuration has settings that this agent does not know" {
        meaning: "Configuration `version` is used without `settings`; all else of it is in force.",
        cause: "The server is newer than the agent.",
        action: "Update the agent where these settings matter.",
        since: "0.4.0",
    }
    AGENT_CONFIG_004 "AGENT-CONFIG-004" Error "what was kept of the configuration is damaged" {
        meaning: "It is not known what may be captured, so nothing is, until the server tells the configuration anew.",
        cause: "A failing disk, or somebody changed the file.",
        action: "See to the disk. Nothing after that, once the server is reached.",
        since: "0.4.0",
    }
    AGENT_LOAD_001 "AGENT-LOAD-001" Warn "the agent gives way under load" {
        meaning: "More comes than may be kept; `level` says what is left out from now on, in this order: body_bytes, bodies, large_flows, new_flows. Everything that is left out is counted.",
        cause: "A spike, a limit on CPU or megabytes that is too low, or a spool or server that is too slow.",
        action: "Nothing for a spike. Else raise the limits, use a narrower filter, or save no bodies.",
        since: "0.3.0",
    }
    AGENT_LOAD_002 "AGENT-LOAD-002" Info "the agent keeps everything again" {
        meaning: "The load is over; nothing is left out any more.",
        cause: "The spike has passed, or a limit was raised.",
        action: "Nothing.",
        since: "0.3.0",
    }
    AGENT_LOGS_001 "AGENT-LOGS-001" Warn "it is not known how far logs were read" {
        meaning: "The file that keeps it is damaged: `error` says how. The one before it is used, so some lines count twice; without one, logs are read from their end.",
        cause: "A failing disk, or somebody changed the file.",
        action: "See to the disk. Nothing after that.",
        since: "0.4.0",
    }
    AGENT_MAIN_001 "AGENT-MAIN-001" Error "the agent does not start" {
        meaning: "Nothing is captured and nothing delivered; `error` says why.",
        cause: "A wrong command line, a key that cannot be read, or a spool that cannot be opened.",
        action: "Do what `error` asks for.",
        since: "0.3.0",
    }
    AGENT_MAIN_002 "AGENT-MAIN-002" Info "the agent runs" {
        meaning: "The supervisor has started.",
        cause: "Somebody started it.",
        action: "Nothing.",
        since: "0.3.0",
    }
    AGENT_MAIN_003 "AGENT-MAIN-003" Info "the agent ends" {
        meaning: "It was asked to end. What was captured is spooled or delivered: `waiting` batches are delivered after the next start.",
        cause: "SIGTERM or Ctrl-C.",
        action: "Nothing.",
        since: "0.3.0",
    }
    AGENT_NET_001 "AGENT-NET-001" Warn "the server cannot be reached" {
        meaning: "Status or batches do not get through; batches wait in the spool, and are delivered later.",
        cause: "The server is down, the network is cut, the address is wrong, or the certificate or key is not the right one; `error` says which.",
        action: "See that the server runs and that `error` goes away. The key is refused after it was revoked: add the agent again.",
        since: "0.3.0",
    }
    AGENT_NET_002 "AGENT-NET-002" Info "the server is reached" {
        meaning: "The server answers.",
        cause: "The first contact, or one after a while without.",
        action: "Nothing.",
        since: "0.3.0",
    }
    AGENT_NET_003 "AGENT-NET-003" Warn "the server takes no batches, the circuit breaker is open" {
        meaning: "Three batches failed one after the other, or one was waited for in vain. What is captured waits in the spool; now and then one batch tries whether the server is back.",
        cause: "The server is down or has no room, the network is cut, or the key was refused; `error` says which.",
        action: "See that the server runs and that `error` goes away. Nothing is lost until the spool is full.",
        since: "0.3.0",
    }
    AGENT_NET_004 "AGENT-NET-004" Info "the server takes batches again, the circuit breaker is closed" {
        meaning: "A batch was taken; what waits in the spool follows.",
        cause: "The server or the network is back.",
        action: "Nothing.",
        since: "0.3.0",
    }
    AGENT_SPOOL_001 "AGENT-SPOOL-001" Warn "the spool is full, the oldest records are dropped" {
        meaning: "So many `records` were dropped since the last line for lack of room, oldest first by class: packets and bodies, then exchanges and sessions, then what tells of the rest.",
        cause: "The server was away for longer than the spool lasts, or takes less than is captured.",
        action: "Raise limits.spool_bytes, save less, or bring the server back.",
        since: "0.3.0",
    }
    AGENT_SPOOL_002 "AGENT-SPOOL-002" Error "the spool cannot be written" {
        meaning: "The disk does not take what was captured; it is held in memory up to a limit, then dropped and counted.",
        cause: "A full or failing disk, or missing rights; `error` says which.",
        action: "Make room, or see to the disk.",
        since: "0.3.0",
    }
    AGENT_SPOOL_003 "AGENT-SPOOL-003" Error "the server refuses a batch" {
        meaning: "The batch `sequence` is set aside in refused.spool and its records are counted as refused; `error` is what the server says. All others are delivered.",
        cause: "A mistake of this program or of the server.",
        action: "Report it with what `error` says.",
        since: "0.3.0",
    }
    AGENT_SPOOL_004 "AGENT-SPOOL-004" Warn "the spool is damaged" {
        meaning: "Some bytes of it are skipped: `damage` says where and what, `records` how many records are lost, as far as that can be read. The rest is delivered.",
        cause: "A machine that stopped in the middle of a write, or a failing disk.",
        action: "Nothing after a power cut. Else see to the disk.",
        since: "0.3.0",
    }
    ASK_MAIN_001 "ASK-MAIN-001" Error "the question cannot be answered" {
        meaning: "A store was asked by query, sql or export, and gave no answer, or only the part that was printed.",
        cause: "A question that is not in order, a data folder that cannot be opened, or a server that does not answer; `error` says which.",
        action: "Put the question right, or see that the folder can be read. `arachne query --help` tells what may be asked.",
        since: "0.2.0",
    }
    IMPORT_FILE_001 "IMPORT-FILE-001" Info "already imported" {
        meaning: "The same content was imported before with the same options. Nothing was done.",
        cause: "The file, or a copy of it under another name, was given again.",
        action: "Nothing.",
        since: "0.1.0",
    }
    IMPORT_FILE_002 "IMPORT-FILE-002" Error "imported before with other options" {
        meaning: "The same content is in the store with the options in `existing`. Nothing was changed.",
        cause: "Another choice of what is kept, another name or tag, or another version of the program.",
        action: "Repeat with --replace to put the new rows in the place of the old ones, or leave it as it is.",
        since: "0.1.0",
    }
    IMPORT_MAIN_001 "IMPORT-MAIN-001" Error "the filter cannot be read" {
        meaning: "The text of --keep is no filter; `at` tells which bytes of it, `error` what is wrong.",
        cause: "A typing error, a field that does not exist, or a number without its unit.",
        action: "Correct the filter; docs/filter.md describes the language.",
        since: "0.1.0",
    }
    IMPORT_MAIN_002 "IMPORT-MAIN-002" Warn "interrupted, the import is not whole" {
        meaning: "The run was asked to stop. Batches that were committed stay; the last source does not count as imported.",
        cause: "Ctrl-C, or SIGTERM. A second one ends the process at once.",
        action: "Run the same command again: it goes on without duplicates.",
        since: "0.1.0",
    }
    IMPORT_STORE_001 "IMPORT-STORE-001" Error "the store does not open" {
        meaning: "The folder, the store in it, or its key cannot be used. Nothing was imported.",
        cause: "Missing rights, another process that holds the folder, a newer format, or a damaged key; `error` says which.",
        action: "Do what `error` asks for, or choose another folder with --data.",
        since: "0.1.0",
    }
    IMPORT_STORE_002 "IMPORT-STORE-002" Error "the store takes no rows" {
        meaning: "Rows could not be written. What was committed before stays; the source does not count as imported.",
        cause: "A full disk, a quota, or a failing disk; `error` says which.",
        action: "Make room and run the same command again: it goes on without duplicates.",
        since: "0.1.0",
    }
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
    READ_FILE_008 "READ-FILE-008" Info "batches of a spool were left out" {
        meaning: "The agent had delivered them to this store before; each row is there once.",
        cause: "The spool file is of an agent that reached its server for a part of the time.",
        action: "Nothing.",
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
    SERVER_AGENT_001 "SERVER-AGENT-001" Warn "how an agent was cannot be written" {
        meaning: "The history of the states of `agent` is in memory alone until it can be written; it is tried again. Nothing that agents deliver is touched.",
        cause: "A full or failing disk, or missing rights in the data folder.",
        action: "Look at `error` and remove the cause.",
        since: "0.3.0",
    }
    SERVER_AGENT_002 "SERVER-AGENT-002" Warn "how an agent was cannot be read" {
        meaning: "The history of states in `file` begins anew. Nothing that agents delivered is touched.",
        cause: "A failing disk, or an edit by hand.",
        action: "Nothing; the file is replaced.",
        since: "0.3.0",
    }
    SERVER_AGENT_003 "SERVER-AGENT-003" Info "an agent was added" {
        meaning: "The agent `agent` was added by `by`; its key was shown once.",
        cause: "A request, or `arachne agents add`.",
        action: "Nothing; revoke the agent when nobody should have done this.",
        since: "0.3.0",
    }
    SERVER_AGENT_004 "SERVER-AGENT-004" Info "an agent was revoked" {
        meaning: "The key of `agent` was revoked by `by`: what it sends is refused from now on.",
        cause: "A request, or `arachne agents revoke`.",
        action: "Nothing; add the agent again to give it a new key.",
        since: "0.3.0",
    }
    SERVER_AGENT_005 "SERVER-AGENT-005" Info "the configuration of an agent was changed" {
        meaning: "The agent `agent` is to do something else, by `by`: its configuration has `version` now.",
        cause: "A request.",
        action: "Nothing.",
        since: "0.3.0",
    }
    SERVER_AGENT_006 "SERVER-AGENT-006" Warn "the agent of this machine ended and is started again" {
        meaning: "The process that `arachne serve` starts for the section `agent:` has ended; `why` says how. It is started again after `again_after_s` seconds. Nothing that it had spooled is lost.",
        cause: "A mistake of the program, or somebody who ended the process.",
        action: "Look at what the agent said last.",
        since: "0.3.0",
    }
    SERVER_AGENT_007 "SERVER-AGENT-007" Warn "the agent of this machine is not started" {
        meaning: "What the section `agent:` asks for cannot be; `error` says why. The server answers without its own agent.",
        cause: "A name that an agent of another host has, something that no agent can do, or a data folder that cannot be written.",
        action: "Put the section right: the file is watched, and the agent is started then.",
        since: "0.3.0",
    }
    SERVER_AUTH_001 "SERVER-AUTH-001" Warn "the file of tokens was changed and cannot be used" {
        meaning: "The tokens from before the change stay valid until the file is in order; `error` says what is wrong with it.",
        cause: "A mistake while editing auth.json, or missing rights.",
        action: "Put the file right. A token is revoked only when the file can be read.",
        since: "0.1.0",
    }
    SERVER_CONFIG_001 "SERVER-CONFIG-001" Info "the configuration was changed" {
        meaning: "What `file` says is in force; `changed` names the sections that are other ones than before.",
        cause: "The file was edited, or SIGHUP was sent.",
        action: "Nothing.",
        since: "0.2.0",
    }
    SERVER_CONFIG_002 "SERVER-CONFIG-002" Warn "the configuration on disk is not in force" {
        meaning: "The change of `file` was refused, and `error` says why. What was in force before stays, all of it.",
        cause: "A mistake in the file, an address or a certificate that cannot be used, or a change that needs a start.",
        action: "Put right what `error` names; the file is looked at every two seconds. arachne check tells the same before.",
        since: "0.2.0",
    }
    SERVER_IMPORT_001 "SERVER-IMPORT-001" Error "an uploaded capture was not imported" {
        meaning: "The import failed in the server, not for what the capture holds; `error` says where. What was committed before stays.",
        cause: "A full or failing disk, or missing rights in the data folder.",
        action: "Remove the cause and upload the capture again; what is there already is recognised.",
        since: "0.1.0",
    }
    SERVER_MAIN_001 "SERVER-MAIN-001" Info "the server listens" {
        meaning: "Requests are answered at `address`.",
        cause: "A start.",
        action: "Nothing.",
        since: "0.1.0",
    }
    SERVER_MAIN_002 "SERVER-MAIN-002" Error "a request failed in the server" {
        meaning: "The client got an answer with status 500; `error` says what failed.",
        cause: "A failing disk or missing rights in the data folder; else a mistake in the program.",
        action: "Look at `error`. Please report it where it is not the machine.",
        since: "0.1.0",
    }
    SERVER_MAIN_003 "SERVER-MAIN-003" Error "the work of a request ended in a panic" {
        meaning: "One request got an answer with status 500, all others go on. This is a bug in Arachne.",
        cause: "A mistake in the program.",
        action: "Please report it with the request.",
        since: "0.1.0",
    }
    SERVER_MAIN_004 "SERVER-MAIN-004" Error "the server does not start" {
        meaning: "Nothing is served and nothing was changed.",
        cause: "A data folder that cannot be opened or is in use, or an address that is taken or not allowed; `error` says which.",
        action: "Put right what `error` names. --listen takes another address, --data another folder.",
        since: "0.2.0",
    }
    SERVER_NET_001 "SERVER-NET-001" Warn "a connection could not be taken" {
        meaning: "The system refused to hand a new connection over; `error` says why. Those that are open go on.",
        cause: "Too many open files.",
        action: "Raise the limit of open files (ulimit -n), or find who opens so many connections.",
        since: "0.1.0",
    }
    SERVER_PATHS_001 "SERVER-PATHS-001" Info "paths were learned" {
        meaning: "Behind each of `positions` stand so many different words that they are names: from now on they are `{word}` in templates of paths, of captured exchanges and of logs alike. Agents are told; rows have the `version` as `url.template.rules`, times 256.",
        cause: "More than 200 different words at one position of paths.",
        action: "Nothing. GET /api/v1/paths tells all that is in force.",
        since: "0.3.0",
    }
    SERVER_PATHS_002 "SERVER-PATHS-002" Warn "what is known about paths cannot be read or kept" {
        meaning: "The `file` with what was learned about paths is damaged, or cannot be written; `error` says why. What was in force stays until a restart; after one it is learned anew, and templates of both times differ.",
        cause: "A full or failing disk, or an edit by hand.",
        action: "Put right what `error` names; a damaged file may be removed.",
        since: "0.3.0",
    }
    SERVER_PATHS_003 "SERVER-PATHS-003" Info "the rules for paths are others" {
        meaning: "The section `paths` of arachne.yml has other `rules` than before. Agents are told; rows have the `version` as `url.template.rules`, times 256.",
        cause: "The file was changed, or the server was started with another one.",
        action: "Nothing. POST /api/v1/paths/apply makes templates of stored exchanges anew.",
        since: "0.3.0",
    }
    SERVER_SAVED_001 "SERVER-SAVED-001" Error "something saved is damaged" {
        meaning: "A saved view, a short link, a mark or somebody's preferences in `file` is not as it was written, and is not served.",
        cause: "A failing disk, or an edit by hand.",
        action: "Save it again, which replaces the file, or remove the file.",
        since: "0.2.0",
    }
    SERVER_STORE_001 "SERVER-STORE-001" Error "the store could not answer" {
        meaning: "Reading or writing failed below a request; `error` holds the file and the reason, which the client is not told.",
        cause: "A full or failing disk, or a damaged file.",
        action: "Look at `error`; GET /api/v1/store tells what is damaged.",
        since: "0.1.0",
    }
    SERVER_STORE_002 "SERVER-STORE-002" Error "the store cannot write what it was given" {
        meaning: "What was delivered is durable in the log of the store and is answered, but cannot be written as parts; `error` holds the file and the reason. It is tried again every 5 s; when too much waits, deliveries are refused (problem `unwritable`) and agents keep them.",
        cause: "A disk without room or inodes, a failing disk, or a folder of the store whose rights or kind were changed.",
        action: "Put right what `error` names; SERVER-STORE-003 follows without a restart. `arachne_store_failing` of /metrics is 1 until then.",
        since: "0.1.0",
    }
    SERVER_STORE_003 "SERVER-STORE-003" Info "the store writes again" {
        meaning: "What waited was written; deliveries are taken.",
        cause: "The reason of SERVER-STORE-002 is gone.",
        action: "Nothing.",
        since: "0.1.0",
    }
    SERVER_TLS_001 "SERVER-TLS-001" Info "the certificate was changed" {
        meaning: "Connections from now on get the certificate in `file`, whose key has the pin `pin`; those that are open go on.",
        cause: "The files were replaced.",
        action: "Nothing; where the pin is another one, agents that were given the old one have to be told.",
        since: "0.2.0",
    }
    SERVER_TLS_002 "SERVER-TLS-002" Warn "a changed certificate cannot be used" {
        meaning: "The files of the certificate were changed, and `error` says what is wrong with them. The certificate from before stays in use.",
        cause: "A certificate with the key of another one, one that has ended, a chain in the wrong order, no PEM, or missing rights.",
        action: "Put the files right; they are looked at every two seconds.",
        since: "0.2.0",
    }
    SERVER_TLS_003 "SERVER-TLS-003" Warn "the certificate is not valid now" {
        meaning: "Clients that look at the date refuse the server; those that were given its pin do not.",
        cause: "A certificate that was not renewed, or a wrong clock.",
        action: "Renew the certificate in `file`; it counts without a restart.",
        since: "0.2.0",
    }
}
