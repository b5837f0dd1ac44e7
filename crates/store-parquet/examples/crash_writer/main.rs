//! Kills a process that writes to a store, again and again, and looks whether all that was acknowledged is there: `make crash`.
//!
//! ```text
//! crash_writer rounds WORK ROUNDS SEED FOLDER_ROUNDS   kills ROUNDS writers, each FOLDER_ROUNDS in one folder under WORK
//! crash_writer log FOLDER BYTES large|small            starts with a log of BYTES bytes
//! crash_writer full FOLDER FILL                        fills the file system of FOLDER, with files or (FILL = inodes) many
//! ```
//!
//! The process that dies is the same program, told so by the environment. What was acknowledged is kept by the parent, outside of the
//! folder. Exit 1 at the first thing that is wrong.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool for the terminal of whoever runs it")]

mod full;
mod log;
mod rounds;
mod rows;
mod verify;
mod work;

use std::error::Error;
use std::path::Path;
use std::process::Command;

type Failure = Box<dyn Error + Send + Sync>;

const USAGE: &str = "usage: crash_writer rounds WORK ROUNDS SEED FOLDER_ROUNDS | log FOLDER BYTES large|small | full FOLDER bytes|inodes";

/// What the process that dies is to do.
const DYING: &str = "ARACHNE_CRASH_WRITER";

fn main() -> Result<(), Failure> {
    if let Some(told) = std::env::var_os(DYING) {
        return dying(&told.to_string_lossy());
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments {
        ["rounds", work, rounds, seed, per_folder] => {
            rounds::run(Path::new(work), rounds.parse()?, seed.parse()?, per_folder.parse()?)
        }
        ["log", folder, bytes, rows @ ("large" | "small")] => {
            log::run(Path::new(folder), bytes.parse()?, rows == "large")
        }
        ["full", folder, fill @ ("bytes" | "inodes")] => full::run(Path::new(folder), fill == "inodes"),
        _ => Err(USAGE.into()),
    }
}

/// This program once more, as the one that dies.
fn another(told: &str) -> Result<Command, Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    if cfg!(test) {
        command.args(["--quiet", "--exact", "tests::the_process_that_dies"]);
    }
    command.env(DYING, told);
    Ok(command)
}

fn dying(told: &str) -> Result<(), Failure> {
    match *told.splitn(7, ' ').collect::<Vec<_>>() {
        ["log", bytes, large, folder] => log::write(Path::new(folder), bytes.parse()?, large.parse()?),
        ["write", seed, a, b, c, file, folder] => {
            let next = work::Next { batches: [a.parse()?, b.parse()?, c.parse()?], file: file.parse()? };
            work::write_forever(Path::new(folder), seed.parse()?, next)
        }
        _ => Err(format!("not understood: {told}").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_that_dies() {
        if let Some(told) = std::env::var_os(DYING) {
            dying(&told.to_string_lossy()).expect("only death ends it");
        }
    }

    #[test]
    fn what_was_acknowledged_survives_kill_9() {
        let work = tempfile::tempdir().expect("there is a place for tests");
        rounds::run(work.path(), 8, 1, 8).expect("nothing is lost, nothing is there twice, nothing is wrong");
    }

    #[test]
    fn a_long_log_is_read_at_the_start() {
        let folder = tempfile::tempdir().expect("there is a place for tests");
        log::run(&folder.path().join("large"), 1 << 20, true).expect("all of it is there");
        log::run(&folder.path().join("small"), 1 << 16, false).expect("all of it is there");
    }
}
