//! `testkit`: makes capture files for tests and measurements: wrapped, endless, damaged; and sends them.
//!
//! Dev only, never installed. Data goes to files or stdout, facts to stderr.

#![allow(clippy::print_stderr, reason = "a tool for developers tells its facts on stderr")]

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write as _};
use std::process::ExitCode;

use arachne_testkit::random::Random;
use arachne_testkit::{mutate, stream, wrap};

const HELP: &str = "\
usage: testkit wrap IN OUT                            sequence numbers that wrap in each connection of a pcap file
       testkit stream --bytes 10G [--seed N]          an endless shop as pcap on stdout, its facts on stderr
       testkit mutate IN OUT --seed N --changes N     random damage, the same for the same seed
       testkit send INTERFACE FILE...                 the frames of pcap files, those of each as of another client
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprint!("{HELP}");
            ExitCode::from(2)
        }
        // Whoever reads the stream has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("testkit {}: {error}", arguments.join(" "));
            ExitCode::FAILURE
        }
    }
}

/// Runs the subcommand; false when the arguments make none.
fn run(arguments: &[String]) -> io::Result<bool> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["wrap", input, output] => run_wrap(input, output)?,
        ["stream", ref options @ ..] => match (option(options, "--bytes"), option(options, "--seed")) {
            (Some(bytes), seed) => run_stream(bytes, seed.unwrap_or(1))?,
            (None, _) => return Ok(false),
        },
        ["mutate", input, output, ref options @ ..] => {
            match (option(options, "--seed"), option(options, "--changes").map(usize::try_from)) {
                (Some(seed), Some(Ok(changes))) => run_mutate(input, output, seed, changes)?,
                _ => return Ok(false),
            }
        }
        #[cfg(target_os = "linux")]
        ["send", interface, ref files @ ..] if !files.is_empty() => run_send(interface, files)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// The number behind `name`, with K, M or G for powers of 1000.
fn option(options: &[&str], name: &str) -> Option<u64> {
    let at = options.iter().position(|word| *word == name)?;
    number(options.get(at + 1)?)
}

fn number(text: &str) -> Option<u64> {
    let (digits, unit) = match text.char_indices().last()? {
        (at, 'K' | 'k') => (&text[..at], 1_000),
        (at, 'M' | 'm') => (&text[..at], 1_000_000),
        (at, 'G' | 'g') => (&text[..at], 1_000_000_000),
        _ => (text, 1),
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

fn run_wrap(input: &str, output: &str) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(output)?);
    let report = wrap::wrap(BufReader::with_capacity(1 << 20, File::open(input)?), &mut out)?;
    eprintln!("packets {}\nmoved {}\nsides {}", report.packets, report.moved, report.sides);
    out.flush()
}

fn run_stream(bytes: u64, seed: u64) -> io::Result<()> {
    let out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    let written = stream::stream(out, bytes, seed)?;
    eprintln!("exchanges {}\nconnections {}", written.exchanges, written.connections);
    eprintln!("packets {}\nbytes {}", written.packets, written.bytes);
    Ok(())
}

fn run_mutate(input: &str, output: &str, seed: u64, changes: usize) -> io::Result<()> {
    let mut bytes = std::fs::read(input)?;
    mutate::mutate(&mut bytes, changes, &mut Random::new(seed));
    std::fs::write(output, bytes)
}

#[cfg(target_os = "linux")]
fn run_send(interface: &str, files: &[&str]) -> io::Result<()> {
    use arachne_testkit::replay;
    for (number, file) in (1..=u8::MAX).zip(files) {
        let mut frames = replay::frames(BufReader::new(File::open(file)?))?;
        replay::move_client(&mut frames, number);
        replay::send(interface, &frames)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{number, option};

    #[test]
    fn numbers_have_units() {
        for (text, expected) in
            [("10G", Some(10_000_000_000)), ("5", Some(5)), ("2k", Some(2_000)), ("x", None), ("", None)]
        {
            assert_eq!(number(text), expected, "{text}");
        }
        assert_eq!(option(&["--seed", "3", "--bytes"], "--seed"), Some(3));
        assert_eq!(option(&["--bytes"], "--bytes"), None);
    }
}
