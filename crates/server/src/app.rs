//! What all requests share.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::agents::Agents;
use crate::auth::Tokens;
use crate::config::Config;
use crate::connection::Peer;
use crate::logins::Logins;
use crate::metrics::Metrics;
use crate::operations::Operations;
use crate::parts::Parts;
use crate::problem::Problem;
use crate::rate::Buckets;
use crate::running::Running;
use crate::saved::Saved;

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
    pub fn new(config: Config, parts: Parts, tokens: Tokens, agents: Agents) -> Self {
        let limits = config.limits.clone();
        Self(Arc::new(Shared {
            rates: Mutex::new(Buckets::new(limits.rate, limits.burst)),
            running: Running::default(),
            operations: Operations::new(&config),
            metrics: Metrics::default(),
            logins: Logins::new(&config.data),
            saved: Saved::new(&config.data),
            stopping: AtomicBool::new(false),
            working: Arc::new(Semaphore::new(limits.working)),
            config,
            parts,
            tokens,
            agents,
        }))
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

/// Nanoseconds since the Unix epoch.
pub(crate) fn now() -> i64 {
    // A clock before 1970 counts as 1970.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}
