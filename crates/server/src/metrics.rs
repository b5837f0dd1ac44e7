//! What the server counts of itself, in Prometheus' text format.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use arachne_aggregate::Histogram;
use arachne_model::table::STORED;
use arachne_store::{StoreFacts, TableFacts};

use crate::agents::counts::Delivered;

/// Upper bounds of durations in seconds.
const BOUNDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

#[derive(Clone, Debug, Default)]
struct Route {
    by_status: BTreeMap<u16, u64>,
    buckets: [u64; BOUNDS.len()],
    count: u64,
    seconds: f64,
    /// Nanoseconds, since [`Metrics::take_times`].
    times: Histogram,
}

/// Counts of requests. Routes are those of the table, methods those that it has, so it is bounded.
#[derive(Debug, Default)]
pub(crate) struct Metrics(Mutex<BTreeMap<(String, String), Route>>);

impl Metrics {
    /// Counts an answer; the time is that until it began.
    pub fn count(&self, method: &str, route: &str, status: u16, time: Duration) {
        let mut routes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = routes.entry((route.to_owned(), method.to_owned())).or_default();
        *counted.by_status.entry(status).or_default() += 1;
        let seconds = time.as_secs_f64();
        for (bucket, bound) in counted.buckets.iter_mut().zip(BOUNDS) {
            *bucket += u64::from(seconds <= bound);
        }
        counted.count += 1;
        counted.seconds += seconds;
        counted.times.record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// How many answers there were: route, method, status.
    pub fn answers(&self) -> Vec<(String, String, u16, u64)> {
        let routes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |((route, method), counted): (&(String, String), &Route)| {
            let by_status = counted.by_status.iter();
            by_status.map(|(status, n)| (route.clone(), method.clone(), *status, *n)).collect::<Vec<_>>()
        };
        routes.iter().flat_map(of).collect()
    }

    /// How long answers took since this was asked last, by route and method.
    pub fn take_times(&self) -> Vec<(String, String, Histogram)> {
        let mut routes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = routes.iter_mut().filter(|(_, counted)| !counted.times.is_empty());
        taken
            .map(|((route, method), counted)| (route.clone(), method.clone(), std::mem::take(&mut counted.times)))
            .collect()
    }

    /// All series.
    pub fn render(
        &self,
        facts: &StoreFacts,
        running: usize,
        delivered: &BTreeMap<String, Delivered>,
        told: Told,
    ) -> String {
        let mut out = String::new();
        let routes = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // Writing to a string cannot fail.
        let mut line = |text: std::fmt::Arguments<'_>| {
            let _ = writeln!(out, "{text}");
        };
        line(format_args!("# TYPE arachne_http_requests_total counter"));
        for ((route, method), counted) in &routes {
            for (status, n) in &counted.by_status {
                line(format_args!(
                    "arachne_http_requests_total{{route=\"{route}\",method=\"{method}\",status=\"{status}\"}} {n}"
                ));
            }
        }
        line(format_args!("# TYPE arachne_http_request_duration_seconds histogram"));
        let name = "arachne_http_request_duration_seconds";
        for ((route, method), counted) in &routes {
            let labels = format!("route=\"{route}\",method=\"{method}\"");
            for (bucket, bound) in counted.buckets.iter().zip(BOUNDS) {
                line(format_args!("{name}_bucket{{{labels},le=\"{bound}\"}} {bucket}"));
            }
            line(format_args!("{name}_bucket{{{labels},le=\"+Inf\"}} {}", counted.count));
            line(format_args!("{name}_sum{{{labels}}} {}", counted.seconds));
            line(format_args!("{name}_count{{{labels}}} {}", counted.count));
        }
        line(format_args!("# TYPE arachne_queries_running gauge\narachne_queries_running {running}"));
        let in_force = u8::from(told.in_force);
        line(format_args!("# TYPE arachne_configuration_in_force gauge\narachne_configuration_in_force {in_force}"));
        line(format_args!("# TYPE log_events_total counter"));
        for (code, n) in arachne_telemetry::counts() {
            line(format_args!("log_events_total{{code=\"{code}\"}} {n}"));
        }
        store(facts, &mut out);
        let failing = u8::from(told.failing);
        let _ = writeln!(out, "# TYPE arachne_store_failing gauge\narachne_store_failing {failing}");
        agents(delivered, &mut out);
        out
    }
}

/// What is the case or not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    /// The configuration on disk is in force.
    pub in_force: bool,
    /// The store cannot write what it was given.
    pub failing: bool,
}

/// A number of a table.
type Count = fn(&TableFacts) -> u64;

fn store(facts: &StoreFacts, out: &mut String) {
    let series: [(&str, Count); 5] = [
        ("arachne_store_rows", |t| t.rows),
        ("arachne_store_bytes", |t| t.bytes),
        ("arachne_store_parts", |t| t.parts),
        ("arachne_store_memory_rows", |t| t.memory_rows),
        ("arachne_store_lost_rows", |t| t.lost_rows),
    ];
    for (name, value) in series {
        let _ = writeln!(out, "# TYPE {name} gauge");
        for (table, held) in STORED.iter().zip(&facts.tables) {
            let _ = writeln!(out, "{name}{{table=\"{}\"}} {}", table.name, value(held));
        }
    }
    let single = [
        ("arachne_store_wal_bytes", "gauge", facts.wal_bytes),
        ("arachne_store_quarantined_files", "gauge", facts.quarantined.len() as u64),
        ("arachne_store_full", "gauge", u64::from(facts.full)),
        ("arachne_store_given_up_exchanges", "gauge", facts.given_up),
        ("arachne_store_open_refused_total", "counter", facts.open_refused),
        ("arachne_store_twins_unmet_total", "counter", facts.twins_unmet),
    ];
    for (name, kind, value) in single {
        let _ = writeln!(out, "# TYPE {name} {kind}\n{name} {value}");
    }
}

/// A number of an agent.
type Sum = fn(&Delivered) -> u64;

/// What agents delivered. Names are of letters and digits.
fn agents(delivered: &BTreeMap<String, Delivered>, out: &mut String) {
    let series: [(&str, Sum); 5] = [
        ("arachne_agent_batches_total", |d| d.batches),
        ("arachne_agent_batches_repeated_total", |d| d.batches_repeated),
        ("arachne_agent_bytes_total", |d| d.bytes),
        ("arachne_agent_rows_total", |d| d.rows),
        ("arachne_agent_values_unknown_total", |d| d.values_unknown),
    ];
    for (name, value) in series {
        let _ = writeln!(out, "# TYPE {name} counter");
        for (agent, one) in delivered {
            let _ = writeln!(out, "{name}{{agent=\"{agent}\"}} {}", value(one));
        }
    }
    let name = "arachne_agent_batches_refused_total";
    let _ = writeln!(out, "# TYPE {name} counter");
    for (agent, one) in delivered {
        for (code, n) in &one.refused {
            let _ = writeln!(out, "{name}{{agent=\"{agent}\",code=\"{code}\"}} {n}");
        }
    }
}
