//! What it costs to take what agents deliver: a real server on the embedded store, and agents that send as fast as they are
//! answered.
//!
//! `cargo run --release --example ingest -- [AGENTS] [BATCHES] [EXCHANGES]`: agents, batches of each, exchanges in a batch.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Instant;

use arachne_delivery::codec::{Head, Packer, address};
use arachne_delivery::proto::Lane;
use arachne_model::table::{ExchangeRow, Rows, SessionRow};
use arachne_server::{Config, ImportFailure, ImportJob, ImportWatch, Imported, Importer, Parts, Registry, Server};
use arachne_store::Store;
use arachne_store_parquet::{EmbeddedStore, Settings};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Packets of an exchange of a web page: request, answer, acknowledgements.
const PACKETS_PER_EXCHANGE: f64 = 6.0;
/// Packets a second of the ancestor's peak.
const PEAK: f64 = 10_000.0;
/// Clock ticks a second of Linux' /proc.
const TICKS: f64 = 100.0;
const START: i64 = 1_795_255_200_000_000_000;

struct Nothing;

impl Importer for Nothing {
    fn import(&self, _: ImportJob<'_>, _: &dyn ImportWatch) -> Result<Imported, ImportFailure> {
        Err(ImportFailure::Failed("this server takes no captures".to_owned()))
    }
}

/// An exchange such as a shop has, with its headers.
fn exchange(agent: usize, n: i64) -> ExchangeRow {
    let start = START + n * 600_000;
    ExchangeRow {
        id: format!("{agent:06}{n:020}"),
        start,
        end: Some(start + 20_000_000 + n % 977 * 1000),
        request_end: Some(start + 100_000),
        response_start: Some(start + 15_000_000),
        counted: true,
        vantage: Some("server".to_owned()),
        wire_key: n.wrapping_mul(0x5851_f42d_4c95_7f2d),
        session: format!("{agent:06}{:020}", n / 20),
        protocol: "http".to_owned(),
        version: Some("1.1".to_owned()),
        client_address: format!("10.0.{}.{}", n / 256 % 8, n % 256),
        client_port: 40_000,
        server_address: "10.1.0.1".to_owned(),
        server_port: 80,
        service: "shop.test".to_owned(),
        origin: "10.0.0.1".to_owned(),
        method: Some("GET".to_owned()),
        host: Some("shop.test".to_owned()),
        path: Some(format!("/items/{}/reviews", n % 5000)),
        query: Some(format!("page={}", n % 7)),
        template: Some("/items/{id}/reviews".to_owned()),
        status: Some(if n % 50 == 0 { 503 } else { 200 }),
        request_headers: Some(format!(
            "Host: shop.test\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0\nAccept: */*\n\
             X-Request-Id: {n:032x}\n"
        )),
        response_headers: Some("Content-Type: application/json\nContent-Length: 1234\nServer: nginx\n".to_owned()),
        content_type: Some("application/json".to_owned()),
        request_size: 300,
        response_size: 1500,
        response_body_size: 1234,
        request_id: Some(format!("{n:032x}")),
        rtt: Some(200_000),
        ..ExchangeRow::default()
    }
}

fn batches(agent: usize, count: u64, exchanges: i64) -> Result<Vec<Vec<u8>>, Failure> {
    let mut packer = Packer::new()?;
    let mut all = Vec::new();
    for sequence in 1..=count {
        let first = i64::try_from(sequence)? * exchanges;
        let session = |n: i64| SessionRow {
            id: format!("{agent:06}{:020}", n / 20),
            first: START + n,
            last: Some(START + n + 1),
            ..SessionRow::default()
        };
        let rows = Rows {
            exchanges: (first..first + exchanges).map(|n| exchange(agent, n)).collect(),
            sessions: (first..first + exchanges).step_by(20).map(session).collect(),
            ..Rows::default()
        };
        let body = packer.pack_rows(&rows)?;
        all.push(address(&Head { epoch: 1, lane: Lane::Live, sequence, closed: START }, &body)?);
    }
    Ok(all)
}

