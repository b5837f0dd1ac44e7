//! Reads a log file and says what was counted: what `make bench-logs` measures.
//!
//! `logs access FORMAT FILE` runs the full access job, `logs rule FILE` one anchored rule on lines of `combined_plus`; `logs
//! lines FILE` only finds the ends of lines.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader};

use arachne_aggregate::Normaliser;
use arachne_aggregate::access::Format;
use arachne_aggregate::access::job::{CLASSES, Job, Settings};
use arachne_aggregate::rules::{Kind, LABEL_SETS_MAX, MetricSpec, RuleSpec, Rules, Source};

/// Bytes read at once.
const BUFFER: usize = 64 << 10;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["access", format, file] => access(format, file),
        ["rule", file] => rule(file),
        ["lines", file] => {
            let mut count = 0_u64;
            each_line(file, |_| count += 1)?;
            println!("{count} lines");
            Ok(())
        }
        _ => Err("usage: logs access FORMAT FILE | logs rule FILE | logs lines FILE".into()),
    }
}

/// Gives each line without its line feed.
fn each_line(file: &str, mut take: impl FnMut(&[u8])) -> Result<(), Box<dyn Error>> {
    let mut reader = BufReader::with_capacity(BUFFER, File::open(file)?);
    let mut held: Vec<u8> = Vec::new();
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            break;
        }
        let mut rest = buffer;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            if held.is_empty() {
                take(&rest[..end]);
            } else {
                held.extend_from_slice(&rest[..end]);
                take(&held);
                held.clear();
            }
            rest = &rest[end + 1..];
        }
        held.extend_from_slice(rest);
        let taken = buffer.len();
        reader.consume(taken);
    }
    if !held.is_empty() {
        take(&held);
    }
    Ok(())
}

fn access(format: &str, file: &str) -> Result<(), Box<dyn Error>> {
    let mut job = Job::new(&Format::new(format)?, Normaliser::default(), Settings::default(), 1);
    let (mut classes, mut templates, mut windows) = ([0_u64; CLASSES.len()], BTreeMap::<String, u64>::new(), 0);
    let mut take = |job: &mut Job, last: bool| {
        for (_, window) in if last { job.finish() } else { job.take_closed() } {
            windows += 1;
            classes.iter_mut().zip(window.totals()).for_each(|(sum, count)| *sum += count);
            for (template, requests) in window.templates() {
                *templates.entry(template.to_owned()).or_default() += requests.count();
            }
        }
    };
    let mut count = 0_u64;
    each_line(file, |line| {
        // Why a line is refused is in the counts.
        let _ = job.push(line, i64::MAX);
        count += 1;
        if count.is_multiple_of(10_000) {
            take(&mut job, false);
        }
    })?;
    take(&mut job, true);
    println!("{:?} in {windows} windows", job.lines());
    CLASSES.iter().zip(classes).for_each(|(class, count)| println!("{} {count}", class.name()));
    println!("{} templates", templates.len());
    let mut heaviest: Vec<_> = templates.into_iter().collect();
    heaviest.sort_unstable_by_key(|(_, count)| std::cmp::Reverse(*count));
    heaviest.iter().take(5).for_each(|(template, count)| println!("{count} {template}"));
    Ok(())
}

const EXPRESSION: &str =
    r#"^[^ ]+ - [^ ]+ \[(?P<at>[^\]]+)\] "[^"]*" (?P<status>\d{3}) \d+ "[^"]*" "[^"]*" (?P<time>\d+\.\d+) "#;

fn rule(file: &str) -> Result<(), Box<dyn Error>> {
    let spec = RuleSpec {
        name: "requests".to_owned(),
        source: Source::Regex(EXPRESSION.to_owned()),
        time_field: Some("at".to_owned()),
        time_format: Some("02/Jan/2006:15:04:05 -0700".to_owned()),
        timezone: String::new(),
        each: None,
        metrics: vec![MetricSpec {
            kind: Kind::Percentiles,
            name: "requests.time".to_owned(),
            value: Some("time".to_owned()),
            percents: vec![9500],
            labels: vec![("status".to_owned(), "=status".to_owned())],
        }],
    };
    let mut rules = Rules::new(&[spec], LABEL_SETS_MAX, 1).map_err(|errors| format!("{errors:?}"))?;
    let mut windows = 0;
    let mut count = 0_u64;
    each_line(file, |line| {
        rules.push(line, i64::MAX);
        count += 1;
        if count.is_multiple_of(10_000) {
            windows += rules.take_closed().len();
        }
    })?;
    windows += rules.finish().len();
    println!("{:?} in {windows} windows, {:?}", rules.lines(), rules.report());
    Ok(())
}
