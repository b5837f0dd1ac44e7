//! Logging in with a browser, which cannot send a token for downloads and frames.

use arachne_telemetry::chain;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use crate::api::me::Me;
use crate::app::{App, now};
use crate::auth::Caller;
use crate::config::Auth;
use crate::connection::Way;
use crate::guard::by_token;
use crate::problem::Problem;
use crate::strict::Json;

/// A token to log in with.
#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    /// The token, as it was shown when it was made.
    token: String,
}

fn set(response: &mut Response, cookie: &str) -> Result<(), Problem> {
    let value = HeaderValue::from_str(cookie);
    let value = value.map_err(|error| Problem::internal(&std::io::Error::other(chain(&error).to_string())))?;
    response.headers_mut().insert(header::SET_COOKIE, value);
    Ok(())
}

/// Log in with a browser: a cookie stands for the token for seven days, or until the server starts anew or the token ends. It
/// counts for requests of this server's own pages alone. Where no token is needed, nothing is set.
#[utoipa::path(post, path = "/api/v1/login", operation_id = "login", tag = "server", request_body = Login,
    responses((status = 200, description = "Who logged in", body = Me)))]
pub(crate) async fn login(
    State(app): State<App>,
    way: Option<Extension<Way>>,
    Json(login): Json<Login>,
) -> Result<Response, Problem> {
    let way = way.map_or_else(Way::default, |way| way.0);
    if app.auth() == Auth::Local && !way.public {
        return Ok(axum::Json(Me::of(Caller::local())).into_response());
    }
    let caller = by_token(&app, &login.token)?;
    let cookie = app.logins.begin(&login.token, way, now())?;
    let mut response = axum::Json(Me::of(Caller { login: true, ..caller })).into_response();
    set(&mut response, &cookie)?;
    Ok(response)
}

/// Log out: the login ends, and the browser forgets its cookie. It is no mistake not to be logged in.
#[utoipa::path(delete, path = "/api/v1/login", operation_id = "logout", tag = "server",
    responses((status = 204, description = "It has ended")))]
pub(crate) async fn logout(
    State(app): State<App>,
    way: Option<Extension<Way>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut response = StatusCode::NO_CONTENT.into_response();
    set(&mut response, &app.logins.end(&headers, way.map_or_else(Way::default, |way| way.0)))?;
    Ok(response)
}
