//! What all requests share.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

pub(crate) use arachne_telemetry::now;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::agents::Agents;
use crate::auth::Tokens;
use crate::beacons::Beacons;
use crate::config::{Auth, Config};
use crate::connection::Peer;
use crate::listen::Encryption;
use crate::logins::Logins;
use crate::metrics::Metrics;
use crate::operations::Operations;
use crate::own::Own;
use crate::parts::Parts;
use crate::problem::Problem;
use crate::rate::Buckets;
use crate::running::Running;
use crate::saved::Saved;
use crate::tls::Tls;

/// What all requests share.
#[derive(Clone, Debug)]
pub(crate) struct App(Arc<Shared>);

#[derive(Debug)]
pub(crate) struct Shared {
    pub config: Config,
    pub parts: Parts,
    pub tokens: Tokens,
    pub agents: Agents,
    pub logins: Logins,
    pub saved: Saved,
    pub rates: Mutex<Buckets<Peer>>,
    pub running: Running,
    pub operations: Operations,
    pub metrics: Metrics,
    /// What browsers tell.
    pub beacons: Beacons,
    /// What it tells of itself.
    pub own: Own,
    /// Whether who asks over TCP needs a token.
    tokens_needed: AtomicBool,
    /// Where the server listens: the port that the system gave it, where any was asked for.
    address: Mutex<SocketAddr>,
    /// Where agents of other hosts find it, when something stands in front.
    public_url: Mutex<Option<String>>,
    /// What encrypts connections at the present address.
    tls: Mutex<Encryption>,
    /// Why the file that the server is configured by is not in force; nothing when it is, or there is none.
    pub refused: Mutex<Option<String>>,
    /// The server takes no more work.
    pub stopping: AtomicBool,
    working: Arc<Semaphore>,
}

impl std::ops::Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl App {
    pub fn new(config: Config, parts: Parts, tokens: Tokens, agents: Agents, tls: Option<Arc<Tls>>) -> Self {
        let limits = config.limits.clone();
        Self(Arc::new(Shared {
            rates: Mutex::new(Buckets::new(limits.rate, limits.burst)),
            running: Running::default(),
            operations: Operations::new(&config),
            metrics: Metrics::default(),
            beacons: Beacons::new(parts.beacons.clone(), &config),
            own: Own::new(config.access.own_series),
            logins: Logins::new(&config.data),
            saved: Saved::new(&config.data),
            tokens_needed: AtomicBool::new(config.access.auth == Auth::Required),
            address: Mutex::new(config.access.listen),
            public_url: Mutex::new(config.access.public_url.clone()),
            tls: Mutex::new(Arc::new(RwLock::new(tls))),
            refused: Mutex::default(),
            stopping: AtomicBool::new(false),
            working: Arc::new(Semaphore::new(limits.working)),
            config,
            parts,
            tokens,
            agents,
        }))
    }

    /// Who may ask over TCP.
    pub fn auth(&self) -> Auth {
        if self.tokens_needed.load(Ordering::Acquire) { Auth::Required } else { Auth::Local }
    }

    pub fn set_auth(&self, auth: Auth) {
        self.tokens_needed.store(auth == Auth::Required, Ordering::Release);
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        *self.address.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where agents of other hosts find it, when something stands in front.
    pub fn public_url(&self) -> Option<String> {
        self.public_url.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn set_public_url(&self, url: Option<String>) {
        *self.public_url.lock().unwrap_or_else(PoisonError::into_inner) = url;
    }

    pub fn set_address(&self, address: SocketAddr) {
        *self.address.lock().unwrap_or_else(PoisonError::into_inner) = address;
    }

    /// Where what encrypts connections stands, at the present address.
    pub fn tls(&self) -> Encryption {
        Arc::clone(&self.tls.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn set_tls(&self, tls: Encryption) {
        *self.tls.lock().unwrap_or_else(PoisonError::into_inner) = tls;
    }

    /// What encrypts new connections over TCP.
    pub fn encryption(&self) -> Option<Arc<Tls>> {
        self.tls().read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What agents tell this server by, where it speaks TLS.
    pub fn pin(&self) -> Option<String> {
        self.encryption().map(|tls| tls.pin())
    }

    /// Requests that work, and how many may.
    pub fn load(&self) -> (usize, usize) {
        let all = self.config.limits.working;
        (all - self.working.available_permits().min(all), all)
    }

    /// A place among those who work.
    pub fn place(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let busy = |_| {
            let detail = format!("{} requests work already; try again", self.config.limits.working);
            Problem::new("busy", detail).again_after(1)
        };
        Arc::clone(&self.working).try_acquire_owned().map_err(busy)
    }
}
