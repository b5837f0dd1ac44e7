//! A PostgreSQL server, asked over one connection: statements, sessions, locks, databases, checkpoints, replication. It never
//! asks two questions at once, gives each five seconds, cannot write, and takes no constant out of a query.

mod activity;
mod client;
mod progress;
mod query_text;
mod server;
mod sql;
mod statements;
mod top;

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use self::client::{Connection, chain};
use self::top::Top;
use crate::report::{Readings, Report};
use crate::{Collector, Metric, Missing, Sink, tls};

/// What it reads.
pub const SAYS: &str = "A PostgreSQL server, 12 to 17, over one connection (`application_name` is arachne) as a role with `pg_monitor`; \
the SQL below makes it. Each series also has the label `instance`. Statements come from `pg_stat_statements`: \
the 50 heaviest by each of time, time while they run, CPU, disk time, rows, reads, temporary files, log and calls have names (`id` is the server's number, `query` \
the text without constants and comments, cut at 200 bytes, and whole up to 4 KiB in `postgresql.statement.text`; `level` is `nested` inside of functions, whose time is in that of their caller too), \
all others are `~other`. Resets and evictions never count backwards. TLS where the server offers it, and with `ca_file` \
only with a certificate of that authority.";

/// What it measures.
pub const METRICS: &[&[Metric]] = &[top::METRICS, activity::METRICS, server::METRICS];

const EVERY: Duration = Duration::from_secs(10);
/// All questions of a reading together.
const PATIENCE: Duration = Duration::from_secs(30);
/// One in so many readings asks for sizes.
const SIZES: u64 = 30;

/// What makes the role that the agent needs; for psql, as a superuser, in the database that the agent will connect to. `role` is
/// quoted here.
#[must_use]
pub fn setup_sql(role: &str) -> String {
    let role = format!("\"{}\"", role.replace('"', "\"\""));
    format!(
        "-- For Arachne: a role that reads statistics and nothing else. Run as a superuser with psql, in the database that the agent\n\
         -- connects to. Statements need this in postgresql.conf, and a restart where it is new:\n\
         --   shared_preload_libraries = 'pg_stat_statements'\n\
         --   track_io_timing = on          -- else waiting for disks is not told apart from CPU\n\
         begin;\n\
         create role {role} login connection limit 3;\n\
         grant pg_monitor to {role};\n\
         alter role {role} set statement_timeout = '5s';\n\
         alter role {role} set default_transaction_read_only = on;\n\
         create extension if not exists pg_stat_statements;\n\
         commit;\n\
         -- Its password, if it needs one (psql asks for it and sends no plain text):\n\
         --   \\password {role}\n"
    )
}

/// Reads a PostgreSQL server every 10 s.
pub struct Postgresql {
    config: Config,
    tls: MakeRustlsConnect,
    readings: Readings,
    top: Top,
    /// What drives the connection; it runs only while a reading waits for an answer.
    runtime: Runtime,
    connection: Option<Connection>,
    reading: u64,
    missing: Vec<Missing>,
}

