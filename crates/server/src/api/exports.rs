//! Exports, streamed with bounded memory: ndjson, CSV, HAR, pcapng.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;

use arachne_export::{csv, har, json, pcapng};
use arachne_filter::Field;
use arachne_filter::catalogue::lookup;
use arachne_model::table::{BodyRow, ExchangeRow, HostRow, Kind, PacketRow, Row as _, SessionRow, Table};
use arachne_query::QueryError;
use arachne_store::{CountMode, Selection, TimeRange};
use axum::extract::Path;
use axum::response::Response;

use crate::api::params::{ExportParams, names};
use crate::api::related::id;
use crate::api::rows;
use crate::app::App;
use crate::problem::Problem;
use crate::running::Work;
use crate::stream::{Form, broken};
use crate::strict::Params;
use crate::work::{Job, queries};

/// Names of addresses in one capture; further ones are left out.
const NAMES_MAX: u64 = 100_000;

const LINES: Form = Form { media: "application/x-ndjson", file: Some("exchanges.ndjson"), lines: true };
const CSV: Form = Form { media: "text/csv; charset=utf-8", file: Some("exchanges.csv"), lines: false };
const HAR: Form = Form { media: "application/json", file: Some("exchanges.har"), lines: false };
const PCAPNG: Form = Form { media: "application/x-pcapng", file: Some("packets.pcapng"), lines: false };

/// The columns of an export by index, names and kinds.
struct Columns {
    indices: Vec<usize>,
    names: Vec<String>,
    kinds: Vec<Kind>,
}

impl Columns {
    fn new(table: &'static Table, wanted: &str) -> Result<Self, Problem> {
        let mut indices = Vec::new();
        for name in names(wanted) {
            match lookup(table, &name).map(|entry| entry.field) {
                Some(Field::Column(index)) => indices.push(index),
                Some(_) => {
                    let reason = "exports have stored columns";
                    return Err(QueryError::UnfitField { part: "columns", name, reason }.into());
                }
                None => return Err(QueryError::UnknownField { part: "columns", name, table: table.name }.into()),
            }
        }
        if indices.is_empty() {
            indices = (0..table.columns.len()).filter(|&at| table.columns[at].kind != Kind::Bytes).collect();
        }
        let named = |&at: &usize| table.columns[at].name.to_owned();
        let (names, kinds) = (indices.iter().map(named).collect(), indices.iter().map(|&at| table.columns[at].kind));
        Ok(Self { names, kinds: kinds.collect(), indices })
    }
}

fn io(result: io::Result<()>) -> Result<(), Problem> {
    result.map_err(|error| broken(&error))
}

/// Exchanges as lines of JSON, from the oldest on.
#[utoipa::path(get, path = "/api/v1/export/exchanges.ndjson", operation_id = "exportNdjson", tag = "export",
    params(ExportParams),
    responses((status = 200, description = "A line for each exchange", content_type = "application/x-ndjson", body = String)))]
pub(crate) async fn ndjson(job: Job, Params(params): Params<ExportParams>) -> Result<Response, Problem> {
    let columns = Columns::new(ExchangeRow::TABLE, &params.columns)?;
    job.stream(LINES, move |app, watch, out| {
        let selection = queries(app, watch).selection(&params.scope("exchanges"))?;
        rows::each(app, watch, &selection, &columns.indices, limit(&params), |row| {
            io(json::write_row(out, &columns.names, &json::cells(&columns.kinds, &row)))
        })
    })
    .await
}

/// Exchanges as CSV, from the oldest on. No cell is a formula to a spreadsheet.
#[utoipa::path(get, path = "/api/v1/export/exchanges.csv", operation_id = "exportCsv", tag = "export",
    params(ExportParams),
    responses((status = 200, description = "A header and a line for each exchange", content_type = "text/csv", body = String)))]
pub(crate) async fn csv(job: Job, Params(params): Params<ExportParams>) -> Result<Response, Problem> {
    let columns = Columns::new(ExchangeRow::TABLE, &params.columns)?;
    job.stream(CSV, move |app, watch, out| {
        let selection = queries(app, watch).selection(&params.scope("exchanges"))?;
        io(csv::write_header(out, &columns.names))?;
        rows::each(app, watch, &selection, &columns.indices, limit(&params), |row| {
            io(csv::write_row(out, &json::cells(&columns.kinds, &row)))
        })
    })
    .await
}

/// Exchanges with their bodies as an HTTP archive, from the oldest on.
#[utoipa::path(get, path = "/api/v1/export/exchanges.har", operation_id = "exportHar", tag = "export",
    params(ExportParams),
    responses((status = 200, description = "HAR 1.2", content_type = "application/json", body = String)))]
