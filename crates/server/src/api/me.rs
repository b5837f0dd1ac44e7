//! Who asks, and what they may do.

use axum::extract::Extension;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use crate::auth::{Caller, Permission, Role};

/// Who asks.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Me {
    /// The name of the token; local without one.
    name: String,
    /// Its role.
    role: Role,
    /// What it may do.
    permissions: Vec<Permission>,
    /// Whether the login of a browser says so, which `DELETE /api/v1/login` ends.
    login: bool,
}

impl Me {
    pub fn of(caller: Caller) -> Self {
        let all = [Permission::Read, Permission::FullPackets, Permission::Import, Permission::Admin];
        let permissions = all.into_iter().filter(|permission| caller.may(*permission)).collect();
        Self { name: caller.name, role: caller.role, permissions, login: caller.login }
    }
}

/// Who asks, and what they may do.
#[utoipa::path(get, path = "/api/v1/me", operation_id = "getMe", tag = "server",
    responses((status = 200, description = "The caller", body = Me)))]
pub(crate) async fn me(Extension(caller): Extension<Caller>) -> Response {
    axum::Json(Me::of(caller)).into_response()
}
