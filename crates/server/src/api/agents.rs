//! Agents as people see them: who they are, how they are and were, what they are to do.

use arachne_delivery::instructions::{AgentConfig, Packets, Preview};
use arachne_delivery::status::{BreakerState, Pressure, PreviewResult, Status};
use arachne_query::{Instant, When};
use arachne_telemetry::{codes, emit};
use axum::extract::{Extension, Path};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};

use crate::agents::counts::Delivered;
use crate::agents::history::{Condition, Range};
use crate::agents::live::Rates;
use crate::agents::{AgentEntry, RegistryError, check};
use crate::app::{App, now};
use crate::auth::{Caller, Permission};
use crate::install;
use crate::problem::Problem;
use crate::strict::{Json, Params};
use crate::uploads::random_name;
use crate::work::Job;

/// An agent.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct AgentAnswer {
    /// Its name.
    name: String,
    /// When it was added.
    #[schema(value_type = String)]
    created: Instant,
    /// When its key was revoked; null while it is valid.
    #[schema(value_type = Option<String>)]
    revoked: Option<Instant>,
    /// Whether this server starts it itself: then `agent:` in arachne.yml says what it is to do.
    local: bool,
    /// What it is to do.
    config: AgentConfig,
    /// Its last status since the start of the server; null before the first.
    status: Option<Status>,
    /// When that, or one of an earlier run of the server, came; null where none ever did.
    #[schema(value_type = Option<String>)]
    last_seen: Option<Instant>,
    /// Whether it was heard of within 10 s.
    online: bool,
    /// From its last two statuses; null before the second and after a restart of it.
    rates: Option<Rates>,
    /// What it delivered since the start of the server.
    delivered: Delivered,
}

/// A new agent.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AgentName {
    /// Its name: 1 to 64 letters, digits and `-_.`, the first a letter or digit.
    name: String,
}

/// An agent that was added.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct AgentAdded {
    /// Its name.
    name: String,
    /// Its key: shown now and never again.
    key: String,
    /// What to run on its host: a line that keeps the key, and one that starts the agent.
    command: String,
    /// What the server's certificate is known by; null without TLS.
    pin: Option<String>,
}

/// What a filter would catch.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PreviewQuery {
    /// Filter in the syntax of tcpdump; empty is everything.
    #[serde(default)]
    filter: String,
    /// The interfaces; `any` is all.
    interfaces: Vec<String>,
    /// How long to look: 1 to 60.
    seconds: u32,
}

/// A preview that was asked for.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PreviewAsked {
    /// Names it.
    id: String,
}

/// A preview.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PreviewAnswer {
    /// Names it.
    id: String,
    /// The filter that was asked for.
    filter: String,
    /// How far it is.
    state: PreviewState,
    /// What the agent said last; null before the first word.
    result: Option<PreviewResult>,
}

/// How far a preview is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PreviewState {
    /// The agent has not begun.
    Waiting,
    /// The agent looks.
    Looking,
    /// It is over.
    Done,
    /// The agent cannot answer; the result says why.
    Failed,
}

/// When.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct HistoryParams {
    /// The first instant inside: RFC 3339, a number since 1970 in s, ms, us or ns, `now`, `-1h`. All unless given.
    #[param(value_type = Option<String>)]
    from: Option<When>,
    /// The first instant behind, likewise. Now unless given.
    #[param(value_type = Option<String>)]
    to: Option<When>,
}

/// How an agent was: ranges in order, each kind for itself.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct HistoryAnswer {
    /// What it did.
    states: Vec<StateRange>,
    /// What gave way under load.
    pressure: Vec<PressureRange>,
    /// The way to the server, as the agent saw it.
    breaker: Vec<BreakerRange>,
}

