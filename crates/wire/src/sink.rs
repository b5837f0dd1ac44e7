//! Where results of the engine go, and how bodies are tapped while they flow through.

use arachne_model::{Exchange, Message, TapFacts, TcpSession, UnixNanos};

use crate::packet::Segment;

/// A direction of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Client to server.
    Request,
    /// Server to client.
    Response,
}

/// The head of a message whose body is about to flow.
#[derive(Debug)]
pub struct MessageHead<'a> {
    /// Request or response.
    pub direction: Direction,
    /// The message so far: start line and headers.
    pub message: &'a Message,
}

/// Takes the bytes of one body as they flow by, after de-chunking.
///
/// A tap holds bounded memory and says how much.
pub trait BodyTap: Send {
    /// The next bytes.
    fn write(&mut self, bytes: &[u8]);
    /// `missing` bytes were not captured here.
    fn gap(&mut self, missing: u64);
    /// Bytes held now.
    fn held_bytes(&self) -> usize;
    /// The end; `complete` is false when the body was cut.
    fn finish(self: Box<Self>, complete: bool) -> TapFacts;
}

/// Which session and direction a segment belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Belongs {
    /// The session's number.
    pub session: u64,
    /// The session's first packet.
    pub session_start: UnixNanos,
    /// Whether the client sent it, as far as that is known by now.
    pub from_client: bool,
}

/// Receives what the engine finds, in the order in which it is found.
pub trait Sink {
    /// An exchange is complete, or will never be.
    fn exchange(&mut self, exchange: Exchange);

    /// A session has ended.
    fn session(&mut self, session: TcpSession);

    /// Whether [`Self::stream`] and [`Self::stream_gap`] are wanted. Asked once.
    fn wants_streams(&self) -> bool {
        false
    }

    /// The next in-order payload bytes of `session` (its number), at `offset` of the stream of `from_client`'s side.
    fn stream(&mut self, _session: u64, _from_client: bool, _offset: u64, _bytes: &[u8]) {}

    /// `length` bytes at `offset` were not captured.
    fn stream_gap(&mut self, _session: u64, _from_client: bool, _offset: u64, _length: u64) {}

    /// Whether [`Self::segment`] is wanted. Asked once.
    fn wants_segments(&self) -> bool {
        false
    }

    /// A segment was taken by a session, whatever became of its bytes. Called for each in the order of the capture.
    fn segment(&mut self, _belongs: Belongs, _segment: &Segment<'_>) {}

    /// A body begins: a tap, or `None` when nobody wants its bytes.
    fn body(&mut self, _head: &MessageHead<'_>) -> Option<Box<dyn BodyTap>> {
        None
    }
}
