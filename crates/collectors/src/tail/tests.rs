//! Everything that happens to files, and that each line comes once.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::{Positions, Tailer};

/// A folder with a log, a tailer, and what it gave.
struct Desk {
    folder: tempfile::TempDir,
    pattern: String,
    tailer: Tailer,
    lines: Vec<String>,
    cut: usize,
}

fn unix_now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH).expect("after 1970");
    i64::try_from(now.as_nanos()).expect("before 2262")
}

impl Desk {
    fn new(glob: bool) -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let pattern = folder.path().join(if glob { "app.log*" } else { "app.log" }).display().to_string();
        let tailer = Tailer::new(&pattern, &Positions::default());
        let mut desk = Self { folder, pattern, tailer, lines: Vec::new(), cut: 0 };
        desk.poll();
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn append(&self, name: &str, text: impl AsRef<[u8]>) {
        let file = OpenOptions::new().append(true).create(true).open(self.path(name));
        file.and_then(|mut file| file.write_all(text.as_ref())).expect("writable");
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).expect("there");
    }

    fn poll(&mut self) {
        let (lines, cut) = (&mut self.lines, &mut self.cut);
        let mut take = |line: super::Line<'_>| {
            *cut += usize::from(line.cut);
            lines.push(String::from_utf8_lossy(&line.bytes[..line.bytes.len().min(99)]).into_owned());
        };
        while self.tailer.poll(unix_now(), 1 << 20, &|_, _| false, &mut take) > 0 {}
    }

    /// Ends the tailer as kill -9 does, and starts another where `positions` say.
    fn restart(&mut self) {
        let positions = Positions {
            patterns: vec![self.pattern.clone()],
            files: self.tailer.positions(&BTreeMap::new()),
            looked: self.tailer.looked_at(),
        };
        let positions = Positions::from_bytes(&positions.to_bytes()).expect("as written");
        self.tailer = Tailer::new(&self.pattern, &positions);
    }

    fn expect(&mut self, lines: &[&str]) {
        self.poll();
        assert_eq!(self.lines, lines);
    }
}

#[test]
fn a_rotated_file_is_read_on_and_before_the_new_one() {
    for glob in [false, true] {
        let mut desk = Desk::new(glob);
        desk.append("app.log", "a1\na2\n");
        desk.poll();
        desk.rename("app.log", "app.log.1");
        desk.append("app.log.1", "a3\n");
        desk.append("app.log", "b1\n");
        desk.expect(&["a1", "a2", "a3", "b1"]);
        desk.append("app.log.1", "a4\n");
        desk.expect(&["a1", "a2", "a3", "b1", "a4"]);
        assert_eq!(desk.tailer.happened().rotated, 1);
    }
}

#[test]
fn what_was_rotated_twice_between_two_looks_or_while_nobody_looked_is_read() {
    for glob in [false, true] {
        for restart in [false, true] {
            let mut desk = Desk::new(glob);
            desk.append("app.log", "a1\n");
            desk.poll();
            if restart {
                desk.restart();
            }
            desk.append("app.log", "a2\n");
            desk.rename("app.log", "app.log.1");
            desk.append("app.log", "b1\n");
            desk.rename("app.log.1", "app.log.2");
            desk.rename("app.log", "app.log.1");
            desk.append("app.log", "c1\n");
            desk.poll();
            desk.lines.sort();
            assert_eq!(desk.lines, ["a1", "a2", "b1", "c1"], "glob {glob}, restart {restart}");
        }
    }
}

#[test]
fn copied_and_emptied() {
    for glob in [false, true] {
        for look_between in [false, true] {
            let mut desk = Desk::new(glob);
            desk.append("app.log", "a1\na2\n");
            desk.poll();
            desk.append("app.log", "a3 not read before the copy\n");
            fs::copy(desk.path("app.log"), desk.path("app.log.1")).expect("room");
            if look_between {
                desk.poll();
            }
            OpenOptions::new().write(true).truncate(true).open(desk.path("app.log")).expect("there");
            desk.append("app.log", "b1\n");
            desk.expect(&["a1", "a2", "a3 not read before the copy", "b1"]);
            desk.append("app.log", "b2\n");
            desk.expect(&["a1", "a2", "a3 not read before the copy", "b1", "b2"]);
        }
    }
}