/// Declares a range of a state.
macro_rules! range {
    ($(#[$doc:meta])* $name:ident of $state:ty) => {
        $(#[$doc])*
        #[derive(Debug, Serialize, utoipa::ToSchema)]
        pub(crate) struct $name {
            /// What.
            state: $state,
            /// Why, in words; null where there is nothing to say.
            why: Option<String>,
            /// Since when.
            #[schema(value_type = String)]
            from: Instant,
            /// Until when; null while it lasts.
            #[schema(value_type = Option<String>)]
            to: Option<Instant>,
        }

        impl From<Range<$state>> for $name {
            fn from(range: Range<$state>) -> Self {
                let Range { state, why, from, to } = range;
                Self { state, why, from: Instant(from), to: to.map(Instant) }
            }
        }
    };
}

range! {
    /// What an agent did.
    StateRange of Condition
}
range! {
    /// What gave way.
    PressureRange of Pressure
}
range! {
    /// The way to the server.
    BreakerRange of BreakerState
}

impl From<RegistryError> for Problem {
    fn from(error: RegistryError) -> Self {
        let detail = error.to_string();
        match error {
            RegistryError::Name(_) => Self::new("bad-request", detail).at("name"),
            RegistryError::Wanted(wrong) => Self::new("bad-config", detail).at(wrong.field),
            RegistryError::Elsewhere(_) => Self::new("conflict", detail).at("name"),
            RegistryError::Known(_) => Self::new("conflict", detail).at("name"),
            RegistryError::Unknown(_) => Self::new("not-found", detail),
            RegistryError::Full => Self::new("full", detail),
            RegistryError::Changed(_) => Self::new("changed", detail),
            RegistryError::Io { source, .. } => Self::unwritten(&source),
            RegistryError::Content { .. } => Self::internal(&error),
        }
    }
}

fn answer(app: &App, agent: AgentEntry, now: i64) -> AgentAnswer {
    let known = app.agents.known(&agent.name);
    let heard = known.heard;
    AgentAnswer {
        created: Instant(agent.created),
        revoked: agent.revoked.map(Instant),
        local: agent.local,
        online: heard.is_online(now),
        rates: heard.rates.filter(|_| heard.is_online(now)),
        status: (heard.received > 0).then_some(heard.status),
        last_seen: (known.history.seen > 0).then_some(Instant(known.history.seen)),
        delivered: app.agents.counts.of(&agent.name),
        config: agent.config,
        name: agent.name,
    }
}

fn one(app: &App, name: &str) -> Result<AgentEntry, Problem> {
    let found = app.agents.registry.one(name);
    found.ok_or_else(|| Problem::new("not-found", "there is no agent of this name"))
}

/// An answer about one agent; its tag is the version of the configuration.
fn tagged(answer: AgentAnswer) -> Response {
    let tag = HeaderValue::from_str(&format!("\"{}\"", answer.config.version));
    let mut response = axum::Json(answer).into_response();
    response.headers_mut().extend(tag.map(|tag| (header::ETAG, tag)));
    response
}

/// All agents, by name.
#[utoipa::path(get, path = "/api/v1/agents", operation_id = "listAgents", tag = "agents",
    responses((status = 200, description = "The agents", body = Vec<AgentAnswer>)))]
pub(crate) async fn list(job: Job) -> Result<Response, Problem> {
    let all = job.run(|app, _| {
        let now = now();
        Ok(app.agents.registry.list().into_iter().map(|agent| answer(app, agent, now)).collect::<Vec<_>>())
    });
    Ok(axum::Json(all.await?).into_response())
}

/// An agent. The header ETag names the version of its configuration.
#[utoipa::path(get, path = "/api/v1/agents/{name}", operation_id = "getAgent", tag = "agents",
    params(("name" = String, Path, description = "Its name")),
    responses((status = 200, description = "The agent", body = AgentAnswer)))]
pub(crate) async fn agent(job: Job, Path(name): Path<String>) -> Result<Response, Problem> {
    job.run(move |app, _| Ok(tagged(answer(app, one(app, &name)?, now())))).await
}

/// Add an agent, or a revoked one again. Its key is shown in this answer and never again.
#[utoipa::path(post, path = "/api/v1/agents", operation_id = "addAgent", tag = "agents", request_body = AgentName,
    responses((status = 201, description = "It was added", body = AgentAdded)))]
pub(crate) async fn add(
    job: Job,
    Extension(caller): Extension<Caller>,
    uri: Uri,
    headers: HeaderMap,
    Json(wanted): Json<AgentName>,
) -> Result<Response, Problem> {
    let server = install::server(&job.app, &uri, &headers);
    let added = job.run(move |app, _| {
        let key = app.agents.registry.add(&wanted.name, now())?;
        emit!(codes::SERVER_AGENT_003, agent = &wanted.name, by = caller.name);
        let command = install::command(&server, &key);
        Ok(AgentAdded { name: wanted.name, command, key, pin: server.pin })
    });
    Ok((StatusCode::CREATED, axum::Json(added.await?)).into_response())
}

/// Revoke the key of an agent, at once. What it delivered stays.
#[utoipa::path(delete, path = "/api/v1/agents/{name}", operation_id = "revokeAgent", tag = "agents",
    params(("name" = String, Path, description = "Its name")),
    responses((status = 204, description = "Its key is valid no more")))]
pub(crate) async fn revoke(
    job: Job,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    job.run(move |app, _| {
        if app.agents.registry.revoke(&name, now())? {
            emit!(codes::SERVER_AGENT_004, agent = name, by = caller.name);
        }
        Ok(StatusCode::NO_CONTENT.into_response())
    })
    .await
}

/// Say what an agent is to do. The header If-Match holds the ETag of the agent that was edited (or `*`), so that two editors
/// do not overwrite each other; the version is set by the server. Whole packets need the right `full_packets` too.
#[utoipa::path(put, path = "/api/v1/agents/{name}/config", operation_id = "putAgentConfig", tag = "agents",
    params(("name" = String, Path, description = "Its name"),
        ("If-Match" = String, Header, description = "ETag of the agent that was edited, or `*`")),
    request_body = AgentConfig,
    responses((status = 200, description = "The agent as it is now", body = AgentAnswer)))]
