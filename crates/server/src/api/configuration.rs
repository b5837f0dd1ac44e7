//! Whether the file that the server is configured by is in force.

use std::sync::PoisonError;

use axum::extract::{Extension, State};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use crate::app::App;
use crate::auth::{Caller, Permission};

/// How the configuration stands.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ConfigurationAnswer {
    /// Whether what the file holds now is in force; true without a file.
    in_force: bool,
    /// Why it is not, with line and column, for those who may change it.
    refused: Option<String>,
}

/// Whether the configuration on disk is in force. A change that is refused leaves what was in force before.
#[utoipa::path(get, path = "/api/v1/configuration", operation_id = "getConfiguration", tag = "server",
    responses((status = 200, description = "How it stands", body = ConfigurationAnswer)))]
pub(crate) async fn configuration(State(app): State<App>, Extension(caller): Extension<Caller>) -> Response {
    let refused = refused(&app);
    let answer =
        ConfigurationAnswer { in_force: refused.is_none(), refused: refused.filter(|_| caller.may(Permission::Admin)) };
    axum::Json(answer).into_response()
}

/// Why the configuration on disk is not in force; nothing when it is.
pub(crate) fn refused(app: &App) -> Option<String> {
    app.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
