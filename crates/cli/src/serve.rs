//! `arachne serve`: the store with the HTTP API, SQL and imports, in one process.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::{Context as _, Result};
use arachne_capture::interface::filter::{Filter, FilterError};
use arachne_capture::rows::ServiceRule;
use arachne_config::{Agent, Limit, Retention};
use arachne_content::redact::{Redactor, Rules};
use arachne_model::table::TABLES;
use arachne_server::{
    Access, Auth, BadCaptureFilter, CaptureFilter, Config, ImportFailure, ImportJob, ImportStep, ImportWatch, Imported,
    Importer, PORT, Parts, Ready, SqlFailure, SqlRows, SqlRunner, TlsFiles, UiFile, serve,
};
use arachne_sql::SqlError;
use arachne_store::{Store, StoreError, Watch};
use arachne_store_parquet::{EmbeddedStore, Settings};
use arachne_telemetry::{Flood, codes, emit, init};
use arachne_ui_assets::Asset;
use clap::{Args, ValueEnum};
use serde_json::Value as Json;

use crate::args::{ImportArgs, Messages};
use crate::ask::holder::{Opened, open};
use crate::exit::ExitStatus;
use crate::import::one::{Done, Setting, import};
use crate::import::plan::Plan;
use crate::import::{key, source};
use crate::interrupt::Interrupt;
use crate::local_agent::OwnAgent;
use crate::progress::Progress;
use crate::read::source::Source;
use crate::reload::{Origin, watch};

/// Who may ask over TCP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum AuthArg {
    /// Whoever is on this machine
    #[default]
    Local,
    /// Whoever has a token
    Required,
}

/// The arguments of `arachne serve`.
#[derive(Clone, Debug, Args)]
pub struct ServeArgs {
    /// The data folder [default: ARACHNE_DATA, else arachne in the user's data folder]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// Where the API listens; elsewhere than on loopback it asks for tokens and speaks TLS [default: server.listen, else
    /// 127.0.0.1:7117]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,

    /// Who may ask over TCP; the admin token is shown once, at the first start [default: server.auth, else local]
    #[arg(long, value_enum)]
    pub auth: Option<AuthArg>,

    /// The certificate for TLS, in PEM, with those that lead to its issuer [default: server.tls.certificate, else one that the
    /// server makes for itself and keeps in tls/ of the data folder]
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_certificate: Option<PathBuf>,

    /// The key of the certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub tls_key: Option<PathBuf>,

    /// How long, or how much of, a table stays: TABLE=LIMIT, such as exchanges=30d, packets=7d or bodies=50GiB; oldest rows go
    /// first; may be repeated [default: everything stays]
    #[arg(long, value_name = "TABLE=LIMIT")]
    pub retain: Vec<String>,

    /// How long tables stay, as configured.
    #[arg(skip)]
    pub retention: Vec<Retention>,

    /// What services are called in captures that are uploaded, as configured.
    #[arg(skip)]
    pub services: Vec<ServiceRule>,

    /// The agent of this machine, as configured.
    #[arg(skip)]
    pub agent: Option<Agent>,

    /// The file that was read, which is watched.
    #[arg(skip)]
    pub origin: Option<Origin>,

    /// What is said.
    #[command(flatten)]
    pub messages: Messages,
}

impl ServeArgs {
    /// Who may ask, and where.
    #[must_use]
    pub fn access(&self) -> Access {
        let auth = match self.auth.unwrap_or_default() {
            AuthArg::Local => Auth::Local,
            AuthArg::Required => Auth::Required,
        };
        let listen = self.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], PORT)));
        let tls = self.tls_certificate.clone().zip(self.tls_key.clone());
        Access { listen, auth, tls: tls.map(|(certificate, key)| TlsFiles { certificate, key }) }
    }

    /// The settings of the store.
    ///
    /// # Errors
    /// A limit is no limit.
    pub fn settings(&self) -> Result<Settings> {
        settings(&self.retention, &self.retain)
    }
}

