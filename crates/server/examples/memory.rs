//! A server on a store in memory with a few rows, for fuzzing the API: `cargo run -p arachne-server --example memory`.
//!
//! It prints its address and serves until it is interrupted. See `scripts/api-fuzz`.

use std::io::Write as _;
use std::sync::Arc;

use arachne_model::table::{BodyRow, ExchangeRow, PacketRow, SessionRow};
use arachne_server::{
    Config, ImportFailure, ImportJob, ImportWatch, Imported, Importer, Parts, SqlFailure, SqlRows, SqlRunner, serve,
};
use arachne_store::{MemoryStore, Rows, Store as _, Token, Watch};

/// Takes nothing.
struct Nothing;

impl Importer for Nothing {
    fn import(&self, _: ImportJob<'_>, _: &dyn ImportWatch) -> Result<Imported, ImportFailure> {
        Err(ImportFailure::Refused("this server imports nothing".to_owned()))
    }
}

impl SqlRunner for Nothing {
    fn run(&self, _: &str, _: &dyn Watch, _: &mut dyn SqlRows) -> Result<(), SqlFailure> {
        Err(SqlFailure::Statement("this server has no SQL".to_owned()))
    }
}

/// A thousand exchanges over a thousand seconds on one session.
fn rows() -> Rows {
    let mut rows = Rows::default();
    for n in 0..1000_i64 {
        let start = 1_795_255_200_000_000_000 + n * 1_000_000_000;
        rows.exchanges.push(ExchangeRow {
            id: format!("{n:026}"),
            start,
            end: Some(start + n * 2_000_000),
            counted: true,
            session: "session".to_owned(),
            service: format!("service-{}", n % 7),
            method: Some("GET".to_owned()),
            path: Some(format!("/items/{n}")),
            status: Some(if n % 50 == 0 { 503 } else { 200 }),
            ..ExchangeRow::default()
        });
    }
    rows.sessions.push(SessionRow { id: "session".to_owned(), ..SessionRow::default() });
    rows.packets.push(PacketRow { session: "session".to_owned(), bytes: vec![1; 60], ..PacketRow::default() });
    rows.bodies.push(BodyRow { exchange: format!("{:026}", 0), direction: "request".to_owned(), ..BodyRow::default() });
    rows
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = MemoryStore::new();
    store.append(&Token { sender: "example".to_owned(), sequence: 1 }, rows())?;
    let folder = std::env::temp_dir().join(format!("arachne-memory-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let mut config = Config::new(folder.clone());
    config.access.listen.set_port(0);
    // A fuzzer asks faster than people do.
    (config.limits.rate, config.limits.burst) = (100_000, 100_000);
    let parts = Parts {
        store: Arc::new(store),
        sql: Some(Arc::new(Nothing)),
        importer: Arc::new(Nothing),
        ui: Vec::new(),
        capture_filter: None,
        keys: None,
        beacons: None,
    };
    serve(
        config,
        parts,
        |ready| {
            // Without a reader there is nobody to tell.
            let _ = writeln!(std::io::stdout(), "{}", ready.address);
        },
        || (),
    )?;
    std::fs::remove_dir_all(folder)?;
    Ok(())
}
