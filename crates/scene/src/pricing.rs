//! The service `pricing`: what products cost, from PostgreSQL. Its pool is small, so that a lock in the database exhausts it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_postgres::Row;

use crate::log::{Log, request_id, stage, timings};
use crate::pool::{Exhausted, Pool};
use crate::random::Random;
use crate::{Failure, ended};

/// How long a caller waits for a connection.
const PATIENCE: Duration = Duration::from_millis(800);

struct Pricing {
    pool: Arc<Pool>,
    random: Random,
    log: Log,
}

/// Why there is no price.
enum Refused {
    Exhausted(Exhausted),
    Broken(String),
}

/// Serves until the process is asked to end.
///
/// # Errors
/// The address is taken, or the database does not answer.
pub async fn serve(listen: SocketAddr, database: &str, connections: usize, log: Log) -> Result<(), Failure> {
    let pool = Pool::open(database, connections).await?;
    let state = Arc::new(Pricing { pool, random: Random::new(31), log: log.clone() });
    let router = Router::new()
        .route("/healthz", get(health))
        .route("/price/{sku}", get(price))
        .route("/quote", post(quote))
        .layer(axum::middleware::from_fn_with_state((log, "PRICING-QUOTE-001"), timings))
        .with_state(state);
    let listener = TcpListener::bind(listen).await?;
    axum::serve(listener, router).with_graceful_shutdown(ended()).await?;
    Ok(())
}

async fn health(State(pricing): State<Arc<Pricing>>) -> Response {
    let (size, idle) = pricing.pool.levels();
    let (status, text) = if idle > 0 { (StatusCode::OK, "ok") } else { (StatusCode::SERVICE_UNAVAILABLE, "degraded") };
    (status, Json(json!({"status": text, "pool": {"size": size, "in_use": size - idle}}))).into_response()
}

async fn price(State(pricing): State<Arc<Pricing>>, Path(sku): Path<String>, headers: HeaderMap) -> Response {
    answer(&pricing.log, &headers, pricing.prices(vec![sku]).await, |rows| match rows.first() {
        Some(row) => (StatusCode::OK, Json(row.clone())).into_response(),
        None => (StatusCode::NOT_FOUND, Json(json!({"error": "no such product"}))).into_response(),
    })
}

async fn quote(State(pricing): State<Arc<Pricing>>, headers: HeaderMap, Json(order): Json<Value>) -> Response {
    let items = order["items"].as_array().cloned().unwrap_or_default();
    let skus = items.iter().filter_map(|item| item["sku"].as_str().map(str::to_owned)).collect();
    answer(&pricing.log, &headers, pricing.prices(skus).await, |rows| {
        let cents = |item: &Value| {
            rows.iter().find(|row| row["sku"] == item["sku"]).map_or(0, |row| row["cents"].as_i64().unwrap_or(0))
        };
        let total: i64 = items.iter().map(|item| cents(item) * item["quantity"].as_i64().unwrap_or(1)).sum();
        let vat = total * 19 / 119;
        Json(json!({"currency": "EUR", "items": rows, "total_cents": total, "vat_cents": vat})).into_response()
    })
}

impl Pricing {
    /// The prices of `skus`. The question to the database goes on when the caller is gone, and holds its connection.
    async fn prices(&self, skus: Vec<String>) -> Result<Vec<Value>, Refused> {
        tokio::time::sleep(self.random.work(3.0)).await;
        let since = Instant::now();
        let taken = self.pool.take(PATIENCE).await.map_err(Refused::Exhausted);
        stage("pool", since);
        let (taken, since) = (taken?, Instant::now());
        let asked = tokio::spawn(async move {
            const ASK: &str = "select sku, cents, valid_from::text from prices where sku = any($1) order by sku";
            taken.client().query_typed(ASK, &[(&skus, tokio_postgres::types::Type::TEXT_ARRAY)]).await
        });
        let rows = asked.await;
        stage("query", since);
        let rows = rows.map_err(|error| Refused::Broken(error.to_string()))?;
        let rows = rows.map_err(|error| Refused::Broken(error.to_string()))?;
        Ok(rows.iter().map(row).collect())
    }
}

fn row(row: &Row) -> Value {
    let (sku, cents, from): (String, i32, String) = (row.get(0), row.get(1), row.get(2));
    json!({"sku": sku, "cents": cents, "currency": "EUR", "valid_from": from})
}

/// What a caller is told.
fn answer(
    log: &Log,
    headers: &HeaderMap,
    found: Result<Vec<Value>, Refused>,
    good: impl FnOnce(&[Value]) -> Response,
) -> Response {
    let id = request_id(headers);
    let refused = match found {
        Ok(rows) => return good(&rows),
        Err(refused) => refused,
    };
    match refused {
        Refused::Exhausted(Exhausted { size, waited }) => {
            let waited = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
            let text = format!(
                "no free connection to PostgreSQL after {waited} ms: {size} of {size} are in use request_id={id}"
            );
            log.write("ERROR", "PRICING-POOL-001", &text);
            let body = json!({
                "error": "connection pool exhausted",
                "detail": format!("no free connection to PostgreSQL after {waited} ms: {size} of {size} are in use"),
                "pool": {"size": size, "in_use": size, "database": "loom@db-1"},
                "waited_ms": waited,
                "request_id": id,
            });
            let hints = [(header::RETRY_AFTER, "2"), (HeaderName::from_static("x-pool"), "exhausted")];
            (StatusCode::SERVICE_UNAVAILABLE, hints, Json(body)).into_response()
        }
        Refused::Broken(error) => {
            log.write("ERROR", "PRICING-POOL-002", &format!("database failure: {error} request_id={id}"));
            let body = json!({"error": "database failure", "detail": error, "request_id": id});
            (StatusCode::INTERNAL_SERVER_ERROR, Json(body)).into_response()
        }
    }
}
