//! Uploads: a capture as the body of a request, streamed to a file under a name of our own, known by its first bytes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;

use crate::auth::hex;
use crate::operations::Reserved;
use crate::problem::Problem;

/// First bytes of what is a capture or may hold one: pcap in its byte orders and dialects, pcapng, gzip, zstd.
const MAGICS: [&[u8]; 9] = [
    &[0xa1, 0xb2, 0xc3, 0xd4],
    &[0xd4, 0xc3, 0xb2, 0xa1],
    &[0xa1, 0xb2, 0x3c, 0x4d],
    &[0x4d, 0x3c, 0xb2, 0xa1],
    &[0xa1, 0xb2, 0xcd, 0x34],
    &[0x34, 0xcd, 0xb2, 0xa1],
    &[0x0a, 0x0d, 0x0d, 0x0a],
    &[0x1f, 0x8b],
    &[0x28, 0xb5, 0x2f, 0xfd],
];
/// Bytes of the longest of them.
const MAGIC_BYTES: usize = 4;

/// Where uploads wait for their import.
pub(crate) fn folder(data: &Path) -> PathBuf {
    data.join("uploads")
}

/// Makes the folder, and removes what an ended process left in it.
pub(crate) fn empty(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        // Only files are made there; anything else is not ours to remove.
        if path.symlink_metadata()?.is_file() {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// A file that goes when it is dropped.
#[derive(Debug)]
pub(crate) struct Kept {
    pub path: PathBuf,
}

impl Drop for Kept {
    fn drop(&mut self) {
        // What is left here is removed at the next start.
        let _ = fs::remove_file(&self.path);
    }
}

/// 128 random bits as text: ids and file names.
pub(crate) fn random_name() -> Result<String, Problem> {
    let mut bits = [0_u8; 16];
    getrandom::fill(&mut bits).map_err(|error| Problem::internal(&io::Error::other(error.to_string())))?;
    Ok(hex(&bits))
}

/// Writes a body to a file of its own in `folder`, within what `room` gives. Nothing is kept of what is no capture.
pub(crate) async fn receive(
    mut body: Body,
    folder: &Path,
    room: &mut Reserved,
    patience: Duration,
) -> Result<Kept, Problem> {
    let mut first = Vec::new();
    while first.len() < MAGIC_BYTES {
        match piece(&mut body, patience).await? {
            Some(bytes) => first.extend_from_slice(&bytes),
            None => break,
        }
    }
    if !MAGICS.iter().any(|magic| first.starts_with(magic)) {
        let detail = "its first bytes are not those of a capture (pcap, pcapng, or one of them in gzip or zstd)";
        return Err(Problem::new("not-a-capture", detail));
    }
    let kept = Kept { path: folder.join(random_name()?) };
    let mut file =
        File::options().write(true).create_new(true).open(&kept.path).await.map_err(|e| Problem::unwritten(&e))?;
    let mut next = Some(Bytes::from(first));
    while let Some(bytes) = next {
        room.take(bytes.len() as u64)?;
        file.write_all(&bytes).await.map_err(|error| Problem::unwritten(&error))?;
        next = piece(&mut body, patience).await?;
    }
    file.flush().await.map_err(|error| Problem::unwritten(&error))?;
    Ok(kept)
}

/// The next bytes of a body; `None` at its end.
async fn piece(body: &mut Body, patience: Duration) -> Result<Option<Bytes>, Problem> {
    loop {
        let frame = tokio::time::timeout(patience, body.frame()).await;
        match frame {
            Err(_) => return Err(Problem::new("request-timeout", "the upload stood still for too long")),
            Ok(None) => return Ok(None),
            Ok(Some(Err(_))) => return Err(Problem::new("bad-request", "the upload ended before it was whole")),
            Ok(Some(Ok(frame))) => {
                if let Ok(bytes) = frame.into_data() {
                    return Ok(Some(bytes));
                }
            }
        }
    }
}