/// Rules that name services, which may change.
#[derive(Clone, Debug, Default)]
pub struct Services(Arc<RwLock<Vec<ServiceRule>>>);

impl Services {
    fn of(rules: Vec<ServiceRule>) -> Self {
        Self(Arc::new(RwLock::new(rules)))
    }

    fn all(&self) -> Vec<ServiceRule> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Others, from the next import on.
    pub fn set(&self, rules: Vec<ServiceRule>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = rules;
    }
}

/// What a change of the configuration reaches beside the server.
#[derive(Clone, Debug)]
pub struct Swappable {
    /// The store.
    pub store: Arc<EmbeddedStore>,
    /// Rules that name services.
    pub services: Services,
    /// The agent that the server starts itself.
    pub agent: OwnAgent,
    /// The data folder.
    pub data: PathBuf,
}

/// The settings with what is asked for of tables; later wishes win.
fn settings(configured: &[Retention], retain: &[String]) -> Result<Settings> {
    let mut settings = Settings::default();
    for retention in configured {
        keep(&mut settings, retention.table, retention.limit);
    }
    for wish in retain {
        let wrong = || format!("--retain {wish}: write TABLE=LIMIT, such as exchanges=30d or bodies=50GiB");
        let (name, limit) = wish.split_once('=').with_context(wrong)?;
        let limit = Limit::parse(limit).map_err(anyhow::Error::msg).with_context(wrong)?;
        anyhow::ensure!(keep(&mut settings, name, limit), wrong());
    }
    Ok(settings)
}

/// Limits a table; false when there is none of that name.
fn keep(settings: &mut Settings, table: &str, limit: Limit) -> bool {
    let Some(place) = TABLES.iter().position(|known| known.name == table) else { return false };
    let retention = &mut settings.retention[place];
    match limit {
        Limit::Age(age) => retention.max_age = Some(age),
        Limit::Bytes(bytes) => retention.max_bytes = Some(bytes),
    }
    true
}

/// Runs the command.
#[must_use]
pub fn run(args: &ServeArgs) -> ExitStatus {
    let _log = init(args.messages.format(), args.messages.verbosity(), Flood::Limited);
    match start(args) {
        Ok(()) => ExitStatus::Done,
        Err(error) => {
            emit!(codes::SERVER_MAIN_004, error = format!("{error:#}"));
            match error.downcast_ref::<StoreError>() {
                Some(StoreError::Newer { .. }) => ExitStatus::BadConfiguration,
                _ => ExitStatus::Unexpected,
            }
        }
    }
}

fn start(args: &ServeArgs) -> Result<()> {
    let data = crate::store::data_dir(args.data.as_deref())?;
    crate::store::make_dir(&data)?;
    let store = match open(&data, args.settings()?)? {
        Opened::Here(store) => Arc::new(store),
        Opened::Served(socket) => {
            anyhow::bail!("a server holds {} already; it listens on {}", data.display(), socket.display())
        }
    };
    let redactor = Redactor::new(key::key(&data)?, Rules::default());
    let services = Services::of(args.services.clone());
    let parts = Parts {
        store: Arc::clone(&store) as Arc<dyn Store>,
        sql: Some(Arc::new(Sql(Arc::clone(&store)))),
        importer: Arc::new(Captures { store: Arc::clone(&store), redactor, services: services.clone() }),
        ui: arachne_ui_assets::all().iter().map(ui_file).collect(),
        capture_filter: Some(Arc::new(Tcpdump)),
        keys: Some(key::keys(&data)?),
    };
    let config = Config { access: args.access(), ..Config::new(data.clone()) };
    let agent = OwnAgent::default();
    let swappable = Swappable { store: Arc::clone(&store), services, agent: agent.clone(), data };
    let mut watcher = Ok(None);
    let ready = |ready: &Ready<'_>| {
        greet(ready);
        if let Err(error) = swappable.agent.set(args.agent.as_ref(), &swappable.data, ready.control) {
            emit!(codes::SERVER_AGENT_006, why = format!("{error:#}"));
        }
        let watched = |origin: &Origin| watch(origin.clone(), args.clone(), ready.control.clone(), swappable);
        watcher = args.origin.as_ref().map(watched).transpose();
    };
    // What the agent still has is delivered while the server answers.
    serve(config, parts, ready, move || agent.stop())?;
    drop(watcher?);
    // Work that did not end in time keeps the store; the write-ahead log has what it needs.
    Arc::into_inner(store).map_or(Ok(()), EmbeddedStore::close).context("cannot close the store")
}

