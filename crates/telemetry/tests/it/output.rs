//! What a reader of the log sees.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use arachne_telemetry::{Flood, Format, InitError, LogLayer, Verbosity, chain, codes, count_of, counts, emit, init};

/// An output that can be read afterwards.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What `events` writes.
fn written(format: Format, verbosity: Verbosity, events: impl FnOnce()) -> String {
    let out = Shared::default();
    LogLayer::new(out.clone(), format, verbosity, Flood::Limited).scope(events);
    String::from_utf8(out.0.lock().unwrap().clone()).unwrap()
}

#[test]
fn a_line_for_people() {
    let line = written(Format::Text, Verbosity::Normal, || {
        emit!(codes::READ_NET_002, packets = 3_u64, file = "x");
    });
    assert_eq!(line, "warning: packets were cut by the snap length  code=READ-NET-002 packets=3 file=x\n");
}

#[test]
fn a_line_without_fields() {
    let line = written(Format::Text, Verbosity::Normal, || emit!(codes::READ_NET_003));
    assert_eq!(line, "info: packets were captured twice  code=READ-NET-003\n");
}

#[test]
fn a_line_as_json() {
    let line = written(Format::Json, Verbosity::Normal, || {
        emit!(
            codes::READ_FILE_001,
            file = "a \x1b[31m\u{202e}b",
            offset = 7_u64,
            delta = -1,
            ratio = f64::NAN,
            last = true
        );
    });
    assert!(!line.contains(['\x1b', '\u{202e}']));
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(value["level"], "error");
    assert_eq!(value["code"], "READ-FILE-001");
    assert_eq!(value["message"], "the file is damaged");
    assert_eq!(value["fields"]["file"], "a \x1b[31m\u{202e}b");
    assert_eq!(value["fields"]["offset"], 7);
    assert_eq!(value["fields"]["delta"], -1);
    assert_eq!(value["fields"]["ratio"], "NaN");
    assert_eq!(value["fields"]["last"], true);
    assert_eq!(value["time"].as_str().unwrap().len(), "2026-11-21T10:02:11.304000000Z".len());
}

#[test]
fn captured_text_cannot_forge_a_line_or_command_a_terminal() {
    let file = "a\nerror: forged  code=READ-MAIN-001\x1b]0;title\x07";
    let line = written(Format::Text, Verbosity::Normal, || emit!(codes::READ_FILE_002, file = file, other = ?file));
    assert_eq!(line.lines().count(), 1);
    assert!(!line.trim_end().contains(char::is_control));
}

#[test]
fn errors_are_told_with_their_sources() {
    #[derive(Debug)]
    struct Outer(io::Error);
    impl std::fmt::Display for Outer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("opening the capture")
        }
    }
    impl std::error::Error for Outer {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }
    let error = Outer(io::Error::other("no such disk"));
    let line = written(Format::Text, Verbosity::Quiet, || emit!(codes::READ_FILE_003, error = %chain(&error)));
    assert_eq!(
        line,
        "error: the file cannot be read  code=READ-FILE-003 error=\"opening the capture: no such disk\"\n"
    );
}

#[test]
fn verbosity_chooses_lines_and_never_counts() {
    let events = || {
        emit!(codes::READ_TCP_001);
        emit!(codes::READ_TCP_002, bytes = 1_u64);
        emit!(codes::READ_MAIN_001);
        tracing::warn!("a library says something");
        tracing::debug!("for developers");
        tracing::trace!("for few");
    };
    let before = count_of(&codes::READ_TCP_002);
    for (verbosity, lines) in [
        (Verbosity::Quiet, 1),
        (Verbosity::Warnings, 2),
        (Verbosity::Normal, 3),
        (Verbosity::Debug, 5),
        (Verbosity::Trace, 6),
    ] {
        assert_eq!(written(Format::Text, verbosity, events).lines().count(), lines, "{verbosity:?}");
    }
    assert_eq!(count_of(&codes::READ_TCP_002), before + 5);
    assert!(counts()["READ-TCP-002"] >= 5);
    assert!(count_of(&codes::READ_TCP_001) >= 5 && !counts().contains_key("READ-TCP-001"), "from warn up");
}

#[test]
fn an_event_without_a_code_names_its_source() {
    let line = written(Format::Text, Verbosity::Debug, || tracing::warn!(left = 2, "a library says {}", "something"));
    assert_eq!(line, "warning: a library says something  left=2 target=it::output\n");
}

#[test]
fn levels_have_the_same_names_with_and_without_a_code() {
    let lines = written(Format::Json, Verbosity::Trace, || {
        emit!(codes::READ_NET_001);
        tracing::warn!("w");
        tracing::trace!("t");
    });
    let levels: Vec<_> =
        lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["level"].clone()).collect();
    assert_eq!(levels, ["warn", "warn", "trace"]);
}

#[test]
fn a_process_has_one_log_output() {
    let guard = init(Format::Text, Verbosity::Quiet, Flood::Limited).unwrap();
    assert_eq!(init(Format::Json, Verbosity::Trace, Flood::Limited).err(), Some(InitError));
    drop(guard);
}

#[test]
fn a_flood_is_cut_and_told_but_counted_in_full() {
    let text = written(Format::Text, Verbosity::Normal, || {
        for packet in 0..1000_u64 {
            emit!(codes::READ_LIMIT_001, packet);
        }
    });
    assert_eq!(count_of(&codes::READ_LIMIT_001), 1000);
    let told: u64 = text.lines().filter_map(|line| line.split_once("suppressed=")?.1.parse::<u64>().ok()).sum();
    let shown = text.lines().filter(|line| line.starts_with("warning: a memory limit was reached")).count() as u64;
    assert_eq!(told + shown, 1000);
    // A slow machine may see more than one second pass.
    assert!((10..100).contains(&shown), "{shown}");
    assert!(text.ends_with("\n"));
}

#[test]
fn a_command_that_ends_says_everything() {
    let out = Shared::default();
    LogLayer::new(out.clone(), Format::Text, Verbosity::Normal, Flood::Unlimited).scope(|| {
        (0..100_u64).for_each(|blocks| emit!(codes::READ_FILE_005, blocks));
    });
    assert_eq!(String::from_utf8(out.0.lock().unwrap().clone()).unwrap().lines().count(), 100);
}

#[test]
fn a_closed_output_is_no_error() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }
    LogLayer::new(Closed, Format::Text, Verbosity::Normal, Flood::Limited).scope(|| emit!(codes::READ_FILE_004));
}
