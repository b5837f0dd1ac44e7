//! One HTTP request over a connection that exists: what the command line says to a server on its socket.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::Request;
use hyper::body::{Frame, Incoming};
use hyper_util::rt::TokioIo;
use serde_json::Value as Json;
use tokio::runtime::{Builder, Runtime};

/// An answer whose body is read as it comes.
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: Body,
}

/// A body as it comes.
pub struct Body {
    runtime: Runtime,
    incoming: Incoming,
    piece: Bytes,
}

/// Bytes of an answer that is read as a whole.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

const JSON: (&str, &str) = ("content-type", "application/json");

/// Bytes of a file that are sent at once.
const CHUNK: usize = 256 << 10;

/// Sends a request with a JSON body (or none) and waits for the head of the answer.
///
/// # Errors
/// When the connection fails, or the other side speaks no HTTP.
pub fn request(stream: UnixStream, method: &str, path: &str, body: &[u8]) -> Result<Answer> {
    let whole = Full::new(Bytes::copy_from_slice(body)).map_err(|never| match never {}).boxed_unsync();
    send(stream, method, path, &[JSON], whole)
}

/// Sends a JSON body in the place of what has the tag `tag`, and waits for the head of the answer: another tag is refused.
///
/// # Errors
/// As for [`request`].
pub fn put(stream: UnixStream, path: &str, tag: &str, body: &[u8]) -> Result<Answer> {
    let whole = Full::new(Bytes::copy_from_slice(body)).map_err(|never| match never {}).boxed_unsync();
    send(stream, "PUT", path, &[JSON, ("if-match", tag)], whole)
}

/// Sends a file as it is read.
///
/// # Errors
/// As for [`request`], and when the file cannot be read.
pub fn upload(stream: UnixStream, path: &str, file: File) -> Result<Answer> {
    let pieces = futures_util::stream::try_unfold(file, |mut file| async move {
        let mut piece = vec![0; CHUNK];
        // This runtime has nothing else to do meanwhile.
        let length = file.read(&mut piece)?;
        piece.truncate(length);
        Ok::<_, io::Error>((length > 0).then(|| (Frame::data(Bytes::from(piece)), file)))
    });
    send(stream, "POST", path, &[("content-type", "application/octet-stream")], StreamBody::new(pieces).boxed_unsync())
}

fn send(
    stream: UnixStream,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: UnsyncBoxBody<Bytes, io::Error>,
) -> Result<Answer> {
    let runtime =
        Builder::new_multi_thread().worker_threads(1).enable_all().build().context("cannot start a thread")?;
    let request = Request::builder().method(method).uri(path).header("host", "localhost");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let request = request.body(body).context("cannot make the request")?;
    let response = runtime.block_on(async {
        stream.set_nonblocking(true)?;
        let io = TokioIo::new(tokio::net::UnixStream::from_std(stream)?);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await?;
        tokio::spawn(connection);
        anyhow::Ok(sender.send_request(request).await?)
    })?;
    let (head, incoming) = response.into_parts();
    Ok(Answer { status: head.status.as_u16(), body: Body { runtime, incoming, piece: Bytes::new() } })
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.runtime.block_on(self.incoming.frame()) {
                None => return Ok(0),
                Some(Ok(frame)) => self.piece = frame.into_data().unwrap_or_default(),
                Some(Err(error)) => return Err(io::Error::other(error)),
            }
        }
        let length = self.piece.len().min(buffer.len());
        buffer[..length].copy_from_slice(&self.piece.split_to(length));
        Ok(length)
    }
}

/// A connection to the server that holds the data folder.
///
/// # Errors
/// It does not answer on `socket`.
pub fn connect(socket: &Path) -> Result<UnixStream> {
    let refused = || format!("the server that holds the data folder does not answer on {}", socket.display());
    UnixStream::connect(socket).with_context(refused)
}

/// The JSON of an answer; null for one without a body.
///
/// # Errors
/// The server refused the request, which its words explain, or speaks no JSON.
pub fn json(answer: Answer) -> Result<Json> {
    let status = answer.status;
    let mut text = String::new();
    answer.body.take(ANSWER_BYTES_MAX).read_to_string(&mut text).context("the answer of the server breaks off")?;
    if text.is_empty() && status < 300 {
        return Ok(Json::Null);
    }
    let value: Json = serde_json::from_str(&text).context("the server answered what is not JSON")?;
    if status < 300 {
        return Ok(value);
    }
    bail!("{}", value["detail"].as_str().unwrap_or("the server refused it"))
}

/// Percent-encodes text for a query string or a segment of a path (RFC 3986, section 2.3).
#[must_use]
pub fn encoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte);
        } else {
            write!(out, "%{byte:02X}").expect("a Vec takes every byte");
        }
    }
    String::from_utf8(out).expect("only ASCII was written")
}

#[cfg(test)]
mod tests {
    use super::encoded;

    #[test]
    fn text_becomes_a_safe_part_of_a_url() {
        assert_eq!(encoded("status:>=500 a/b&é"), "status%3A%3E%3D500%20a%2Fb%26%C3%A9");
    }
}
