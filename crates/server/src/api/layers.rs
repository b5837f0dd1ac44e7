//! One frame layer by layer, with the bytes that were kept.

use arachne_model::Limits;
use arachne_model::table::PacketRow;
use arachne_query::Instant;
use arachne_wire::packet::explain::{Explained, explain};
use axum::extract::{Extension, Path};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::api::follow::frame;
use crate::api::related::id;
use crate::api::rows;
use crate::auth::{Caller, Permission};
use crate::problem::Problem;
use crate::work::Job;

/// A frame with its layers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct FrameAnswer {
    /// Its number in the source.
    number: u64,
    /// When it was captured.
    #[schema(value_type = String)]
    time: Instant,
    /// Who sent it: client or server.
    direction: String,
    /// The link type, a number of the pcap registry.
    link_type: u32,
    /// Bytes on the wire.
    length: u64,
    /// Bytes that are kept.
    kept: usize,
    /// They, in base64; without the right full_packets those of the headers alone.
    bytes: String,
    /// Its layers, outermost first.
    layers: Vec<FrameLayer>,
}

/// A layer of a frame. Ranges are in bytes of the frame, the end not included.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct FrameLayer {
    /// What it is: Ethernet, VLAN, IPv4, IPv6, TCP, Payload, and others.
    name: &'static str,
    /// It in one line.
    summary: String,
    /// Its first byte.
    start: usize,
    /// The byte behind it.
    end: usize,
    /// What its header holds; empty for a payload.
    fields: Vec<FrameField>,
}

/// A field of a header.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct FrameField {
    /// What it is.
    name: &'static str,
    /// Its value, for people.
    value: String,
    /// Its first byte in the frame.
    start: usize,
    /// The byte behind it.
    end: usize,
}

impl From<Explained> for FrameLayer {
    fn from(layer: Explained) -> Self {
        let Explained { name, summary, start, end, fields, .. } = layer;
        let field = |f: arachne_wire::packet::explain::Field| FrameField {
            name: f.name,
            value: f.value,
            start: f.start,
            end: f.end,
        };
        Self { name, summary, start, end, fields: fields.into_iter().map(field).collect() }
    }
}

/// A frame of a session, layer by layer, with its bytes. Without the right full_packets, the bytes behind the headers are left
/// out.
#[utoipa::path(get, path = "/api/v1/sessions/{id}/packets/{number}", operation_id = "getSessionPacket", tag = "items",
    params(("id" = String, Path, description = "The id of the session"),
        ("number" = u64, Path, description = "The number of the frame, as in packets and segments")),
    responses((status = 200, description = "The frame", body = FrameAnswer)))]
pub(crate) async fn layers(
    job: Job,
    Path((session, number)): Path<(String, String)>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Problem> {
    let session = id(session, "session")?;
    let number: u64 = number.parse().map_err(|_| Problem::not_found("frame"))?;
    let found = job.run(move |app, watch| rows::frame(app, watch, &session, number)).await?;
    let row = found.ok_or_else(|| Problem::not_found("frame"))?;
    Ok(axum::Json(answer(row, caller.may(Permission::FullPackets))).into_response())
}

fn answer(row: PacketRow, whole: bool) -> FrameAnswer {
    let layers = explain(&frame(&row), Limits::default().nesting_max);
    let headers = layers.iter().filter(|layer| layer.header).map(|layer| layer.end).max().unwrap_or(0);
    let shown = if whole { &row.bytes[..] } else { row.bytes.get(..headers).unwrap_or_default() };
    FrameAnswer {
        number: row.number,
        time: Instant(row.time),
        link_type: row.link_type,
        length: row.length,
        kept: row.bytes.len(),
        bytes: STANDARD.encode(shown),
        layers: layers.into_iter().map(FrameLayer::from).collect(),
        direction: row.direction,
    }
}
