//! `arachne check --sample`: what the log rules of a configuration make of a file.
//!
//! Each rule is run alone, which gives its cost, then all together, which gives what none of them matched.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use arachne_aggregate::Normaliser;
use arachne_aggregate::access::job::{CLASSES, Job};
use arachne_aggregate::rules::{LABEL_SETS_MAX, RuleSpec, Rules};
use arachne_config::{AccessLog, Log, LogJob, PathRule};

use crate::exit::ExitStatus;
use crate::visible::visible;

/// More of a sample is not read.
const SAMPLE_BYTES_MAX: u64 = 64 << 20;
/// Lines that nothing matched, shown.
const SHOWN: usize = 5;
/// Characters of a line that are shown.
const SHOWN_CHARS: usize = 160;

/// Runs the rules over a file and prints what they do.
#[must_use]
pub fn run(logs: &[Log], paths: Vec<PathRule>, file: &Path) -> ExitStatus {
    let lines = match read(file) {
        Ok(lines) => lines,
        Err(error) => {
            let _ = writeln!(io::stderr().lock(), "{}: {error}", file.display());
            return ExitStatus::Usage;
        }
    };
    let text = report(logs, paths, &lines, &file.display().to_string());
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitStatus::Unexpected,
        _ => ExitStatus::Done,
    }
}

/// The lines of a file without their ends.
fn read(file: &Path) -> io::Result<Vec<Vec<u8>>> {
    let mut reader = BufReader::new(io::Read::take(File::open(file)?, SAMPLE_BYTES_MAX));
    let mut lines = Vec::new();
    loop {
        let mut line = Vec::new();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(lines);
        }
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        lines.push(line);
    }
}

/// What is to be said.
fn report(logs: &[Log], paths: Vec<PathRule>, lines: &[Vec<u8>], name: &str) -> String {
    let bytes: usize = lines.iter().map(Vec::len).sum();
    let mut text = format!("sample    {}: {} lines, {bytes} bytes\n", visible(name.as_bytes()), lines.len());
    if logs.is_empty() {
        text.push_str("logs      no rules: write `logs:` with `- plugin: access` or `- plugin: logparser`\n");
    }
    let normaliser = Normaliser::default().with_rules(paths);
    for log in logs {
        if let LogJob::Access(access) = &log.job {
            access_log(access, &normaliser, &log.file, lines, &mut text);
        }
    }
    let rule = |log: &Log| if let LogJob::Rule(rule) = &log.job { Some((**rule).clone()) } else { None };
    let specs: Vec<_> = logs.iter().filter_map(rule).collect();
    specs.iter().for_each(|spec| alone(spec, lines, &mut text));
    if !specs.is_empty() {
        together(&specs, lines, &mut text);
    }
    text
}

/// Nanoseconds since the Unix epoch, for lines without a time.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

fn share(part: u64, whole: usize) -> String {
    format!("{part} of {whole} lines ({:.1} %)", 100.0 * part as f64 / whole.max(1) as f64)
}

fn cost(begin: Instant, lines: usize) -> String {
    format!("{} ns per line", begin.elapsed().as_nanos() / lines.max(1) as u128)
}

