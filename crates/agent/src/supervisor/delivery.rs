//! The way to the server: a thread that spools, tasks that send, and what both tell.
//!
//! ```text
//! offer ─► (bounded queue) ─► spool thread: append, one fsync for all ─► sender ─► server
//!                                                       status ─► teller ─► server ─► instructions
//! ```

mod journal;
mod link;
mod sender;
mod spooling;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arachne_delivery::client::Told;
use arachne_delivery::codec::{CodecError, Packer};
use arachne_delivery::courier::Courier;
use arachne_delivery::instructions::AgentConfig;
use arachne_delivery::outbox::Outbox;
use arachne_delivery::spool::{
    Class, Counts, Directory, Figures, NewBatch, Spool, SpoolError, SpoolSettings, by_class,
};
use arachne_delivery::status::{Breaker, Spool as SpoolStatus, Stage, Status};
use arachne_model::table::Rows;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{Notify, watch};

use crate::args::AgentArgs;
use crate::channel::Packed;
use crate::edge::worker::unix_now;
use journal::Journal;
use link::Link;
pub use link::LinkError;
use spooling::Arrived;

/// Batches that wait to be spooled.
const QUEUE: usize = 16;
/// Bytes of batches that wait in memory while the disk fails.
const MEMORY_BYTES: u64 = 16 << 20;
/// Folder of the spool in that of the agent.
const SPOOL: &str = "spool";

/// Why the agent cannot start.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The folder.
    #[error("cannot use the folder {} (--spool): it must be there or be made, and be writable", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The spool.
    #[error("cannot open the spool in {}", folder.display())]
    Spool {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: SpoolError,
    },
    /// What was kept beside the spool.
    #[error(
        "{} is damaged ({why}), so it is not known what may be captured: put it right, or remove it to begin as the command line says",
        file.display()
    )]
    Kept {
        /// The file.
        file: PathBuf,
        /// Why.
        why: String,
    },
    /// The server's address or certificate.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// No memory.
    #[error(transparent)]
    Pack(#[from] CodecError),
    /// No thread.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
}

/// What is told of the way to the server.
#[derive(Clone, Debug, Default)]
pub struct Delivered {
    /// Names the spool.
    pub epoch: u64,
    /// The server's clock less this host's.
    pub clock_offset_ns: Option<i64>,
    /// Round trip of the last answer.
    pub round_trip_ns: Option<u64>,
    /// What waits.
    pub spool: SpoolStatus,
    /// The circuit breaker.
    pub breaker: Breaker,
    /// Records that came, were delivered, dropped, and that wait.
    pub records: Stage,
}

/// What the tasks share.
struct Shared {
    courier: Mutex<Courier>,
    /// Something was spooled, or the configuration has changed.
    changed: Notify,
    begun: Instant,
}

impl Shared {
    fn courier(&self) -> MutexGuard<'_, Courier> {
        // Each call leaves it whole, whoever panics afterwards.
        self.courier.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> arachne_delivery::courier::Now {
        let monotonic = u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        arachne_delivery::courier::Now { monotonic, wall: unix_now() }
    }
}

/// See the module.
pub struct Delivery {
    shared: Arc<Shared>,
    batches: Option<Sender<Arrived>>,
    spooler: Option<JoinHandle<()>>,
    status: watch::Sender<Option<Status>>,
    clock: watch::Receiver<sender::Seen>,
    link: Option<Arc<Link>>,
    packer: Packer,
    /// Up to where logs had been read at the start.
    position: Vec<u8>,
}

