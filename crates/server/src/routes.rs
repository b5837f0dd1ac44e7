//! The one table of routes: each with its permission, its handler and its documentation.
//!
//! A route comes in through [`Table::add`] only, which asks for its permission, so that none can be without.

use std::collections::BTreeMap;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

use arachne_telemetry::{codes, emit};

use crate::api::{
    agents, batch, bodies, complete, configuration, deliver, exports, filter, follow, layers, lists, login, marks, me,
    operations, paths, preview, program, queries, related, saved, sql, store, timings, upload,
};
use crate::app::App;
use crate::auth::Permission::{self, Admin, Agent, FullPackets, Import, Public, Read};
use crate::{beacons, docs, guard, openapi, ui};

/// A route that is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The method, in upper case.
    pub method: String,
    /// The path with its parameters in braces.
    pub path: String,
    /// What a caller must be allowed to do.
    pub permission: Permission,
}

/// Routes under construction.
struct Table {
    app: App,
    router: OpenApiRouter<App>,
    routes: BTreeMap<(String, String), Permission>,
}

impl Table {
    /// Adds a route that asks for `permission`.
    fn add(mut self, permission: Permission, route: UtoipaMethodRouter<App>) -> Self {
        let (schemas, paths, methods) = route;
        for (path, item) in &paths.paths {
            for (method, operation) in openapi::operations(item) {
                if operation.is_some() {
                    self.routes.insert((path.clone(), method.to_owned()), permission);
                }
            }
        }
        let checked = methods.layer(from_fn_with_state((self.app.clone(), permission), guard::right));
        self.router = self.router.routes((schemas, paths, checked));
        self
    }
}

fn table(app: &App) -> Table {
    let empty = Table { app: app.clone(), router: OpenApiRouter::new(), routes: BTreeMap::new() };
    empty
        .add(Public, routes!(store::healthz))
        .add(Public, routes!(store::readyz))
        .add(Public, routes!(store::metrics))
        .add(Public, routes!(docs::page))
        .add(Public, routes!(docs::style))
        .add(Public, routes!(docs::document))
        .add(Public, routes!(login::login, login::logout))
        .add(Public, routes!(beacons::script))
        .add(Public, routes!(beacons::beacon, beacons::pixel))
        .add(Read, routes!(me::me))
        .add(Read, routes!(configuration::configuration))
        .add(Read, routes!(store::facts))
        .add(Read, routes!(timings::tell))
        .add(Read, routes!(paths::paths))
        .add(Admin, routes!(paths::apply))
        .add(Read, routes!(lists::exchanges))
        .add(Read, routes!(lists::sessions))
        .add(Read, routes!(lists::packets))
        .add(Read, routes!(lists::hosts))
        .add(Read, routes!(lists::log_records))
        .add(Read, routes!(related::exchange))
        .add(Read, routes!(related::exchange_packets))
        .add(Read, routes!(related::curl))
        .add(Read, routes!(bodies::body))
        .add(Read, routes!(preview::preview))
        .add(Read, routes!(related::session))
        .add(Read, routes!(related::session_packets))
        .add(Read, routes!(layers::layers))
        .add(Read, routes!(follow::segments))
        .add(FullPackets, routes!(follow::stream))
        .add(FullPackets, routes!(exports::session_pcapng))
        .add(Read, routes!(queries::histogram, queries::histogram_link))
        .add(Read, routes!(queries::top, queries::top_link))
        .add(Read, routes!(queries::quantiles))
        .add(Read, routes!(queries::facets))
        .add(Read, routes!(queries::difference))
        .add(Read, routes!(queries::map))
        .add(Read, routes!(queries::quality))
        .add(Read, routes!(queries::values))
        .add(Read, routes!(queries::codes))
        .add(Read, routes!(queries::series))
        .add(Read, routes!(queries::metrics))
        .add(Read, routes!(batch::batch))
        .add(Read, routes!(filter::parse))
        .add(Read, routes!(complete::complete))
        .add(Read, routes!(filter::catalogue))
        .add(Read, routes!(exports::ndjson))
        .add(Read, routes!(exports::csv))
        .add(Read, routes!(exports::har))
        .add(FullPackets, routes!(exports::packets))
        // Who may read may save what it looks like: nothing that was captured changes.
        .add(Read, routes!(saved::views))
        .add(Read, routes!(saved::view, saved::put_view, saved::delete_view))
        .add(Read, routes!(saved::make_link))
        .add(Read, routes!(saved::link_by_id))
        .add(Read, routes!(saved::preferences, saved::put_preferences))
        .add(Read, routes!(marks::marks, marks::add_mark))
        .add(Read, routes!(marks::delete_mark))
        .add(Read, routes!(agents::list))
        .add(Admin, routes!(agents::add))
        .add(Read, routes!(agents::agent))
        .add(Admin, routes!(agents::revoke))
        .add(Admin, routes!(agents::put_config))
        .add(Admin, routes!(agents::ask_preview))
        .add(Read, routes!(agents::preview))
        .add(Read, routes!(agents::history))
        .add(Agent, routes!(deliver::batches))
        .add(Agent, routes!(deliver::status))
        .add(Agent, routes!(program::program))
        .add(Admin, routes!(sql::sql))
        .add(Import, routes!(upload::upload))
        .add(Read, routes!(operations::list))
        .add(Read, routes!(operations::one))
        .add(Import, routes!(operations::stop))
        .add(Read, routes!(operations::imports))
        .add(Read, routes!(operations::running))
        .add(Read, routes!(operations::stop_query))
}

/// All routes with their permissions.
#[must_use]
pub(crate) fn all(app: &App) -> Vec<Route> {
    let listed = table(app).routes;
    listed.into_iter().map(|((path, method), permission)| Route { method, path, permission }).collect()
}

/// The document of all routes.
pub(crate) fn document(app: &App) -> OpenApi {
    let Table { router, routes, .. } = table(app);
    openapi::finish(router.into_openapi(), &routes)
}

/// Everything that is served, on TCP and on the socket alike.
pub(crate) fn router(app: &App) -> Router {
    let Table { router, .. } = table(app);
    let (router, _) = router.split_for_parts();
    router
        .fallback(ui::fallback)
        .layer(CompressionLayer::new().compress_when(compressible()))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(app.clone(), guard::outer))
        .with_state(app.clone())
}

/// Lines that somebody waits for leave at once, which compression would not let them.
fn compressible() -> impl Predicate {
    DefaultPredicate::new().and(NotForContentType::const_new("application/x-ndjson"))
}

/// A panic on a thread that serves connections: this request alone fails.
fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    emit!(codes::SERVER_MAIN_003, error = "a handler panicked");
    crate::problem::Problem::new("internal", "the request failed inside the server; its log tells more").into_response()
}