#[test]
fn emptied_and_regrown_beyond_the_old_place() {
    let mut desk = Desk::new(false);
    desk.append("app.log", "x1\nx2\n");
    desk.poll();
    fs::write(desk.path("app.log"), "yyyyyyyyy1\nyyyyyyyyy2\n").expect("writable");
    desk.expect(&["x1", "x2", "yyyyyyyyy1", "yyyyyyyyy2"]);
    fs::write(desk.path("app.log"), "zzzzzzzzz1\nzzzzzzzzz2\n").expect("writable");
    desk.restart();
    desk.expect(&["x1", "x2", "yyyyyyyyy1", "yyyyyyyyy2", "zzzzzzzzz1", "zzzzzzzzz2"]);
}

#[test]
fn deleted_and_made_anew_also_while_nobody_looks() {
    for restart in [false, true] {
        let mut desk = Desk::new(false);
        desk.append("app.log", "a1\n");
        desk.poll();
        if restart {
            desk.restart();
        }
        fs::remove_file(desk.path("app.log")).expect("there");
        desk.append("app.log", "b1 longer than before\n");
        desk.expect(&["a1", "b1 longer than before"]);
    }
}

/// The number of a file is given to the next one as soon as nobody has it open: only its bytes tell.
#[test]
fn a_number_that_is_given_again_is_another_file() {
    use std::os::unix::fs::MetadataExt as _;
    for new in ["b1\nb2\n", "b\n", "b1 longer\nb2\n", "a1\nb2\n", ""] {
        let mut desk = Desk::new(false);
        desk.append("app.log", "a1\na2\n");
        desk.poll();
        desk.restart();
        let number = |desk: &Desk| fs::metadata(desk.path("app.log")).expect("there").ino();
        let old = number(&desk);
        fs::remove_file(desk.path("app.log")).expect("there");
        let again = (0..64).any(|other| {
            fs::write(desk.path("app.log"), new).expect("writable");
            let again = number(&desk) == old;
            if !again {
                // Kept under another name, so that its number is not given to the next.
                desk.rename("app.log", &format!("other-{other}"));
            }
            again
        });
        if !again {
            eprintln!("skipped: this file system does not give a number again soon");
            return;
        }
        let lines: Vec<&str> = ["a1", "a2"].into_iter().chain(new.lines()).collect();
        desk.expect(&lines);
        desk.append("app.log", "c\n");
        desk.expect(&[&lines[..], &["c"]].concat());
    }
}

#[test]
fn half_lines_wait_for_their_rest_and_are_not_lost_in_a_restart() {
    let mut desk = Desk::new(false);
    desk.append("app.log", "half of a li");
    desk.expect(&[]);
    desk.restart();
    desk.append("app.log", "ne\nnext\n");
    desk.expect(&["half of a line", "next"]);
}

#[test]
fn a_last_line_without_end_comes_when_the_file_is_rotated_and_quiet() {
    let mut desk = Desk::new(false);
    desk.append("app.log", "a1\nlast without newline");
    desk.poll();
    desk.rename("app.log", "app.log.1");
    desk.append("app.log", "b1\n");
    let begun = std::time::Instant::now();
    while desk.lines.len() < 3 && begun.elapsed().as_secs() < 60 {
        desk.poll();
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    desk.expect(&["a1", "b1", "last without newline"]);
}

#[test]
fn any_bytes_are_lines_and_long_ones_are_cut() {
    let mut desk = Desk::new(false);
    desk.append("app.log", b"ok\r\na\0b\0c\nf\xff\x80\xe91\n");
    desk.append("app.log", "z".repeat(300_000) + "\nafter\n");
    desk.expect(&["ok", "a\0b\0c", "f\u{fffd}\u{fffd}\u{fffd}1", &"z".repeat(99), "after"]);
    assert_eq!(desk.cut, 1);
    desk.restart();
    desk.append("app.log", "more\n");
    desk.poll();
    assert_eq!(desk.lines.last().map(String::as_str), Some("more"));
    assert_eq!(desk.lines.len(), 6);
}

#[test]
fn hard_links_and_late_folders() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let pattern = folder.path().join("late/*/app*.log").display().to_string();
    let mut desk = Desk::new(false);
    desk.tailer = Tailer::new(&pattern, &Positions::default());
    desk.poll();
    let late = folder.path().join("late/er");
    fs::create_dir_all(&late).expect("room");
    fs::write(late.join("app.log"), "a1\n").expect("room");
    fs::hard_link(late.join("app.log"), late.join("app-2.log")).expect("room");
    desk.expect(&["a1"]);
    fs::write(late.join("app-3.log"), "c1\n").expect("room");
    desk.expect(&["a1", "c1"]);
}