pub(crate) async fn har(job: Job, Params(params): Params<ExportParams>) -> Result<Response, Problem> {
    job.stream(HAR, move |app, watch, out| {
        let selection = queries(app, watch).selection(&params.scope("exchanges"))?;
        let mut archive = har::Writer::new(&mut *out).map_err(|error| broken(&error))?;
        rows::each_row::<ExchangeRow>(app, watch, &selection, limit(&params), |row| {
            let kept = row.bodies.is_some();
            let bodies = if kept { rows::with::<BodyRow>(app, watch, "exchange.id", &row.id, 2)? } else { Vec::new() };
            io(archive.entry(&row, &bodies))
        })?;
        io(archive.finish().map(drop))
    })
    .await
}

fn limit(params: &ExportParams) -> u64 {
    params.limit.unwrap_or(u64::MAX)
}

/// Frames as a capture that Wireshark opens, in the order of time; the filter is about packets.
#[utoipa::path(get, path = "/api/v1/export/packets.pcapng", operation_id = "exportPackets", tag = "export",
    params(ExportParams),
    responses((status = 200, description = "A capture", content_type = "application/x-pcapng", body = [u8])))]
pub(crate) async fn packets(job: Job, Params(params): Params<ExportParams>) -> Result<Response, Problem> {
    job.stream(PCAPNG, move |app, watch, out| {
        let selection = queries(app, watch).selection(&params.scope("packets"))?;
        let hosts =
            queries(app, watch).selection(&arachne_query::Scope { table: "hosts".to_owned(), ..Default::default() })?;
        capture(app, watch, out, &selection, &hosts, limit(&params))
    })
    .await
}

/// The frames of a session as a capture that Wireshark opens, with the names of its addresses.
#[utoipa::path(get, path = "/api/v1/sessions/{id}/pcapng", operation_id = "exportSession", tag = "export",
    params(("id" = String, Path, description = "The id of the session")),
    responses((status = 200, description = "A capture", content_type = "application/x-pcapng", body = [u8])))]
pub(crate) async fn session_pcapng(job: Job, Path(path): Path<String>) -> Result<Response, Problem> {
    let session = id(path, "session")?;
    job.stream(PCAPNG, move |app, watch, out| {
        let known = rows::with::<SessionRow>(app, watch, "id", &session, 1)?.into_iter().next();
        let kept = rows::with::<PacketRow>(app, watch, "tcp.session", &session, 1)?.into_iter().next();
        if kept.is_none() {
            let reason = Problem::new("not-kept", "no frames were kept of this session");
            return Err(if known.is_some() { reason } else { Problem::not_found("session") });
        }
        let mut names = Vec::new();
        let ends = known.map(|row| [row.client_address, row.server_address]).unwrap_or_default();
        for address in ends.iter().filter(|address| !address.is_empty()) {
            names.extend(rows::with::<HostRow>(app, watch, "host.address", address, 16)?);
        }
        let selection = rows::exactly(app, watch, PacketRow::TABLE, "tcp.session", &session)?;
        write_capture(app, watch, out, &selection, &names, u64::MAX)
    })
    .await
}

fn capture(
    app: &App,
    watch: &Work,
    out: &mut dyn io::Write,
    packets: &Selection,
    hosts: &Selection,
    limit: u64,
) -> Result<(), Problem> {
    let mut names = Vec::new();
    let all = Selection { range: TimeRange::ALL, mode: CountMode::Start, ..hosts.clone() };
    rows::each_row::<HostRow>(app, watch, &all, NAMES_MAX, |row| {
        names.push(row);
        Ok(())
    })?;
    write_capture(app, watch, out, packets, &names, limit)
}

fn write_capture(
    app: &App,
    watch: &Work,
    out: &mut dyn io::Write,
    packets: &Selection,
    names: &[HostRow],
    limit: u64,
) -> Result<(), Problem> {
    let parsed = names.iter().filter_map(|row| Some((row.address.parse::<IpAddr>().ok()?, row.name.clone())));
    // A name of an address is told once.
    let names: Vec<_> = parsed.map(|name| (name, ())).collect::<BTreeMap<_, _>>().into_keys().collect();
    let mut capture = pcapng::Writer::new(&mut *out, &names).map_err(|error| broken(&error))?;
    rows::each_row::<PacketRow>(app, watch, packets, limit, |packet| io(capture.packet(&packet)))?;
    io(capture.finish().and_then(|out| out.flush()))
}
