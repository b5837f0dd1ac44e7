//! A file that still grows, read like an endless one.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long to wait before the next look at the end of the file.
const POLL: Duration = Duration::from_millis(200);

/// An input whose size may change while it is read.
pub trait Growing: Read {
    /// Its size now, in bytes.
    ///
    /// # Errors
    /// It cannot be told.
    fn size(&self) -> io::Result<u64>;
}

impl Growing for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

/// Reads on where a file ends now, until it is told to stop. A file that is renamed is followed under its new name; one
/// that gets smaller is an error.
pub struct Follow<R> {
    inner: R,
    position: u64,
    stop: Arc<AtomicBool>,
    wait: Box<dyn FnMut() + Send>,
}

impl<R: Growing> Follow<R> {
    /// Follows `inner`, looking for more five times a second until `stop` is set.
    pub fn new(inner: R, stop: Arc<AtomicBool>) -> Self {
        Self::with_wait(inner, stop, || std::thread::sleep(POLL))
    }

    /// As [`Self::new`], with another way to wait for growth: `wait` is called at the end of the file, as often as
    /// nothing has come.
    pub fn with_wait(inner: R, stop: Arc<AtomicBool>, wait: impl FnMut() + Send + 'static) -> Self {
        Self { inner, position: 0, stop, wait: Box::new(wait) }
    }
}

impl<R: Growing> Read for Follow<R> {
    /// What there is; waits while there is nothing. The end only comes once `stop` is set, after what is there.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            // Asked before the read: what was written until then is still taken.
            let stopped = self.stop.load(Ordering::Acquire);
            let count = self.inner.read(into)?;
            self.position += count as u64;
            if count > 0 || stopped || into.is_empty() {
                return Ok(count);
            }
            if self.inner.size()? < self.position {
                return Err(io::Error::other("the file got smaller while it was followed"));
            }
            (self.wait)();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::{self, Read};
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, Mutex};

    use super::{Follow, Growing};

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<(Vec<u8>, usize)>>);

    impl Read for Shared {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let (bytes, at) = &mut *self.0.lock().unwrap();
            let count = bytes.get(*at..).unwrap_or_default().read(into)?;
            *at += count;
            Ok(count)
        }
    }

    impl Growing for Shared {
        fn size(&self) -> io::Result<u64> {
            Ok(self.0.lock().unwrap().0.len() as u64)
        }
    }

    #[test]
    fn growth_is_read_until_it_is_stopped() {
        let (file, stop) = (Shared::default(), Arc::new(AtomicBool::new(false)));
        let (writer, flag, mut rounds) = (file.clone(), Arc::clone(&stop), 0);
        let mut follow = Follow::with_wait(file, stop, move || {
            rounds += 1;
            match rounds {
                1 | 2 => writer.0.lock().unwrap().0.extend(b"ab"),
                3 => {}
                _ => flag.store(true, Ordering::Release),
            }
        });
        let mut text = String::new();
        follow.read_to_string(&mut text).unwrap();
        assert_eq!(text, "abab");
    }

    #[test]
    fn a_file_that_gets_smaller_is_an_error() {
        let (file, stop) = (Shared::default(), Arc::new(AtomicBool::new(false)));
        file.0.lock().unwrap().0.extend(b"abc");
        let writer = file.clone();
        let mut follow = Follow::with_wait(file, stop, move || writer.0.lock().unwrap().0.truncate(1));
        let error = follow.read_to_end(&mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("smaller"));
    }
}