/// The settings of a connection, and where it leads.
fn settings_of(connection: &str) -> Result<(Config, String), String> {
    let config: Config =
        connection.parse().map_err(|error| format!("no connection to PostgreSQL: {}", chain(&error)))?;
    let place = match config.get_hosts().first() {
        Some(Host::Tcp(name)) => name.clone(),
        Some(Host::Unix(path)) => path.display().to_string(),
        None => return Err("no connection to PostgreSQL: it names no host".to_owned()),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    Ok((config, format!("{place}:{port}")))
}

/// Host and port of a connection.
///
/// # Errors
/// The text names no server.
pub fn place(connection: &str) -> Result<String, String> {
    settings_of(connection).map(|(_, place)| place)
}

impl Postgresql {
    /// Of the server that `connection` names: `host=/run/postgresql user=arachne dbname=shop`, or a URL. `instance` is its name in
    /// series, else host and port. `authority` is the PEM of those whose certificates the server must have; without it a server that
    /// offers TLS is talked to with it, whoever it is, as libpq does (`sslmode` prefer and require).
    ///
    /// # Errors
    /// The text names no server, or forbids the TLS that `authority` asks for; there is no certificate in that; or the system gives no
    /// event queue.
    pub fn new(
        connection: &str,
        password: Option<&str>,
        authority: Option<&str>,
        instance: Option<&str>,
    ) -> Result<Self, String> {
        let (mut config, place) = settings_of(connection)?;
        let tls = if let Some(pem) = authority {
            if config.get_ssl_mode() == SslMode::Disable || place.starts_with('/') {
                return Err(
                    "an authority is named, but the connection is without TLS: leave one of both out".to_owned()
                );
            }
            config.ssl_mode(SslMode::Require);
            tls::of_authority(pem)?
        } else {
            tls::of_anyone()?
        };
        let tls = MakeRustlsConnect::new(tls);
        if let Some(password) = password {
            config.password(password);
        }
        let instance = instance.map_or(place, str::to_owned);
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
        let readings = Readings::new(EVERY).of(("instance", instance));
        Ok(Self { config, tls, readings, top: Top::new(), runtime, connection: None, reading: 0, missing: Vec::new() })
    }
}

impl Collector for Postgresql {
    fn name(&self) -> &'static str {
        "postgresql"
    }

    fn every(&self) -> Duration {
        EVERY
    }

    fn collect(&mut self, now: i64, sink: &mut dyn Sink) -> Result<(), String> {
        let Some(mut report) = self.readings.begin(now, sink) else { return Ok(()) };
        if report.is_first() {
            self.top.restart();
        }
        let sizes = self.reading.is_multiple_of(SIZES);
        self.reading += 1;
        // Taken: after an error the next reading connects anew.
        let connection = self.connection.take();
        let read = async {
            let connection = match connection.filter(|connection| !connection.is_closed()) {
                Some(connection) => connection,
                None => Connection::open(self.config.clone(), self.tls.clone()).await?,
            };
            let missing = read(&connection, &mut self.top, sizes, &mut report).await;
            if connection.is_closed() {
                Err("the server closed the connection".to_owned())
            } else {
                Ok((connection, missing))
            }
        };
        let read = self.runtime.block_on(async { tokio::time::timeout(PATIENCE, read).await });
        let (connection, missing) = read.map_err(|_| format!("no answer within {} s", PATIENCE.as_secs())).flatten()?;
        self.connection = Some(connection);
        self.missing = missing;
        Ok(())
    }

    fn missing(&self) -> Vec<Missing> {
        self.missing.clone()
    }
}

/// All questions of a reading, one after the other. What one of them does not get is missing; the others are asked all the same.
async fn read(connection: &Connection, top: &mut Top, sizes: bool, report: &mut Report<'_>) -> Vec<Missing> {
    let mut missing = Vec::new();
    let mut lost = |what: &str, result: Result<(), String>| {
        if let Err(why) = result {
            let fix = "run what `arachne setup postgresql` prints; see the server's log".to_owned();
            missing.push(Missing { what: what.to_owned(), why, fix });
        }
    };
    lost("connections and transactions", activity::sessions(connection, report).await);
    lost("locks", activity::locks(connection, report).await);
    lost("databases", server::databases(connection, sizes, report).await);
    lost("checkpoints", server::checkpoints(connection, report).await);
    lost("replication", server::replication(connection, report).await);
    // What ends between these two is in the next reading.
    let entries = top.read(connection, report).await;
    let running = activity::running(connection, report).await;
    lost("running statements", running.as_ref().map(|_| ()).map_err(Clone::clone));
    let statements = match entries {
        Ok(entries) => top.tell(connection, entries, &running.unwrap_or_default(), report).await,
        Err(why) => Err(why),
    };
    let settings = settings(connection, report).await;
    lost("statements and their times", statements.as_ref().map(|_| ()).map_err(Clone::clone));
    lost("settings", settings.as_ref().map(|_| ()).map_err(Clone::clone));
    missing.extend(statements.ok().flatten());
    missing.extend(settings.unwrap_or_default());
    missing
}

/// The limit of connections; what the settings and rights of the server hide.
async fn settings(connection: &Connection, report: &mut Report<'_>) -> Result<Vec<Missing>, String> {
    let rows = connection.ask(sql::SETTINGS).await?;
    let row = rows.first().ok_or("the server tells no settings")?;
    report.gauge(&activity::LIMIT, &[], row.number("connections"));
    let mut missing = Vec::new();
    let mut add = |lost: bool, what: &str, why: &str, fix: &str| {
        if lost {
            missing.push(Missing { what: what.to_owned(), why: why.to_owned(), fix: fix.to_owned() });
        }
    };
    let timing = row.label("timing") != "on";
    let set = "set track_io_timing = on in postgresql.conf and reload";
    add(timing, "how long statements waited for disks: it counts as CPU", "track_io_timing is off", set);
    let rights = !row.label("rights").starts_with('t');
    let grant = "grant pg_monitor to the role of the agent";
    add(rights, "states and statements of other users", "the role has no pg_read_all_stats", grant);
    Ok(missing)
}

#[cfg(test)]
mod tests;
