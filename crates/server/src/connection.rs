//! Connections: who is at the other end, and a time-out for request heads that come too slowly.
//!
//! hyper's own time-out of heads also ends connections that are merely idle, so it is set to the idle time, and the time
//! from the first byte of a head to its last is watched here.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Peer {
    /// Over TCP.
    Address(IpAddr),
    /// Over the socket in the data folder.
    Socket,
}

/// Whether a request is being answered on a connection: its head has come whole.
#[derive(Clone, Debug, Default)]
pub(crate) struct Phase(Arc<AtomicBool>);

impl Phase {
    pub fn set_answering(&self, answering: bool) {
        self.0.store(answering, Ordering::Relaxed);
    }

    fn is_answering(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A connection that ends when a head takes too long.
pub(crate) struct Paced<I> {
    inner: I,
    phase: Phase,
    head_time: Duration,
    head: Option<Pin<Box<Sleep>>>,
}

impl<I> Paced<I> {
    pub fn new(inner: I, phase: Phase, head_time: Duration) -> Self {
        Self { inner, phase, head_time, head: None }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Paced<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.phase.is_answering() {
            this.head = None;
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.inner).poll_read(cx, buffer)?;
        if read.is_ready() {
            if buffer.filled().len() > before && !this.phase.is_answering() && this.head.is_none() {
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
