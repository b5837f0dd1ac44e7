//! Connections: who is at the other end, a time-out for request heads that come too slowly, and when one is idle.
//!
//! hyper's own time-out of heads also ends connections that are merely idle, so the time from the first byte of a head to its
//! last is watched here. HTTP/2 has frames that are no heads: there only the time without a request counts.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// What an HTTP/2 connection begins with. Source: RFC 9113, section 3.4.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Peer {
    /// Over TCP.
    Address(IpAddr),
    /// Over the socket in the data folder.
    Socket,
}

/// How a request came in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Way {
    /// It is encrypted.
    pub tls: bool,
    /// Other machines reach this address: whoever comes this way needs a token, whatever is configured meanwhile.
    pub public: bool,
}

/// Which requests of a connection are being answered: their heads have come whole, their answers have not left.
#[derive(Clone, Debug, Default)]
pub(crate) struct Phase(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    open: AtomicUsize,
    /// Begins and ends of requests.
    events: AtomicU64,
}

/// A request that is being answered, until this is dropped.
#[derive(Debug)]
pub(crate) struct Inside(Phase);

impl Phase {
    pub fn enter(&self) -> Inside {
        self.0.open.fetch_add(1, Ordering::Relaxed);
        self.0.events.fetch_add(1, Ordering::Relaxed);
        Inside(self.clone())
    }

    /// Whether no request has come so far.
    pub fn is_new(&self) -> bool {
        self.0.events.load(Ordering::Relaxed) == 0
    }

    fn is_answering(&self) -> bool {
        self.0.open.load(Ordering::Relaxed) > 0
    }

    /// Waits until there was no request for `time`, at least.
    pub async fn idle(&self, time: Duration) {
        loop {
            let before = self.0.events.load(Ordering::Relaxed);
            sleep(time).await;
            if !self.is_answering() && self.0.events.load(Ordering::Relaxed) == before {
                return;
            }
        }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.0.open.fetch_sub(1, Ordering::Relaxed);
        self.0.0.events.fetch_add(1, Ordering::Relaxed);
    }
}

/// The body of an answer: its request is being answered until it has left.
pub(crate) struct Leaving {
    body: Body,
    _inside: Inside,
}

impl Leaving {
    pub fn new(body: Body, inside: Inside) -> Self {
        Self { body, _inside: inside }
    }
}

impl hyper::body::Body for Leaving {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What a connection speaks, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speaks {
    /// So many bytes are those of [`PREFACE`].
    Unknown(usize),
    Http1,
    Http2,
}

impl Speaks {
    fn after(self, bytes: &[u8]) -> Self {
        let Self::Unknown(seen) = self else { return self };
        let rest = &PREFACE[seen..];
        let length = rest.len().min(bytes.len());
        match bytes[..length] == rest[..length] {
            false => Self::Http1,
            true if length == rest.len() => Self::Http2,
            true => Self::Unknown(seen + length),
        }
    }
}

/// A connection that ends when a head takes too long.
pub(crate) struct Paced<I> {
    inner: I,
    phase: Phase,
    head_time: Duration,
    head: Option<Pin<Box<Sleep>>>,
    speaks: Speaks,
}

impl<I> Paced<I> {
    pub fn new(inner: I, phase: Phase, head_time: Duration) -> Self {
        Self { inner, phase, head_time, head: None, speaks: Speaks::Unknown(0) }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Paced<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.phase.is_answering() || this.speaks == Speaks::Http2 {
            this.head = None;
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.inner).poll_read(cx, buffer)?;
        if read.is_ready() {
            let new = &buffer.filled()[before..];
            this.speaks = this.speaks.after(new);
            let in_head = !this.phase.is_answering() && this.speaks != Speaks::Http2;
            if !new.is_empty() && in_head && this.head.is_none() {
                this.head = Some(Box::pin(sleep(this.head_time)));
            }
            return Poll::Ready(Ok(()));
        }
        let late = this.head.as_mut().is_some_and(|head| head.as_mut().poll(cx).is_ready());
        if late {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the request head came too slowly")));
        }
        Poll::Pending
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Paced<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_connection_speaks() {
        use Speaks::{Http1, Http2, Unknown};
        let check = |pieces: &[&[u8]], expected| {
            assert_eq!(pieces.iter().fold(Unknown(0), |so_far, piece| so_far.after(piece)), expected, "{pieces:?}");
        };
        check(&[], Unknown(0));
        check(&[b"P"], Unknown(1));
        check(&[b"P", b"OST / HTTP/1.1"], Http1);
        check(&[b"GET / HTTP/1.1"], Http1);
        check(&[PREFACE, b"\0\0\0"], Http2);
        check(&[&PREFACE[..10], &PREFACE[10..]], Http2);
        check(&[&PREFACE[..10], b"GET"], Http1);
        check(&[b"G", PREFACE], Http1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_after_the_whole_time_without_a_request() {
        let phase = Phase::default();
        let idle = phase.idle(Duration::from_secs(100));
        tokio::pin!(idle);
        let mut passes =
            async |seconds: u64| tokio::time::timeout(Duration::from_secs(seconds), &mut idle).await.is_ok();
        let inside = phase.enter();
        assert!(!passes(250).await, "it is being answered");
        drop(inside);
        // Ended at 250, so not before 350.
        assert!(!passes(99).await);
        assert!(passes(150).await);
    }
}
