//! Answers that are written while they are made, in bounded memory: work that blocks writes into a short channel.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::app::App;
use crate::problem::Problem;
use crate::running::Work;
use crate::work::{Begun, Job, failed};

/// Bytes of a piece; two wait in the channel.
const PIECE_BYTES: usize = 64 << 10;
const PIECES: usize = 2;

type Piece = Result<Bytes, Problem>;

/// Takes bytes for a client. Fails when the client is gone, takes nothing for too long, or the query was stopped.
#[derive(Debug)]
pub(crate) struct Pipe {
    pieces: mpsc::Sender<Piece>,
    buffer: Vec<u8>,
    patience: Duration,
    until: Instant,
    work: Arc<Work>,
    /// Threads of an engine write too; they know no runtime.
    runtime: Handle,
}

impl Pipe {
    fn send(&mut self, piece: Piece) -> io::Result<()> {
        let gone = || io::Error::new(io::ErrorKind::BrokenPipe, "the client is gone");
        let patience = self.patience;
        let pieces = &self.pieces;
        let sending = async move { tokio::time::timeout(patience, pieces.send(piece)).await };
        match self.runtime.block_on(sending) {
            Ok(Ok(())) => Ok(()),
            _ => Err(gone()),
        }
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PIECE_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.work.is_stopped() {
            // Not `Interrupted`: after that, writers try again, for ever.
            return Err(io::Error::other("stopped"));
        }
        if Instant::now() > self.until {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the time of a streamed answer is over"));
        }
        if self.buffer.is_empty() {
            return Ok(());
        }
        let piece = std::mem::take(&mut self.buffer);
        self.send(Ok(piece.into()))
    }
}

/// What is streamed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form {
    /// The media type.
    pub media: &'static str,
    /// The name of the file that it is saved as; `None` when it is not meant to be a file.
    pub file: Option<&'static str>,
    /// Whether a problem in the middle can be told as a last line `{"problem": …}`; other answers are torn off, so that
    /// nobody takes them for whole.
    pub lines: bool,
}

/// Newline-delimited JSON for programs that follow it.
pub(crate) const NDJSON: Form = Form { media: "application/x-ndjson", file: None, lines: true };

impl Job {
    /// Streams what `work` writes. A problem before the first piece is the answer.
    pub async fn stream(
        self,
        form: Form,
        work: impl FnOnce(&App, &Work, &mut Pipe) -> Result<(), Problem> + Send + 'static,
    ) -> Result<Response, Problem> {
        let Begun { app, place, ticket } = self.begin()?;
        let (sender, mut pieces) = mpsc::channel(PIECES);
        let watch = Arc::clone(&ticket.work);
        let limits = app.config.limits.clone();
        let mut pipe = Pipe {
            pieces: sender,
            buffer: Vec::new(),
            patience: limits.request_time,
            until: Instant::now() + limits.stream_time,
            work: Arc::clone(&watch),
            runtime: Handle::current(),
        };
        let task = tokio::task::spawn_blocking(move || {
            let _place = place;
            let done = work(&app, &watch, &mut pipe);
            let end = done.and_then(|()| pipe.flush().map_err(|error| broken(&error)));
            if let Err(problem) = end {
                // What was made is told before the problem. Where the client is gone, nobody hears of either.
                let _ = pipe.flush();
                let _ = pipe.send(Err(problem));
            }
        });
        let first = match pieces.recv().await {
            Some(Err(problem)) => return Err(problem),
            Some(Ok(piece)) => Some(piece),
            // Nothing was written, or the work panicked.
            None => match task.await {
                Err(error) => return Err(failed(&error)),
                Ok(()) => None,
            },
        };
        let rest = stream::unfold((pieces, ticket), |(mut pieces, ticket)| async {
            let piece = pieces.recv().await?;
            Some((piece, (pieces, ticket)))
        });
        let all = stream::iter(first.map(Ok)).chain(rest);
        let lines = form.lines;
        // Compression asks once more behind the end.
        let body = all.map(move |piece| piece.or_else(|problem| last(&problem, lines))).fuse();
        let mut response = Body::from_stream(body).into_response();
        set_headers(&mut response, form);
        Ok(response)
    }
}

fn last(problem: &Problem, lines: bool) -> Result<Bytes, io::Error> {
    if lines {
        return Ok(format!("{}\n", serde_json::json!({"problem": problem})).into());
    }
    Err(io::Error::other(problem.code))
}

/// What a failed write means to the client, if it is still there.
pub(crate) fn broken(error: &io::Error) -> Problem {
    match error.kind() {
        io::ErrorKind::TimedOut => Problem::new("time-limit", "the time of a streamed answer is over"),
        _ => Problem::new("stopped", "the query was stopped"),
    }
}

fn set_headers(response: &mut Response, form: Form) {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(form.media));
    if let Some(file) = form.file {
        headers.insert(header::CONTENT_DISPOSITION, attachment(file));
    }
}

/// `Content-Disposition` of a file; `name` is one of our own, so nothing in it needs escaping.
pub(crate) fn attachment(name: &str) -> HeaderValue {
    let value = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""));
    value.unwrap_or(HeaderValue::from_static("attachment"))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use tokio::sync::mpsc;

    use super::{PIECE_BYTES, Pipe, broken};
    use crate::running::Running;

    #[test]
    fn a_writer_ends_when_its_query_was_stopped() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let ticket = Running::default().begin(None, 1, "", "", 0).expect("no other runs");
        let (pieces, _taken) = mpsc::channel(1);
        let mut pipe = Pipe {
            pieces,
            buffer: Vec::new(),
            patience: Duration::from_secs(1),
            until: Instant::now() + Duration::from_secs(60),
            work: Arc::clone(&ticket.work),
            runtime: runtime.handle().clone(),
        };
        ticket.work.stop();
        let error = pipe.write_all(&[0; 2 * PIECE_BYTES]).expect_err("it was stopped");
        assert_eq!(broken(&error).code, "stopped");
    }
}
