//! Templates judged against loghub's true ones, codes and levels of the article's lines, traces of real programs.

use std::collections::{BTreeMap, BTreeSet};

use arachne_aggregate::records::{Joiner, Level, Miner, code, level};
use serde_json::json;

use crate::shared::{expected, file, lines};

/// The cells of a line of CSV.
fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut letters = line.trim_end_matches('\r').chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => cell.extend(letters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(std::mem::take(&mut cell)),
            _ => cell.push(letter),
        }
    }
    cells.push(cell);
    cells
}

/// The share of lines whose template has exactly the lines that the true one has, and how many templates were found.
fn grouping_accuracy(name: &str) -> Option<(f64, usize)> {
    let table = String::from_utf8_lossy(&file(&format!("logs/loghub/{name}_2k.log_structured.csv.gz"))?).into_owned();
    let mut rows = table.lines().map(cells);
    let head = rows.next().expect("it has a head");
    let column = |name: &str| head.iter().position(|cell| cell == name).expect("loghub has it");
    let (content, event) = (column("Content"), column("EventId"));
    let mut miner = Miner::new(1);
    let found: Vec<_> = rows.map(|row| (miner.add(&row[content]), row[event].clone())).collect();
    let (mut ours, mut theirs) = (BTreeMap::<_, BTreeSet<_>>::new(), BTreeMap::<_, BTreeSet<_>>::new());
    for (line, (template, event)) in found.iter().enumerate() {
        ours.entry(miner.current(*template)).or_default().insert(line);
        theirs.entry(event.clone()).or_default().insert(line);
    }
    let equal: usize =
        ours.values().filter(|lines| theirs.values().any(|other| other == *lines)).map(BTreeSet::len).sum();
    Some((equal as f64 / found.len() as f64, miner.len()))
}

#[test]
fn templates_are_those_of_loghub() {
    for (name, least) in [("HDFS", 0.99), ("OpenStack", 0.53), ("Zookeeper", 0.99)] {
        let Some((accuracy, templates)) = grouping_accuracy(name) else { return };
        println!("{name}: grouping accuracy {accuracy:.3} with {templates} templates");
        assert!(accuracy >= least, "{name}: {accuracy} with {templates}");
    }
}

#[test]
fn codes_and_events_of_the_article() {
    let Some(log) = file("logs/app/seed_formats.log") else { return };
    let theirs = expected("app/seed_formats.log");
    let (mut joiner, mut codes, mut levels) = (Joiner::default(), BTreeMap::<String, u64>::new(), BTreeMap::new());
    let mut events: Vec<_> = lines(&log).filter_map(|line| joiner.push(line)).collect();
    events.extend(joiner.flush());
    for event in &events {
        code(&event.text).into_iter().for_each(|code| *codes.entry(code.to_owned()).or_default() += 1);
        *levels.entry(level(&event.text)).or_insert(0_u64) += 1;
    }
    assert_eq!(json!(events.iter().map(|event| event.lines).sum::<u64>()), theirs["physical_lines"]);
    assert_eq!(json!(events.len()), theirs["records"]);
    assert_eq!(json!(codes), theirs["codes"]);
    assert_eq!((levels.get(&None), levels[&Some(Level::Error)]), (None, 307), "{levels:?}");
}

fn events(lines: &[&[u8]]) -> usize {
    let mut joiner = Joiner::default();
    let complete = lines.iter().filter_map(|line| joiner.push(line)).count();
    complete + usize::from(joiner.flush().is_some())
}

#[test]
fn a_trace_is_one_event() {
    for name in ["filed_go_panic.txt.log", "filed_cs_exception.txt.log"] {
        let Some(log) = file(&format!("logs/app/{name}")) else { return };
        let all: Vec<_> = lines(&log).filter(|line| !line.is_empty()).collect();
        for (at, trace) in
            all.split(|line| line.starts_with(b"# ===next")).enumerate().filter(|(_, trace)| !trace.is_empty())
        {
            assert_eq!(events(trace), 1, "{name}, trace {at}: {}", String::from_utf8_lossy(trace[0]));
        }
    }
    for name in ["lnav_java.0.log", "lnav_laravel.1.log"] {
        let log = file(&format!("logs/app/{name}")).expect("it lies beside the others");
        let all: Vec<_> = lines(&log).collect();
        let starts = all.iter().filter(|line| line.starts_with(b"[20") || line.starts_with(b"20")).count();
        assert_eq!(events(&all), starts, "{name}");
    }
}
