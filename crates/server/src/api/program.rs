//! The program of agents, for hosts that do not have it: an agent is added by what one host shows and another one runs.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;

use axum::response::Response;
use serde::Deserialize;
use tokio::sync::Semaphore;

use crate::problem::Problem;
use crate::stream::{Form, broken};
use crate::strict::Params;
use crate::work::Job;

/// The file that only an agent is, as its package installs it.
const NAME: &str = "arachne-agent";
const PROGRAM: Form = Form { media: "application/octet-stream", file: Some(NAME), lines: false };

/// Downloads at a time: one may take as long as a streamed answer, and holds a place among those who work.
const DOWNLOADS: usize = 4;
/// Seconds until a download is tried again when there are that many.
const AGAIN: u64 = 10;
static PLACES: Semaphore = Semaphore::const_new(DOWNLOADS);

/// For whom the program is wanted.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ProgramParams {
    /// What `uname -m` says there; nothing: as here.
    pub machine: Option<String>,
}

/// The program to save as `arachne-agent`: of the version of this server, and for Linux on a machine of its kind. Of agents alone.
#[utoipa::path(get, path = "/agent/v1/program", operation_id = "agentProgram", tag = "agent protocol", params(ProgramParams),
    responses((status = 200, description = "The program", content_type = "application/octet-stream", body = [u8])))]
pub(crate) async fn program(job: Job, Params(wanted): Params<ProgramParams>) -> Result<Response, Problem> {
    if let Some(machine) = wanted.machine.filter(|machine| machine != std::env::consts::ARCH) {
        let here = std::env::consts::ARCH;
        let detail =
            format!("the program is there for {here}, not for {machine}: build it on such a machine and copy it");
        return Err(Problem::new("not-found", detail).at("machine"));
    }
    let busy = |_| Problem::new("busy", format!("{DOWNLOADS} downloads are under way; try again")).again_after(AGAIN);
    let place = PLACES.try_acquire().map_err(busy)?;
    job.stream(PROGRAM, move |_, _, out| {
        let _place = place;
        let unreadable = |_| Problem::new("not-found", "the program of this server cannot be read: copy it by hand");
        let mut file = path().and_then(File::open).map_err(unreadable)?;
        io::copy(&mut file, out).and_then(|_| out.flush()).map_err(|error| broken(&error))
    })
    .await
}

/// The program that is nothing but an agent where it lies beside this one, else this one: called `arachne-agent`, it is one.
fn path() -> io::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let alone = own.with_file_name(NAME);
    Ok(if alone.is_file() { alone } else { own })
}
