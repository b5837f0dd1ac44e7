//! `arachne serve`: the store with the HTTP API, SQL and imports, in one process.

mod browsers;
mod parts;

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::{Context as _, Result};
use arachne_capture::rows::ServiceRule;
use arachne_config::{Agent, Limit, PathRule, Retention};
use arachne_content::redact::{self, Redactor};
use arachne_model::table::STORED;
use arachne_server::{Access, Auth, Config, PORT, Parts, Ready, TlsFiles, UiFile, serve};
use arachne_store::{Store, StoreError};
use arachne_store_parquet::{EmbeddedStore, Settings};
use arachne_telemetry::{Flood, codes, emit, init};
use arachne_ui_assets::Asset;
use clap::{Args, ValueEnum};

use self::browsers::Browsers;
use self::parts::{Captures, Sql, Tcpdump};
use crate::args::Messages;
use crate::ask::holder::{Opened, open};
use crate::exit::ExitStatus;
use crate::import::key;
use crate::local_agent::OwnAgent;
use crate::reload::{Origin, on_hangup, watch};

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

    /// What templates paths have, as configured.
    #[arg(skip)]
    pub paths: Vec<PathRule>,

    /// Where agents of other hosts find the server, as configured.
    #[arg(skip)]
    pub public_url: Option<String>,

    /// Whether browsers may tell how pages were loaded, as configured.
    #[arg(skip)]
    pub beacons: Option<bool>,

    /// Whether the server keeps its own figures as series, as configured.
    #[arg(skip)]
    pub own_series: Option<bool>,

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
        let tls = tls.map(|(certificate, key)| TlsFiles { certificate, key });
        let (beacons, own_series) = (self.beacons, self.own_series.unwrap_or(true));
        Access { listen, public_url: self.public_url.clone(), auth, tls, beacons, own_series }
    }

    /// The settings of the store.
    ///
    /// # Errors
    /// A limit is no limit.
    pub fn settings(&self) -> Result<Settings> {
        settings(&self.retention, &self.retain)
    }
}

/// Rules for captures that are uploaded, which may change.
#[derive(Debug)]
pub struct Rules<T>(Arc<RwLock<Vec<T>>>);

impl<T> Clone for Rules<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Clone> Rules<T> {
    fn of(rules: Vec<T>) -> Self {
        Self(Arc::new(RwLock::new(rules)))
    }

    fn all(&self) -> Vec<T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Others, from the next import on.
    pub fn set(&self, rules: Vec<T>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = rules;
    }
}

/// What a change of the configuration reaches beside the server.
#[derive(Clone, Debug)]
pub struct Swappable {
    /// The store.
    pub store: Arc<EmbeddedStore>,
    /// Rules that name services.
    pub services: Rules<ServiceRule>,
    /// What templates paths have.
    pub paths: Rules<PathRule>,
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
    let Some(place) = STORED.iter().position(|known| known.name == table) else { return false };
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
    arachne_agent::stay_small();
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
    let watched = args.origin.clone().map(|origin| on_hangup().map(|forced| (origin, forced))).transpose()?;
    let data = crate::store::data_dir(args.data.as_deref())?;
    crate::store::make_dir(&data)?;
    let store = match open(&data, args.settings()?)? {
        Opened::Here(store) => Arc::new(store),
        Opened::Served(socket) => {
            anyhow::bail!("a server holds {} already; it listens on {}", data.display(), socket.display())
        }
    };
    let secret = redact::Rules::default;
    let redactor = Redactor::new(key::key(&data)?, secret());
    let (services, paths) = (Rules::of(args.services.clone()), Rules::of(args.paths.clone()));
    let parts = Parts {
        store: Arc::clone(&store) as Arc<dyn Store>,
        sql: Some(Arc::new(Sql(Arc::clone(&store)))),
        importer: Arc::new(Captures {
            store: Arc::clone(&store),
            redactor,
            services: services.clone(),
            paths: paths.clone(),
        }),
        ui: arachne_ui_assets::all().iter().map(ui_file).collect(),
        capture_filter: Some(Arc::new(Tcpdump)),
        keys: Some(key::keys(&data)?),
        beacons: Some(Arc::new(Browsers::new(Redactor::new(key::key(&data)?, secret())))),
    };
    let config = Config { access: args.access(), paths: args.paths.clone(), ..Config::new(data.clone()) };
    let agent = OwnAgent::default();
    let swappable = Swappable { store: Arc::clone(&store), services, paths, agent: agent.clone(), data };
    let mut watcher = Ok(None);
    let ready = |ready: &Ready<'_>| {
        greet(ready);
        if let Err(error) = swappable.agent.set(args.agent.as_ref(), &swappable.data, ready.control) {
            emit!(codes::SERVER_AGENT_007, error = format!("{error:#}"));
        }
        let begin =
            |(origin, forced): (Origin, _)| watch(origin, args.clone(), ready.control.clone(), swappable, forced);
        watcher = watched.map(begin).transpose();
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