fn ui_file(asset: &Asset) -> UiFile {
    let Asset { path, raw, br, gz, etag } = *asset;
    UiFile { path, raw, br, gz, etag }
}

/// People are told where to look; where standard error is gone there is nobody to tell.
fn greet(ready: &Ready<'_>) {
    let scheme = if ready.pin.is_some() { "https" } else { "http" };
    let mut text = format!("{scheme}://{}/\n", ready.address);
    if let Some(pin) = ready.pin {
        text.push_str(&format!("certificate pin, for agents: {pin}\n"));
    }
    if let Some(token) = ready.fresh_token {
        text.push_str(&format!("admin token, shown only now: {token}\n"));
    }
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Judges filters of agents as agents do.
struct Tcpdump;

impl CaptureFilter for Tcpdump {
    fn check(&self, text: &str) -> Result<(), BadCaptureFilter> {
        let bad = |FilterError { message, span, fix }| BadCaptureFilter { message, span, fix };
        Filter::parse(text).map(drop).map_err(bad)
    }
}

struct Sql(Arc<EmbeddedStore>);

impl SqlRunner for Sql {
    fn run(&self, statement: &str, watch: &dyn Watch, rows: &mut dyn SqlRows) -> Result<(), SqlFailure> {
        let limits = arachne_sql::Limits::default();
        arachne_sql::run(&self.0, statement, limits, watch, &mut Passed(rows)).map_err(|error| match error {
            SqlError::Statement(text) => SqlFailure::Statement(text),
            SqlError::Stopped => SqlFailure::Stopped,
            SqlError::Failed(text) => SqlFailure::Failed(text),
        })
    }
}

/// Hands rows on.
struct Passed<'a>(&'a mut dyn SqlRows);

impl arachne_sql::Rows for Passed<'_> {
    fn names(&mut self, names: &[String]) -> ControlFlow<()> {
        self.0.names(names)
    }

    fn row(&mut self, row: Vec<Json>) -> ControlFlow<()> {
        self.0.row(row)
    }
}

struct Captures {
    store: Arc<EmbeddedStore>,
    redactor: Redactor,
    services: Services,
}

/// The command line that an upload stands for.
fn arguments(job: &ImportJob<'_>) -> ImportArgs {
    let options = job.options;
    ImportArgs {
        no_packets: !options.packets,
        no_sessions: !options.sessions,
        no_bodies: !options.bodies,
        replace: options.replace,
        keep: Some(options.keep.clone()),
        tags: options.tags.split_whitespace().map(str::to_owned).collect(),
        ..ImportArgs::of(job.path)
    }
}

impl Importer for Captures {
    fn import(&self, job: ImportJob<'_>, watch: &dyn ImportWatch) -> Result<Imported, ImportFailure> {
        let args = ImportArgs { services: self.services.all(), ..arguments(&job) };
        let wrong = |diagnostics: Vec<arachne_filter::Diagnostic>| {
            ImportFailure::Refused(diagnostics.into_iter().map(|d| d.message).collect::<Vec<_>>().join("; "))
        };
        let plan = Plan::of(&args).map_err(wrong)?;
        let interrupt = Interrupt::default();
        let mut sources = Source::list(&args.files, false);
        let source = sources.first_mut().ok_or_else(|| ImportFailure::Failed("no file".to_owned()))?;
        let total = std::fs::metadata(job.path).map_or(0, |facts| facts.len());
        std::thread::scope(|scope| {
            let (sender, steps) = std::sync::mpsc::channel();
            // Nobody listens once the import was given up.
            let told = move |bytes| sender.send(bytes).unwrap_or_default();
            let (setting, source) = (self.setting(&plan, &job, interrupt.clone()), source);
            let work = scope.spawn(move || one(&setting, source, Progress::told(Box::new(told))));
            // The channel closes with the work.
            for bytes in steps {
                let step = ImportStep { bytes, bytes_total: total, ..ImportStep::default() };
                if watch.progress(step).is_break() {
                    interrupt.set();
                }
            }
            work.join().unwrap_or_else(|_| Err(ImportFailure::Failed("the import panicked".to_owned())))
        })
    }
}