fn access_log(access: &AccessLog, normaliser: &Normaliser, file: &str, lines: &[Vec<u8>], text: &mut String) {
    let mut job = Job::new(&access.format, normaliser.clone(), access.settings.clone(), 0);
    let (begin, now) = (Instant::now(), now());
    let mut refused = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if let Err(refusal) = job.push(line, now)
            && refused.len() < SHOWN
        {
            refused.push((at, line, refusal));
        }
    }
    let (windows, cost, counted) = (job.finish(), cost(begin, lines.len()), job.lines());
    let hits = share(counted.counted, lines.len());
    let (written, file) = (visible(access.written.as_bytes()), visible(file.as_bytes()));
    let _ = writeln!(text, "access    {file} as {written}: {hits}, split, {cost}");
    let mut classes = [0; CLASSES.len()];
    for (_, window) in &windows {
        classes.iter_mut().zip(window.totals()).for_each(|(sum, count)| *sum += count);
    }
    let named = CLASSES.iter().zip(classes).filter(|(_, count)| *count > 0);
    let named: Vec<_> = named.map(|(class, count)| format!("{} {count}", class.name())).collect();
    let _ = writeln!(text, "          {} in {} windows of 10 s", named.join(", "), windows.len());
    let mut templates: BTreeMap<&str, u64> = BTreeMap::new();
    for (template, requests) in windows.iter().flat_map(|(_, window)| window.templates()) {
        *templates.entry(template).or_default() += requests.count();
    }
    let mut templates: Vec<_> = templates.into_iter().filter(|(_, count)| *count > 0).collect();
    templates.sort_by_key(|(_, count)| Reverse(*count));
    let most = templates.iter().take(SHOWN).map(|(name, count)| format!("{} {count}", visible(name.as_bytes())));
    if !templates.is_empty() {
        let _ = writeln!(text, "          paths {}", most.collect::<Vec<_>>().join(", "));
    }
    missed(counted.missed.late, counted.missed.ahead, text);
    for (at, line, refusal) in refused {
        let field = refusal.field().map_or_else(String::new, |field| format!(" at {field:?}"));
        let _ = writeln!(text, "          line {} is {}{field}: {}", at + 1, refusal.reason(), shown(line));
    }
}

fn missed(late: u64, ahead: u64, text: &mut String) {
    if late + ahead > 0 {
        let _ = writeln!(text, "          not counted: {late} came more than 20 s late, {ahead} are of the future");
    }
}

/// One rule alone.
fn alone(spec: &RuleSpec, lines: &[Vec<u8>], text: &mut String) {
    let Ok(mut rules) = Rules::new(std::slice::from_ref(spec), LABEL_SETS_MAX, 0) else { return };
    let (begin, now) = (Instant::now(), now());
    for line in lines {
        rules.push(line, now);
    }
    let cost = cost(begin, lines.len());
    for report in rules.report() {
        let name = visible(report.name.as_bytes());
        let _ = writeln!(text, "rule      {name}: {}, {}, {cost}", share(report.hits, lines.len()), report.tier.name());
        if let Some(literal) = &report.literal {
            let _ = writeln!(text, "          only lines with `{}` are tried", visible(literal.as_bytes()));
        }
        for reason in &report.slow {
            let _ = writeln!(text, "          no faster because of {reason}");
        }
        if report.bad_times > 0 {
            let _ = writeln!(
                text,
                "          {} times could not be read: those lines count when they arrive",
                report.bad_times
            );
        }
        for (metric, values, bad, limited) in &report.metrics {
            let bad = if *bad > 0 { format!(", {bad} were no numbers") } else { String::new() };
            let _ = writeln!(text, "          {}: {values} values{bad}", visible(metric.name.as_bytes()));
            if let Some(limited) = limited {
                let (values, label, distinct) = (limited.values, visible(limited.label.as_bytes()), limited.distinct);
                let _ = writeln!(
                    text,
                    "          {values} of them are in ~other: the label `{label}` has about {distinct} values more than fit"
                );
            }
        }
        missed(rules.lines().missed.late, rules.lines().missed.ahead, text);
    }
}

/// All rules together: what none of them matched.
fn together(specs: &[RuleSpec], lines: &[Vec<u8>], text: &mut String) {
    let Ok(mut rules) = Rules::new(specs, LABEL_SETS_MAX, 0) else { return };
    let now = now();
    let mut unmatched = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if !rules.push(line, now) && unmatched.len() < SHOWN && !line.trim_ascii().is_empty() {
            unmatched.push((at, line));
        }
    }
    let counted = rules.lines();
    let _ = writeln!(text, "unmatched {}", share(counted.unmatched, lines.len()));
    for (at, line) in unmatched {
        let _ = writeln!(text, "          line {}: {}", at + 1, shown(line));
        if let Some((name, part, missing)) = rules.nearest(line) {
            let (name, missing) = (visible(name.as_bytes()), shown(missing.as_bytes()));
            let _ = writeln!(
                text,
                "            nearest is {name}: {:.0} % of it match, then not `{missing}`",
                part * 100.0
            );
        }
    }
}

/// The beginning of a line, safe for a terminal.
fn shown(line: &[u8]) -> String {
    let text = visible(&line[..line.len().min(4 * SHOWN_CHARS)]);
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
