//! Lines that belong to the line before: stack traces of Java, C#, Go, PHP, Python.
//!
//! A line continues an event when it is indented or starts as the later lines of traces do; once a log has shown that its
//! records start with a time, whatever does not start so continues the record before.

/// Longer events are cut here; the lines that are left out are counted.
pub const EVENT_BYTES_MAX: usize = 64 << 10;
/// Records that must start with a time before all are expected to.
const TIMED_MIN: u32 = 2;
/// A time stands within so many bytes from the start.
const TIME_WITHIN: usize = 48;
/// Starts of lines that are never the first of an event.
const CONTINUES: &[&str] = &[
    "Caused by:",
    "Suppressed:",
    "Traceback (most",
    "at ",
    "... ",
    "---> ",
    "--- ",
    "goroutine ",
    "panic(",
    "created by ",
    "[signal ",
    "exit status ",
    "[stacktrace]",
    "[previous exception]",
    "Stack trace:",
    "==================",
    "Previous write at",
    "Goroutine ",
    "\"}",
    "}",
];

/// One line, or several that belong together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// The lines with line feeds between them.
    pub text: Vec<u8>,
    /// How many lines it has, those left out included.
    pub lines: u64,
    /// Lines that were left out, in whole or in part.
    pub cut: u64,
}

/// Joins lines to events.
#[derive(Clone, Debug, Default)]
pub struct Joiner {
    held: Option<Event>,
    timed: u32,
    /// Within a Go panic, whose lines are of no other shape than code.
    in_panic: bool,
}

impl Joiner {
    /// Adds a line without its line feed; the event that is complete with it, which is the one before.
    pub fn push(&mut self, line: &[u8]) -> Option<Event> {
        let starts_timed = has_time(line);
        let continues = !starts_timed && self.held.is_some() && self.continues(line);
        self.timed = self.timed.saturating_add(u32::from(starts_timed)).min(TIMED_MIN);
        if continues {
            self.in_panic |= line.starts_with(b"goroutine ");
            if let Some(held) = &mut self.held {
                append(held, line);
            }
            return None;
        }
        self.in_panic = line.starts_with(b"panic:") || line.starts_with(b"fatal error:");
        let mut event = Event::default();
        append(&mut event, line);
        self.held.replace(event)
    }

    /// The event that is held: at the end of a log, or when nothing came for a while.
    pub fn flush(&mut self) -> Option<Event> {
        self.in_panic = false;
        self.held.take()
    }

    fn continues(&self, line: &[u8]) -> bool {
        let first = line.first();
        let starts_panic = line.starts_with(b"panic:") || line.starts_with(b"fatal error:");
        matches!(line, [] | [b' ' | b'\t', ..] | [b'#', b'0'..=b'9', ..])
            || CONTINUES.iter().any(|start| line.starts_with(start.as_bytes()))
            || self.in_panic && !starts_panic
            || self.timed >= TIMED_MIN && first != Some(&b'{')
    }
}

fn append(event: &mut Event, line: &[u8]) {
    event.lines += 1;
    if event.lines > 1 && event.text.len() < EVENT_BYTES_MAX {
        event.text.push(b'\n');
    }
    let room = EVENT_BYTES_MAX.saturating_sub(event.text.len());
    event.text.extend_from_slice(&line[..line.len().min(room)]);
    event.cut += u64::from(line.len() > room);
}

/// Whether a time of day stands at the start of a line: `15:12:00`.
fn has_time(line: &[u8]) -> bool {
    let line = &line[..line.len().min(TIME_WITHIN)];
    let starts =
        line.first().is_some_and(|b| b.is_ascii_digit() || matches!(b, b'[' | b'"') || b.is_ascii_alphabetic());
    starts
        && line.windows(8).any(|w| {
            matches!(w, [a, b, b':', c, d, b':', e, f] if [a, b, c, d, e, f].into_iter().all(|b| b.is_ascii_digit()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(lines: &[&str]) -> Vec<u64> {
        let mut joiner = Joiner::default();
        let mut events: Vec<_> = lines.iter().filter_map(|line| joiner.push(line.as_bytes())).collect();
        events.extend(joiner.flush());
        events.iter().map(|event| event.lines).collect()
    }

    #[test]
    fn traces_are_one_event() {
        let java = [
            "Exception in thread \"main\" java.lang.X: y",
            "\tat a.B.c(B.java:1)",
            "Caused by: z",
            "\t... 3 more",
            "other",
        ];
        assert_eq!(events(&java), [4, 1]);
        let go =
            ["panic: x", "", "goroutine 1 [running]:", "main.main()", "\t/a.go:3 +0x1", "exit status 2", "panic: y"];
        assert_eq!(events(&go), [6, 1]);
        let python = [
            "10:00:00 a",
            "10:00:01 b",
            "Traceback (most recent call last):",
            "  File \"x\"",
            "ValueError: bad id",
            "10:00:02 c",
        ];
        assert_eq!(events(&python), [1, 4, 1]);
    }

    #[test]
    fn long_events_are_cut_and_counted() {
        let mut joiner = Joiner::default();
        joiner.push(b"Exception");
        for _ in 0..20_000 {
            assert_eq!(joiner.push(b"\tat some.Class.method(File.java:1)"), None);
        }
        let event = joiner.flush().expect("it is held");
        assert!(event.text.len() <= EVENT_BYTES_MAX && event.cut > 15_000, "{}", event.cut);
        assert_eq!(event.lines, 20_001);
    }
}
