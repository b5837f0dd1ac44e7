//! A process of the agent, as its supervisor sees it.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Child as Process, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use arachne_delivery::BATCH_PACKED_MAX;
use arachne_delivery::codec::BATCH_ROWS_MAX;
use arachne_delivery::instructions::SECRET_ENV;
use arachne_delivery::spool::COUNTS_LEN;
use arachne_telemetry::chain;
use tokio::sync::mpsc::Sender;

use crate::channel::{ChannelError, Order, Packed, Reader, Said, next_said, send_order};
use crate::collect;

/// How long it may take orders.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is heard of a capture process.
#[derive(Debug)]
pub enum Heard {
    /// It says something.
    Said(Said),
    /// It says nothing more; why, where that is not its end.
    Gone(Option<String>),
}

/// A capture process.
pub struct Child {
    process: Process,
    socket: UnixStream,
    /// Tells it from those before.
    pub number: u64,
    /// When it was started.
    pub started: Instant,
}

impl Child {
    /// Starts one, which the first `argument` tells what to be. What it says comes to `heard` with its number, and waits there: a slow supervisor slows it down.
    ///
    /// # Errors
    /// The system does not start it.
    pub fn start(number: u64, argument: &str, heard: Sender<(u64, Heard)>) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_write_timeout(Some(PATIENCE))?;
        // The running program itself, also when its file was replaced by an update.
        let mut command = Command::new("/proc/self/exe");
        command
            .arg0("arachne-agent")
            .arg(argument)
            .env_clear()
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null());
        if let Some(backtrace) = std::env::var_os("RUST_BACKTRACE") {
            command.env("RUST_BACKTRACE", backtrace);
        }
        // Passwords of databases, for who asks these: the process that reads what strangers wrote has none.
        if argument == collect::ARGUMENT {
            command.envs(
                std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(SECRET_ENV.as_bytes())),
            );
        }
        let process = command.spawn()?;
        let reader = Reader::new(ours.try_clone()?);
        thread::Builder::new().name("capture-reader".to_owned()).spawn(move || listen(reader, number, &heard))?;
        Ok(Self { process, socket: ours, number, started: Instant::now() })
    }

    /// Its number in the system.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Gives it an order.
    ///
    /// # Errors
    /// It takes none: it is gone, or hangs.
    pub fn order(&mut self, order: &Order) -> Result<(), ChannelError> {
        send_order(&mut self.socket, order)
    }

    /// How it ended, where it has.
    pub fn ended(&mut self) -> Option<String> {
        match self.process.try_wait() {
            Ok(None) => None,
            Ok(Some(status)) => Some(status.to_string()),
            Err(error) => Some(error.to_string()),
        }
    }

    /// Ends it at once. What it has not handed over is lost.
    pub fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

fn listen(mut reader: Reader<UnixStream>, number: u64, heard: &Sender<(u64, Heard)>) {
    loop {
        let said = match next_said(&mut reader) {
            Ok(Some(Said::Packed(packed))) => judge(&packed).map(|()| Said::Packed(packed)).map_err(Some),
            Ok(Some(said)) => Ok(said),
            Ok(None) => Err(None),
            Err(error) => Err(Some(chain(&error).to_string())),
        };
        let (said, over) = match said {
            Ok(said) => (Heard::Said(said), false),
            Err(why) => (Heard::Gone(why), true),
        };
        if heard.blocking_send((number, said)).is_err() || over {
            return;
        }
    }
}

/// A capture process may have been taken over by what it read: its batches are judged as a stranger's.
fn judge(packed: &Packed) -> Result<(), String> {
    let (rows, bytes, tables) = (packed.rows(), packed.bytes.len(), packed.counts.len());
    if bytes > BATCH_PACKED_MAX || rows > BATCH_ROWS_MAX as u64 || rows == 0 || tables > COUNTS_LEN {
        return Err(format!("a batch of {rows} rows of {tables} tables in {bytes} bytes, which cannot be"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::judge;
    use crate::channel::Packed;

    #[test]
    fn batches_that_cannot_be() {
        let packed =
            |counts: &[u32], bytes| Packed { counts: counts.to_vec(), bytes: vec![0; bytes], ..Packed::default() };
        assert!(judge(&packed(&[0, 1], 1)).is_ok());
        assert!(judge(&packed(&[], 1)).is_err());
        assert!(judge(&packed(&[u32::MAX, u32::MAX], 1)).is_err());
        assert!(judge(&packed(&[1], (8 << 20) + 1)).is_err());
        assert!(judge(&packed(&[1; 9], 1)).is_err());
    }
}
