//! A session from its frames: the bytes of both directions in order, its segments, and one frame layer by layer.

use std::net::IpAddr;
use std::ops::ControlFlow;

use arachne_model::table::{PacketRow, Row as _, SessionRow};
use arachne_model::{Endpoint, Limits, LinkType, UnixNanos};
use arachne_wire::Frame;
use arachne_wire::replay::{Piece, Replay, Rung};
use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use crate::api::follow_answers::{Segment, SegmentsAnswer, StreamAnswer, StreamPiece, StreamSide};
use crate::api::related::id;
use crate::api::rows;
use crate::app::App;
use crate::problem::Problem;
use crate::running::Work;
use crate::strict::Params;
use crate::work::Job;

/// Bytes of a page of a stream.
const STREAM_BYTES_MAX: usize = 1 << 20;
const STREAM_BYTES: usize = 256 << 10;
/// Pieces of a page: gaps and repetitions have no bytes.
const PIECES_MAX: usize = 10_000;
/// Segments of a page.
const SEGMENTS_MAX: usize = 10_000;
const SEGMENTS: usize = 2_000;

/// A page of a stream.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StreamParams {
    /// Where to go on: `next` of the page before.
    #[param(value_type = Option<u64>)]
    from: usize,
    /// At most so many bytes; 256 KiB unless told.
    #[param(value_type = Option<usize>, minimum = 1, maximum = 1048576)]
    limit: Option<usize>,
}

/// A page of segments.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SegmentsParams {
    /// Where to go on: `next` of the page before.
    #[param(value_type = Option<u64>)]
    from: usize,
    /// At most so many; 2000 unless told.
    #[param(value_type = Option<usize>, minimum = 1, maximum = 10000)]
    limit: Option<usize>,
}

fn limit(given: Option<usize>, usual: usize, max: usize) -> Result<usize, Problem> {
    match given.unwrap_or(usual) {
        limit if (1..=max).contains(&limit) => Ok(limit),
        _ => Err(Problem::new("too-many", format!("the limit is 1 to {max}")).at("limit")),
    }
}

/// A session that is read again.
struct Again {
    session: Option<SessionRow>,
    frames: u64,
    cut: u64,
}

/// What a frame gave: its row, its segment where it has one, the bytes that became readable with it.
struct Read<'a> {
    row: &'a PacketRow,
    rung: Option<Rung>,
    pieces: &'a mut Vec<Piece>,
}

impl Again {
    /// Reads the frames of a session from the first on until `give` has enough; whether it read all.
    fn read(
        app: &App,
        watch: &Work,
        id: &str,
        mut give: impl FnMut(Read<'_>) -> ControlFlow<()>,
    ) -> Result<(Self, bool), Problem> {
        let session = rows::with::<SessionRow>(app, watch, "id", id, 1)?.into_iter().next();
        let mut replay = Replay::new(&Limits::default(), session.as_ref().and_then(client));
        let mut again = Self { session, frames: 0, cut: 0 };
        let (mut pieces, mut last) = (Vec::new(), None);
        let selection = rows::exactly(app, watch, PacketRow::TABLE, "tcp.session", id)?;
        let flow = rows::each_row_until::<PacketRow>(app, watch, &selection, |row| {
            again.frames += 1;
            let rung = replay.frame(&frame(&row), &mut pieces);
            again.cut += rung.map_or(0, |rung| rung.cut);
            let flow = give(Read { row: &row, rung, pieces: &mut pieces });
            last = Some(PacketRow { bytes: Vec::new(), ..row });
            flow
        })?;
        if let (ControlFlow::Continue(()), Some(row)) = (flow, &last) {
            replay.finish(&mut pieces);
            return Ok((again, give(Read { row, rung: None, pieces: &mut pieces }).is_continue()));
        }
        if again.session.is_none() && again.frames == 0 {
            return Err(Problem::not_found("session"));
        }
        Ok((again, flow.is_continue()))
    }

    /// Why not all bytes are there, and what would keep them.
    fn why_not(&self, all: bool) -> Option<String> {
        const OPTION: &str = "import the capture again with --full-packets --replace";
        let kept = self.session.as_ref().map_or(self.frames, |session| session.kept_packets);
        let missing = self.session.as_ref().map_or(0, |session| session.client_missing + session.server_missing);
        if self.frames == 0 && kept == 0 {
            return Some(format!("no frames were kept of this session: {OPTION}"));
        }
        if self.frames == 0 || all && self.frames < kept {
            let gone = kept - self.frames;
            return Some(format!("{gone} of {kept} frames are no longer stored: {OPTION}"));
        }
        if self.cut > 0 {
            return Some(format!("frames were kept without their payload: {OPTION}"));
        }
        (missing > 0).then(|| format!("{missing} bytes were never captured: nothing brings them back"))
    }
}

fn client(session: &SessionRow) -> Option<Endpoint> {
    let address = session.client_address.parse::<IpAddr>().ok()?;
    Some(Endpoint { address, port: session.client_port })
}

pub(crate) fn frame(row: &PacketRow) -> Frame<'_> {
    Frame {
        number: row.number,
        at: UnixNanos(row.time),
        link_type: LinkType(row.link_type),
        original_length: u32::try_from(row.length).unwrap_or(u32::MAX),
        data: &row.bytes,
    }
}