pub(crate) async fn put_config(
    job: Job,
    Path(name): Path<String>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Json(config): Json<AgentConfig>,
) -> Result<Response, Problem> {
    let expected = expected(&headers)?;
    if config.save.packets == Packets::Whole && !caller.may(Permission::FullPackets) {
        return Err(Problem::new("not-permitted", "whole packets need the right full_packets").at("save.packets"));
    }
    job.run(move |app, _| {
        if one(app, &name)?.local {
            let detail = "this server starts it: change the section `agent:` of arachne.yml";
            return Err(Problem::new("conflict", detail).at("name"));
        }
        check::config(&config, app.parts.capture_filter.as_deref())?;
        let changed = app.agents.registry.configure(&name, config, expected)?;
        emit!(codes::SERVER_AGENT_005, agent = name, version = changed.config.version, by = caller.name);
        Ok(tagged(answer(app, changed, now())))
    })
    .await
}

/// The version that an editor has seen; `None` for any.
fn expected(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let given = headers.get(header::IF_MATCH).ok_or_else(|| {
        let detail = "send If-Match with the ETag of the agent that was edited, so that nobody's change is lost";
        Problem::new("no-precondition", detail).at("If-Match")
    })?;
    let text = given.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let version = text.trim_start_matches("W/").trim_matches('"').parse().ok();
    // What is no tag of ours fits no version.
    version.map(Some).ok_or_else(|| Problem::new("changed", "this If-Match is not the ETag of any configuration"))
}

/// Ask an agent what a filter would catch, in the place of what it was asked before.
#[utoipa::path(post, path = "/api/v1/agents/{name}/preview", operation_id = "askPreview", tag = "agents",
    params(("name" = String, Path, description = "Its name")), request_body = PreviewQuery,
    responses((status = 202, description = "It is asked", body = PreviewAsked)))]
pub(crate) async fn ask_preview(
    job: Job,
    Path(name): Path<String>,
    Json(query): Json<PreviewQuery>,
) -> Result<Response, Problem> {
    let asked = job.run(move |app, _| {
        let PreviewQuery { filter, interfaces, seconds } = query;
        let question = Preview { id: random_name()?, filter, interfaces, seconds };
        check::preview(&question, app.parts.capture_filter.as_deref())?;
        let (agent, now) = (one(app, &name)?, now());
        if !app.agents.known(&name).heard.is_online(now) {
            return Err(Problem::new("offline", "this agent is not heard of: it cannot look"));
        }
        let asked = PreviewAsked { id: question.id.clone() };
        app.agents.ask(&agent.name, question, now);
        Ok(asked)
    });
    Ok((StatusCode::ACCEPTED, axum::Json(asked.await?)).into_response())
}

/// What a filter would catch, as far as the agent is with it. Kept for ten minutes.
#[utoipa::path(get, path = "/api/v1/agents/{name}/preview/{id}", operation_id = "getAgentPreview", tag = "agents",
    params(("name" = String, Path, description = "Its name"), ("id" = String, Path, description = "The preview")),
    responses((status = 200, description = "The preview", body = PreviewAnswer)))]
pub(crate) async fn preview(job: Job, Path((name, id)): Path<(String, String)>) -> Result<Response, Problem> {
    let found = job.run(move |app, _| Ok(app.agents.asked(&name, &id, now()))).await?;
    let asked = found.ok_or_else(|| Problem::not_found("preview"))?;
    let state = match &asked.result {
        None => PreviewState::Waiting,
        Some(result) if result.error.is_some() => PreviewState::Failed,
        Some(result) if result.done => PreviewState::Done,
        Some(_) => PreviewState::Looking,
    };
    let Preview { id, filter, .. } = asked.question;
    Ok(axum::Json(PreviewAnswer { id, filter, state, result: asked.result }).into_response())
}

/// How an agent was: its states, what gave way, the way to the server. At most the last 1000 ranges of each.
#[utoipa::path(get, path = "/api/v1/agents/{name}/history", operation_id = "getAgentHistory", tag = "agents",
    params(("name" = String, Path, description = "Its name"), HistoryParams),
    responses((status = 200, description = "The ranges that meet the time asked for", body = HistoryAnswer)))]
pub(crate) async fn history(
    job: Job,
    Path(name): Path<String>,
    Params(range): Params<HistoryParams>,
) -> Result<Response, Problem> {
    let answer = job.run(move |app, _| {
        let (agent, now) = (one(app, &name)?, now());
        let at = |when: Option<When>, default| when.map_or(default, |when| when.resolve(now));
        let (from, to) = (at(range.from, i64::MIN), at(range.to, now.saturating_add(1)));
        let history = app.agents.known(&agent.name).history.at(now);
        Ok(HistoryAnswer {
            states: history.states.within(from, to).into_iter().map(Into::into).collect(),
            pressure: history.pressure.within(from, to).into_iter().map(Into::into).collect(),
            breaker: history.breaker.within(from, to).into_iter().map(Into::into).collect(),
        })
    });
    Ok(axum::Json(answer.await?).into_response())
}
