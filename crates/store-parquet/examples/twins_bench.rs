//! What it costs that exchanges which two agents see count once: `twins_bench EXCHANGES`.
//!
//! Two agents deliver batches by turns, a flush every hundred. In one run each has exchanges of its own, in the other both have the same
//! ones, half a second apart: the difference is what comparing them takes. Each line of the answer is JSON: CPU time of all threads by
//! row, that of making the rows with it, and batches that were not compared at once.

use std::error::Error;
use std::io::Write as _;

use arachne_model::table::{ExchangeRow, Rows};
use arachne_store::{Store as _, Token};
use arachne_store_parquet::{EmbeddedStore, Retention, Settings};
use serde_json::json;

type Failure = Box<dyn Error + Send + Sync>;

/// Rows of a batch, and batches between two flushes.
const BATCH: u64 = 256;
const FLUSH: u64 = 100;
/// 2026-11-21T10:00:00Z.
const START: i64 = 1_795_255_200_000_000_000;
/// Between two exchanges.
const STEP: i64 = 1_000_000;

fn main() -> Result<(), Failure> {
    let exchanges = std::env::args().nth(1).and_then(|text| text.parse().ok()).ok_or("usage: twins_bench EXCHANGES")?;
    for twins in [false, true] {
        writeln!(std::io::stdout(), "{}", run(exchanges, twins)?)?;
    }
    Ok(())
}

fn run(exchanges: u64, twins: bool) -> Result<serde_json::Value, Failure> {
    let folder = tempfile::tempdir()?;
    let retention = Settings::default().retention.map(|_| Retention { max_age: None, max_bytes: None });
    let settings = Settings { retention, background: false, ..Settings::default() };
    let store = EmbeddedStore::open(folder.path(), settings)?;
    let began = cpu_seconds()?;
    for batch in 0..exchanges / BATCH {
        for (agent, vantage) in [("web-1", "server"), ("app-1", "client")] {
            let first = batch * BATCH;
            let own = if twins || vantage == "server" { 0 } else { exchanges };
            let rows = (first..first + BATCH).map(|n| exchange(n, n + own, agent, vantage)).collect();
            let token = Token { sender: agent.to_owned(), sequence: batch + 1 };
            store.append(&token, Rows { exchanges: rows, ..Rows::default() })?;
        }
        if (batch + 1) % FLUSH == 0 {
            store.flush()?;
        }
    }
    let (spent, rows) = (cpu_seconds()? - began, 2 * (exchanges / BATCH) * BATCH);
    let unmet = store.facts().twins_unmet;
    Ok(json!({ "twins": twins, "rows": rows, "cpu_us_per_row": spent * 1e6 / rows as f64, "batches_unmet": unmet }))
}

fn exchange(n: u64, wire_key: u64, agent: &str, vantage: &str) -> ExchangeRow {
    // Both see it at nearly the same time.
    let start = START + n as i64 * STEP + if vantage == "client" { -STEP / 2 } else { 0 };
    ExchangeRow {
        id: format!("{:010}{:016x}", n, wire_key.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ agent.len() as u64),
        start,
        end: Some(start + 20 * STEP),
        request_end: Some(start),
        response_start: Some(start + 18 * STEP),
        wire_key: i64::try_from(wire_key).unwrap_or(i64::MAX),
        vantage: Some(vantage.to_owned()),
        counted: true,
        agent: agent.to_owned(),
        source: agent.to_owned(),
        session: format!("{:026}", n / 8),
        protocol: "http".to_owned(),
        client_address: format!("10.0.{}.{}", n % 200, n % 251),
        server_address: "10.1.0.2".to_owned(),
        server_port: 80,
        service: "shop".to_owned(),
        method: Some("GET".to_owned()),
        host: Some("shop.example".to_owned()),
        path: Some(format!("/product/{}", n % 5000)),
        template: Some("/product/{id}".to_owned()),
        status: Some(200),
        request_headers: Some(format!("Host: shop.example\nUser-Agent: bench\nX-Request-Id: {n:032x}\n")),
        response_headers: Some("Content-Type: text/html\nContent-Length: 1000\n".to_owned()),
        ..ExchangeRow::default()
    }
}

/// Of all threads, those that have ended too, in steps of a hundredth. Source: proc_pid_stat(5), fields 14 and 15.
fn cpu_seconds() -> Result<f64, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    let ticks = fields.skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(ticks as f64 / 100.0)
}
