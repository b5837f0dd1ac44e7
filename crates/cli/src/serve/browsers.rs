//! Beacons of browsers as rows.

use std::hash::BuildHasher as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use arachne_aggregate::Normaliser;
use arachne_capture::rows::SourceKey;
use arachne_collectors::beacon::{Receiver, Unfit};
use arachne_content::redact::Redactor;
use arachne_model::UnixNanos;
use arachne_model::table::Rows;
use arachne_server::Beacons;

/// Who measured what browsers told. No agent is called so.
const AGENT: &str = "~server";

/// Takes beacons.
pub struct Browsers {
    receiver: Mutex<Receiver>,
    key: SourceKey,
}

impl Browsers {
    /// What is kept passes `redactor`.
    pub fn new(redactor: Redactor) -> Self {
        // The state of every map of the standard library is random.
        let seed = std::hash::RandomState::new().hash_one(AGENT);
        Self { receiver: Mutex::new(Receiver::new(redactor, seed)), key: SourceKey::new(AGENT) }
    }

    fn receiver(&self) -> MutexGuard<'_, Receiver> {
        self.receiver.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Beacons for Browsers {
    fn take(&self, query: &[u8], user_agent: &[u8], now: i64) -> Result<(), String> {
        match self.receiver().push(query, user_agent, now) {
            Ok(()) | Err(Unfit::Bot) => Ok(()),
            Err(unfit) => Err(unfit.to_string()),
        }
    }

    fn refuse(&self) {
        self.receiver().refuse();
    }

    fn go_by(&self, normaliser: Normaliser) {
        self.receiver().go_by(normaliser);
    }

    fn rows(&self, now: i64) -> Rows {
        let (mut points, mut logs) = self.receiver().take(now);
        points.iter_mut().for_each(|point| AGENT.clone_into(&mut point.agent));
        for log in &mut logs {
            AGENT.clone_into(&mut log.agent);
            log.id = self.key.log(UnixNanos(log.start), &log.id);
        }
        Rows { points, logs, ..Rows::default() }
    }
}
