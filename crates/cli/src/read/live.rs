//! Standard input and pipes: bytes come when their writer has some, and nobody knows when that ends.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::interrupt::Interrupt;

/// How long to wait before looking again whether the run was interrupted.
const POLL: Duration = Duration::from_millis(200);

/// How long to read on after an interrupt. Ctrl-C reaches the writer of the pipe too, which then writes what it still
/// has and goes: `tcpdump -w - | arachne read -` loses nothing.
const GRACE: Duration = Duration::from_millis(500);

/// An input that is waited for, but not beyond an interrupt: then it ends.
#[derive(Debug)]
pub struct Live<R> {
    inner: R,
    interrupt: Interrupt,
    ends: Option<Instant>,
}

impl<R: Read + AsFd> Live<R> {
    /// Reads `inner`, which must not hold bytes back in a buffer of its own.
    pub const fn new(inner: R, interrupt: Interrupt) -> Self {
        Self { inner, interrupt, ends: None }
    }

    /// How long to wait now; `None` when the time after an interrupt is over.
    fn patience(&mut self) -> Option<Duration> {
        if !self.interrupt.is_set() {
            return Some(POLL);
        }
        let ends = *self.ends.get_or_insert_with(|| Instant::now() + GRACE);
        Some(ends.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero())
    }
}

impl<R: Read + AsFd> Read for Live<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while let Some(patience) = self.patience() {
            let wait = Timespec::try_from(patience).ok();
            match poll(&mut [PollFd::new(&self.inner, PollFlags::IN)], wait.as_ref()) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return self.inner.read(into),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _, pipe};
    use std::time::{Duration, Instant};

    use super::Live;
    use crate::interrupt::Interrupt;

    #[test]
    fn bytes_come_until_the_writer_goes() {
        let (reader, mut writer) = pipe().expect("a pipe");
        let mut live = Live::new(reader, Interrupt::default());
        writer.write_all(b"abc").expect("room in the pipe");
        let mut bytes = [0; 8];
        assert_eq!(live.read(&mut bytes).expect("readable"), 3);
        drop(writer);
        assert_eq!(live.read(&mut bytes).expect("readable"), 0);
    }

    #[test]
    fn an_interrupt_ends_a_quiet_pipe_after_what_is_in_it() {
        let (reader, mut writer) = pipe().expect("a pipe");
        let interrupt = Interrupt::default();
        let mut live = Live::new(reader, interrupt.clone());
        interrupt.set();
        writer.write_all(b"last words").expect("room in the pipe");
        let (mut text, start) = (String::new(), Instant::now());
        live.read_to_string(&mut text).expect("readable");
        assert_eq!(text, "last words");
        assert!(start.elapsed() < Duration::from_secs(5), "the writer is still there");
    }

    #[test]
    fn an_interrupt_ends_a_pipe_that_never_gets_quiet() {
        let (reader, mut writer) = pipe().expect("a pipe");
        let interrupt = Interrupt::default();
        interrupt.set();
        let writing = std::thread::spawn(move || while writer.write_all(&[0; 4096]).is_ok() {});
        let mut live = Live::new(reader, interrupt);
        let read = std::io::copy(&mut live, &mut std::io::sink()).expect("readable");
        assert!(read > 0);
        drop(live);
        writing.join().expect("the writer ends with its reader");
    }
}