/// Sends batches over one connection, each when the one before was acknowledged.
fn send(socket: &Path, key: &str, batches: &[Vec<u8>]) -> Result<(), Failure> {
    let mut out = UnixStream::connect(socket)?;
    let mut answers = BufReader::new(out.try_clone()?);
    for batch in batches {
        let head = format!(
            "POST /agent/v1/batches HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nContent-Type: \
             application/x-protobuf\r\nContent-Length: {}\r\n\r\n",
            batch.len()
        );
        out.write_all(head.as_bytes())?;
        out.write_all(batch)?;
        let (mut line, mut length) = (String::new(), 0);
        answers.read_line(&mut line)?;
        if !line.starts_with("HTTP/1.1 200") {
            return Err(line.into());
        }
        while line.trim_end() != "" {
            line.clear();
            answers.read_line(&mut line)?;
            let lower = line.to_ascii_lowercase();
            length = lower.strip_prefix("content-length:").map_or(Ok(length), |text| text.trim().parse())?;
        }
        answers.read_exact(&mut vec![0; length])?;
    }
    Ok(())
}

/// Seconds of CPU of this process so far.
fn cpu() -> Result<f64, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let behind = stat.rsplit_once(')').ok_or("no name in /proc/self/stat")?.1;
    let mut fields = behind.split_whitespace().skip(11);
    let mut ticks = || fields.next().unwrap_or_default().parse::<f64>();
    Ok((ticks()? + ticks()?) / TICKS)
}

/// Starts a server on `data`; it ends with the process.
fn start(data: PathBuf, store: Arc<dyn Store>) -> Result<(), Failure> {
    let (ready, told) = channel();
    std::thread::spawn(move || {
        let run = || -> Result<(), Failure> {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            let mut config = Config::new(data);
            config.access.listen.set_port(0);
            let importer = Arc::new(Nothing);
            let parts =
                Parts { store, sql: None, importer, ui: Vec::new(), capture_filter: None, keys: None, beacons: None };
            runtime.block_on(async {
                let server = Server::bind(config, parts).await?;
                ready.send(Ok(()))?;
                server.run(std::future::pending()).await;
                Ok(())
            })
        };
        if let Err(error) = run() {
            // Nobody listens when it had started.
            let _ = ready.send(Err(error));
        }
    });
    told.recv()?
}

fn main() -> Result<(), Failure> {
    let mut words = std::env::args().skip(1);
    let mut number = |default: u64| words.next().map_or(Ok(default), |word| word.parse());
    let (agents, count, exchanges) = (usize::try_from(number(10)?)?, number(50)?, i64::try_from(number(500)?)?);
    let folder = tempfile::tempdir()?;
    let data = folder.path().to_owned();
    let registry = Registry::open(&data)?;
    let keys = (0..agents).map(|n| registry.add(&format!("agent-{n}"), 0)).collect::<Result<Vec<_>, _>>()?;
    let all = (0..agents).map(|n| batches(n, count, exchanges)).collect::<Result<Vec<_>, _>>()?;
    let bytes: usize = all.iter().flatten().map(Vec::len).sum();
    let store = Arc::new(EmbeddedStore::open(&data, Settings::default())?);
    start(data.clone(), Arc::clone(&store) as Arc<dyn Store>)?;
    let (began, before) = (Instant::now(), cpu()?);
    let socket = data.join("socket");
    std::thread::scope(|scope| {
        let sending: Vec<_> = keys.iter().zip(&all).map(|(key, all)| scope.spawn(|| send(&socket, key, all))).collect();
        sending.into_iter().try_for_each(|one| one.join().map_err(|_| "a sender panicked")?)
    })?;
    let (seconds, cpu) = (began.elapsed().as_secs_f64(), cpu()? - before);
    let stored = store.facts().tables[0].rows as f64;
    let each = cpu / stored * 1e6;
    let share = PEAK / PACKETS_PER_EXCHANGE * each / 1e4;
    writeln!(
        std::io::stdout(),
        "{agents} agents, {stored} exchanges of {:.0} packed bytes: {:.0} a second, {each:.1} us of CPU each (senders and \
         flushes included): {share:.1} % of a core at {PEAK:.0} packets/s",
        bytes as f64 / stored,
        stored / seconds,
    )?;
    Ok(())
}