/// Pieces from one on, until a page is full.
struct Page {
    from: usize,
    at: usize,
    bytes_left: usize,
    pieces: Vec<StreamPiece>,
}

impl Page {
    /// What lies before the page is not written out.
    fn take(&mut self, bytes: usize, piece: impl FnOnce() -> StreamPiece) -> ControlFlow<()> {
        if self.at >= self.from {
            let full = self.pieces.len() >= PIECES_MAX || bytes > self.bytes_left && !self.pieces.is_empty();
            if full {
                return ControlFlow::Break(());
            }
            self.bytes_left = self.bytes_left.saturating_sub(bytes);
            self.pieces.push(piece());
        }
        self.at += 1;
        ControlFlow::Continue(())
    }

    fn read(&mut self, read: Read<'_>) -> ControlFlow<()> {
        let time = read.row.time;
        for piece in read.pieces.drain(..) {
            self.take(piece.bytes.len(), || StreamPiece::new(&piece, time))?;
        }
        match read.rung.filter(|rung| rung.retransmitted) {
            Some(rung) => self.take(0, || StreamPiece::again(&rung, time)),
            None => ControlFlow::Continue(()),
        }
    }
}

/// The bytes of both directions of a session, put in order from its stored frames, page by page, in the order in which they
/// became readable. What was sent again is told without its bytes.
#[utoipa::path(get, path = "/api/v1/sessions/{id}/stream", operation_id = "followSession", tag = "items",
    params(("id" = String, Path, description = "The id of the session"), StreamParams),
    responses((status = 200, description = "A page of the stream", body = StreamAnswer)))]
pub(crate) async fn stream(
    job: Job,
    Path(path): Path<String>,
    Params(params): Params<StreamParams>,
) -> Result<Response, Problem> {
    let session = id(path, "session")?;
    let bytes_left = limit(params.limit, STREAM_BYTES, STREAM_BYTES_MAX)?;
    let answer = job.run(move |app, watch| {
        let mut page = Page { from: params.from, at: 0, bytes_left, pieces: Vec::new() };
        let (again, all) = Again::read(app, watch, &session, |read| page.read(read))?;
        let side = |bytes: fn(&SessionRow) -> u64| StreamSide { bytes: again.session.as_ref().map(bytes) };
        let why_not = again.why_not(all);
        Ok(StreamAnswer {
            complete: why_not.is_none(),
            why_not,
            client: side(|session| session.client_payload),
            server: side(|session| session.server_payload),
            pieces: page.pieces,
            next: (!all).then_some(page.at),
        })
    });
    Ok(axum::Json(answer.await?).into_response())
}

/// The segments of a session in the order of the capture, from frames whose headers were kept at least.
#[utoipa::path(get, path = "/api/v1/sessions/{id}/segments", operation_id = "listSegments", tag = "items",
    params(("id" = String, Path, description = "The id of the session"), SegmentsParams),
    responses((status = 200, description = "A page of segments", body = SegmentsAnswer)))]
pub(crate) async fn segments(
    job: Job,
    Path(path): Path<String>,
    Params(params): Params<SegmentsParams>,
) -> Result<Response, Problem> {
    let session = id(path, "session")?;
    let most = limit(params.limit, SEGMENTS, SEGMENTS_MAX)?;
    let answer = job.run(move |app, watch| {
        let (mut at, mut segments) = (0, Vec::new());
        let (again, all) = Again::read(app, watch, &session, |read| {
            read.pieces.clear();
            let Some(rung) = read.rung else { return ControlFlow::Continue(()) };
            if segments.len() == most {
                return ControlFlow::Break(());
            }
            if at >= params.from {
                segments.push(Segment::new(read.row, &rung));
            }
            at += 1;
            ControlFlow::Continue(())
        })?;
        let why_not = if again.frames == 0 { again.why_not(all) } else { None };
        Ok(SegmentsAnswer { segments, next: (!all).then_some(at), why_not })
    });
    Ok(axum::Json(answer.await?).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_why_bytes_are_missing() {
        let session =
            |kept_packets, client_missing| Some(SessionRow { kept_packets, client_missing, ..SessionRow::default() });
        for (session, frames, cut, expected) in [
            (session(0, 0), 0, 0, "no frames were kept of this session"),
            (session(9, 0), 0, 0, "9 of 9 frames are no longer stored"),
            (session(9, 0), 7, 0, "2 of 9 frames are no longer stored"),
            (session(9, 0), 9, 1, "frames were kept without their payload"),
            (session(9, 5), 9, 0, "5 bytes were never captured"),
            (session(9, 0), 9, 0, ""),
            (None, 3, 0, ""),
        ] {
            let why = Again { session, frames, cut }.why_not(true).unwrap_or_default();
            assert!(why.starts_with(expected) && why.is_empty() == expected.is_empty(), "{why}");
        }
    }
}