/// Found by review: a named pipe that nobody writes to held up the reading of all logs, for ever.
#[test]
fn what_is_no_file_holds_up_nobody() {
    let mut tail = Desk::new(true);
    let made = std::process::Command::new("mkfifo").arg(tail.path("app.log.9")).status();
    assert!(made.is_ok_and(|status| status.success()), "the tool mkfifo of coreutils is installed");
    tail.poll();
    tail.append("app.log", "one\n");
    tail.expect(&["one"]);
    let trouble: Vec<_> = tail.tailer.trouble().values().cloned().collect();
    assert_eq!(trouble, ["it is no regular file"]);
}

#[test]
fn a_first_look_begins_behind_what_is_there() {
    let mut desk = Desk::new(false);
    desk.tailer = Tailer::new(&desk.pattern, &Positions::default());
    desk.append("app.log", "old\nhalf");
    desk.expect(&[]);
    desk.append("app.log", " new\n");
    desk.expect(&["half new"]);
}

fn pack(from: &Path, to: &Path) {
    let file = fs::File::create(to).expect("room");
    let mut packer = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    packer.write_all(&fs::read(from).expect("there")).and_then(|()| packer.finish().map(drop)).expect("room");
    fs::remove_file(from).expect("there");
}

#[test]
fn packed_ones_are_not_read_again_but_to_their_end() {
    for restart in [false, true] {
        let mut desk = Desk::new(true);
        let first: Vec<String> = (0..500).map(|n| format!("line {n}")).collect();
        desk.append("app.log", first.join("\n") + "\n");
        desk.poll();
        assert_eq!(desk.lines.len(), 500);
        if restart {
            desk.append("app.log", "not read before it was packed\n");
            desk.restart();
        }
        desk.rename("app.log", "app.log.1");
        pack(&desk.path("app.log.1"), &desk.path("app.log.1.gz"));
        desk.append("app.log", "b1\n");
        desk.poll();
        let more: &[&str] = if restart { &["not read before it was packed", "b1"] } else { &["b1"] };
        assert_eq!(&desk.lines[500..], more, "restart {restart}");
        desk.restart();
        desk.poll();
        assert_eq!(desk.lines.len(), 500 + more.len());
    }
}

#[test]
fn how_long_bytes_wait_is_known() {
    const SECOND: i64 = 1_000_000_000;
    let mut desk = Desk::new(false);
    let lines = |desk: &Desk, megabytes: usize| desk.append("app.log", vec![b'\n'; megabytes << 20]);
    let waits = |desk: &mut Desk, second: i64| {
        desk.tailer.poll(second * SECOND, 1 << 20, &|_, _| false, &mut |_| {});
        *desk.tailer.behind().values().next().expect("one file")
    };
    lines(&desk, 3);
    assert_eq!(waits(&mut desk, 10), (2 << 20, Some(10 * SECOND)));
    lines(&desk, 4);
    assert_eq!(waits(&mut desk, 20), (5 << 20, Some(10 * SECOND)));
    assert_eq!(waits(&mut desk, 30), (4 << 20, Some(30 * SECOND)), "all that was there at 10 s is read");
    for second in 31..34 {
        assert_eq!(waits(&mut desk, second).1, Some(30 * SECOND));
    }
    assert_eq!(waits(&mut desk, 40), (0, None));
}