impl Captures {
    fn setting<'a>(&'a self, plan: &'a Plan, job: &ImportJob<'_>, interrupt: Interrupt) -> Setting<'a> {
        Setting {
            store: &*self.store,
            plan,
            redactor: self.redactor.clone(),
            replace: job.options.replace,
            keep_secrets: false,
            threads: None,
            interrupt,
            label: Some(job.label.to_owned()),
        }
    }
}

fn one(setting: &Setting<'_>, source: &mut Source, progress: Progress) -> Result<Imported, ImportFailure> {
    let hash = source::identify(source, &setting.interrupt, &Progress::hidden()).map_err(|unknown| match unknown {
        source::Unknown::Interrupted => ImportFailure::Stopped,
        source::Unknown::Unreadable(note) => ImportFailure::Failed(note.notice.words()),
    })?;
    let (report, _, done) = import(setting, source, &hash, progress);
    // A file of ours has no name that people know: what is told is about its content alone.
    let notices: Vec<String> = report.notes.iter().map(|note| note.notice.words()).collect();
    match done {
        Ok(Done::Already(facts)) => Ok(Imported { facts, already: true, notices }),
        Ok(Done::Stored(facts)) => Ok(Imported { facts, already: false, notices }),
        Ok(Done::Unfinished) if setting.interrupt.is_set() => Err(ImportFailure::Stopped),
        Ok(Done::Unfinished) => Err(ImportFailure::Refused(notices.join("; "))),
        Err(StoreError::OtherOptions { existing, .. }) => Err(ImportFailure::OtherOptions(existing)),
        Err(StoreError::Full { .. }) => Err(ImportFailure::Full),
        Err(error) => Err(ImportFailure::Failed(arachne_telemetry::chain(&error).to_string())),
    }
}

impl ImportArgs {
    /// The command line with nothing but a file.
    fn of(file: &Path) -> Self {
        Self {
            files: vec![file.to_owned()],
            data: None,
            services: Vec::new(),
            no_packets: false,
            no_sessions: false,
            no_bodies: false,
            full_packets: false,
            keep: None,
            join: false,
            agent: "file".to_owned(),
            vantage: None,
            tags: Vec::new(),
            end_at: None,
            replace: false,
            decode: None,
            threads: None,
            keep_secrets: false,
            stats: false,
            messages: Messages::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::settings;

    #[test]
    fn limits_of_tables() {
        let settings = settings(&[], &["exchanges=30d".to_owned(), "bodies=2GiB".to_owned()]).expect("good limits");
        assert_eq!(settings.retention[0].max_age, Some(Duration::from_secs(30 * 86_400)));
        assert_eq!((settings.retention[0].max_bytes, settings.retention[3].max_bytes), (None, Some(2 << 30)));
        assert_eq!(settings.retention[1].max_age, None);
    }

    #[test]
    fn wrong_limits_say_how_to_write_them() {
        for wish in ["exchanges", "shops=30d", "exchanges=much", "bodies=-1GiB"] {
            let error = settings(&[], &[wish.to_owned()]).expect_err("no limit").to_string();
            assert!(error.contains("TABLE=LIMIT") && error.contains(wish), "{error}");
        }
    }
}