impl Delivery {
    /// Opens the spool and starts to deliver. What the server says comes out of the receiver.
    ///
    /// # Errors
    /// See [`DeliveryError`].
    pub async fn start(args: &AgentArgs, config: &AgentConfig) -> Result<(Self, Receiver<Told>), DeliveryError> {
        let link = Link::of(args).await?.map(Arc::new);
        let spool = open(&args.spool.join(SPOOL), config.limits.spool_bytes)?;
        let journal = Journal::open(&args.spool, &spool);
        let position = journal.position().to_owned();
        let seed = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), unix_now());
        let mut outbox = Outbox::new(seed);
        outbox.set_limit(config.limits.megabytes_per_minute);
        let shared = Arc::new(Shared {
            courier: Mutex::new(Courier::new(spool, outbox)),
            changed: Notify::new(),
            begun: Instant::now(),
        });
        let (batches, waiting) = channel(QUEUE);
        let spooler = spooling::start(Arc::clone(&shared), waiting, journal).map_err(DeliveryError::Thread)?;
        let (status, told) = watch::channel(None);
        let (clock_sender, clock) = watch::channel(sender::Seen::default());
        let (instructions, receiver) = channel(1);
        if let Some(link) = &link {
            tokio::spawn(sender::send(Arc::clone(&shared), Arc::clone(link)));
            tokio::spawn(sender::tell(Arc::clone(link), told, instructions, clock_sender));
        }
        let packer = Packer::new()?;
        let delivery =
            Self { shared, batches: Some(batches), spooler: Some(spooler), status, clock, link, packer, position };
        Ok((delivery, receiver))
    }

    /// Takes a batch, or gives it back when there is no room.
    ///
    /// # Errors
    /// The batch.
    pub fn offer(&self, packed: Packed) -> Result<(), Packed> {
        let Some(batches) = &self.batches else { return Err(packed) };
        match batches.try_reserve() {
            Ok(permit) => {
                permit.send(arrived(packed));
                Ok(())
            }
            Err(_) => Err(packed),
        }
    }

    /// Whether nobody writes the spool any more: then nothing is kept, and the agent is to end, which is seen.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.spooler.as_ref().is_some_and(JoinHandle::is_finished)
    }

    /// Waits for room; `false` when there will be none.
    pub async fn room(&self) -> bool {
        match &self.batches {
            Some(batches) => batches.reserve().await.is_ok(),
            None => false,
        }
    }

    /// Up to where logs had been read when it was started.
    #[must_use]
    pub fn position(&self) -> Vec<u8> {
        self.position.clone()
    }

    /// Spools rows of the supervisor itself.
    pub fn put_rows(&mut self, rows: &Rows) {
        for (class, rows) in by_class(rows.clone()) {
            if let Ok(payload) = self.packer.pack_rows(&rows) {
                let batch = NewBatch { class, counts: Counts::of(&rows), closed: unix_now(), payload };
                self.shared.courier().put(self.shared.now(), batch);
            }
        }
        self.shared.changed.notify_one();
    }

    /// Goes by other limits.
    pub fn configure(&self, config: &AgentConfig) {
        let mut courier = self.shared.courier();
        courier.spool.set_cap(config.limits.spool_bytes);
        courier.outbox.set_limit(config.limits.megabytes_per_minute);
        drop(courier);
        self.shared.changed.notify_one();
    }

    /// The status to tell next; an older one that was not told is forgotten.
    pub fn tell(&self, status: Status) {
        self.status.send_replace(Some(status));
    }

    /// Whether the server has said nothing yet.
    #[must_use]
    pub fn has_no_word(&self) -> bool {
        !self.clock.borrow().any
    }

    /// Where the server is on the network: what goes there is not captured.
    #[must_use]
    pub fn servers(&self) -> Vec<SocketAddr> {
        self.link.as_ref().map(|link| link.client.places()).unwrap_or_default()
    }

    /// What is told of it all.
    #[must_use]
    pub fn delivered(&self) -> Delivered {
        let clock = *self.clock.borrow();
        let courier = self.shared.courier();
        Delivered {
            epoch: courier.spool.epoch(),
            clock_offset_ns: clock.offset_ns,
            round_trip_ns: clock.round_trip_ns,
            spool: courier.status(),
            breaker: courier.outbox.breaker(),
            records: records(&courier.spool.figures()),
        }
    }

    /// Delivers what it can until `deadline`; gives the number of batches that still wait. All are durable then.
    pub async fn finish(&mut self, deadline: Instant) -> u64 {
        self.batches = None;
        if let Some(spooler) = self.spooler.take() {
            let _ = tokio::task::spawn_blocking(move || spooler.join()).await;
        }
        self.shared.changed.notify_one();
        let waiting = |shared: &Shared| shared.courier().spool.figures().waiting_batches.iter().sum::<u64>();
        while self.link.is_some() && waiting(&self.shared) > 0 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let mut courier = self.shared.courier();
        let kept = courier.spool.keep_cursor();
        spooling::complain(kept.err());
        courier.spool.figures().waiting_batches.iter().sum()
    }
}

fn open(folder: &Path, cap_bytes: u64) -> Result<Spool, DeliveryError> {
    let directory =
        Directory::open(folder).map_err(|source| DeliveryError::Folder { folder: folder.to_owned(), source })?;
    let settings = SpoolSettings { cap_bytes, memory_bytes: MEMORY_BYTES };
    let mut epoch = [0; 8];
    let random = rustix::rand::getrandom(&mut epoch, rustix::rand::GetRandomFlags::empty());
    random.map_err(|error| DeliveryError::Folder { folder: folder.to_owned(), source: error.into() })?;
    // 0 names no spool.
    Spool::open(Box::new(directory), settings, u64::from_le_bytes(epoch).max(1))
        .map_err(|source| DeliveryError::Spool { folder: folder.to_owned(), source })
}

fn arrived(packed: Packed) -> Arrived {
    let mut counts = Counts::default();
    for (count, told) in counts.0.iter_mut().zip(&packed.counts) {
        *count = *told;
    }
    let class = Class::from_index(packed.class as usize).unwrap_or(Class::Bulk);
    let batch = NewBatch { class, counts, closed: packed.closed, payload: packed.bytes };
    Arrived { batch, note: packed.note }
}

/// In = out + dropped + in flight, in records.
fn records(figures: &Figures) -> Stage {
    let sum = |by_class: &[u64; 3]| by_class.iter().sum::<u64>();
    let mut dropped: std::collections::BTreeMap<String, u64> = Class::ALL
        .into_iter()
        .zip(figures.dropped)
        .map(|(class, records)| (format!("spool_full_{}", class.name()), records))
        .collect();
    dropped.insert("refused".to_owned(), sum(&figures.refused));
    dropped.insert("damaged".to_owned(), sum(&figures.damaged));
    dropped.retain(|_, records| *records > 0);
    Stage {
        input: sum(&figures.recovered) + sum(&figures.appended),
        output: sum(&figures.delivered),
        in_flight: sum(&figures.waiting),
        dropped,
    }
}
