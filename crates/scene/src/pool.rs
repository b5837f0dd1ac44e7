//! A small pool of connections to PostgreSQL, as every service has one: when all are in use, callers wait, and not for ever.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_postgres::{Client, NoTls};

use crate::Failure;

/// The pool.
#[derive(Debug)]
pub struct Pool {
    size: usize,
    free: Arc<Semaphore>,
    clients: Mutex<Vec<Client>>,
}

/// Nobody gave a connection back in time.
#[derive(Debug)]
pub struct Exhausted {
    /// Connections in all.
    pub size: usize,
    /// How long it was waited.
    pub waited: Duration,
}

/// A connection in use.
#[derive(Debug)]
pub struct Taken {
    pool: Arc<Pool>,
    /// Only none while it is given back.
    client: Option<Client>,
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    /// Opens `size` connections.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn open(database: &str, size: usize) -> Result<Arc<Self>, Failure> {
        let mut clients = Vec::new();
        for _ in 0..size {
            let (client, connection) = tokio_postgres::connect(database, NoTls).await?;
            tokio::spawn(connection);
            clients.push(client);
        }
        Ok(Arc::new(Self { size, free: Arc::new(Semaphore::new(size)), clients: Mutex::new(clients) }))
    }

    /// Connections in all, and those that nobody uses.
    pub fn levels(&self) -> (usize, usize) {
        (self.size, self.free.available_permits())
    }

    /// A connection, waiting for it no longer than `patience`.
    ///
    /// # Errors
    /// All were in use all the time.
    pub async fn take(self: &Arc<Self>, patience: Duration) -> Result<Taken, Exhausted> {
        let since = Instant::now();
        let exhausted = || Exhausted { size: self.size, waited: since.elapsed() };
        let permit = tokio::time::timeout(patience, Arc::clone(&self.free).acquire_owned()).await;
        let permit = permit.ok().and_then(Result::ok).ok_or_else(exhausted)?;
        let client = self.clients.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Ok(Taken { pool: Arc::clone(self), client, _permit: permit })
    }
}

impl Taken {
    /// The connection.
    pub fn client(&self) -> &Client {
        self.client.as_ref().expect("a permit stands for one connection, which goes back with it")
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        // Before the permit, which is dropped after this: whoever gets it finds the connection.
        let mut clients = self.pool.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.extend(self.client.take());
    }
}
