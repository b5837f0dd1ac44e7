//! Calls to `pricing`: connections kept open, one second of patience, three attempts.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde_json::{Value, json};

use crate::log::{Log, request_id, stage};
use crate::random::Random;

/// How long an attempt may take.
const PATIENCE: Duration = Duration::from_secs(1);
const ATTEMPTS: u32 = 3;

/// A client of `pricing`.
pub struct Pricing {
    client: Client<HttpConnector, Full<Bytes>>,
    address: SocketAddr,
    random: Random,
    log: Log,
}

/// Why there is no price, after the last attempt.
#[derive(Debug)]
pub enum NoPrice {
    /// It did not answer in time.
    Late,
    /// It answered that it cannot.
    Refused(String),
    /// There is no such product.
    Unknown,
}

impl NoPrice {
    /// What a user gets, and how it is told.
    pub fn told(&self, id: &str) -> (StatusCode, Value) {
        let (status, error, cause) = match self {
            Self::Late => (StatusCode::GATEWAY_TIMEOUT, "pricing timed out", "no answer within 1000 ms".to_owned()),
            Self::Refused(cause) => (StatusCode::SERVICE_UNAVAILABLE, "pricing unavailable", cause.clone()),
            Self::Unknown => (StatusCode::NOT_FOUND, "no such product", "it has no price".to_owned()),
        };
        let body = json!({
            "error": error, "cause": cause, "upstream": "pricing.loom.internal", "attempts": ATTEMPTS, "request_id": id,
        });
        (status, body)
    }
}

impl Pricing {
    /// A client of the service at `address`.
    pub fn new(address: SocketAddr, log: Log) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(4)
            .build_http();
        Self { client, address, random: Random::new(17), log }
    }

    /// The price of a product, on behalf of a request with the headers `from`.
    pub async fn price(&self, from: &HeaderMap, sku: &str) -> Result<Value, NoPrice> {
        self.ask(from, Method::GET, &format!("/price/{sku}"), None).await
    }

    /// The price of an order of `items`.
    pub async fn quote(&self, from: &HeaderMap, items: &Value) -> Result<Value, NoPrice> {
        let body = json!({"currency": "EUR", "items": items}).to_string();
        self.ask(from, Method::POST, "/quote", Some(body)).await
    }

    async fn ask(&self, from: &HeaderMap, method: Method, path: &str, body: Option<String>) -> Result<Value, NoPrice> {
        let since = Instant::now();
        let asked = self.attempts(from, method, path, body).await;
        stage("pricing", since);
        if let Err(failure @ (NoPrice::Late | NoPrice::Refused(_))) = &asked {
            let code = if matches!(failure, NoPrice::Late) { "SHOP-PRICE-002" } else { "SHOP-PRICE-003" };
            let why = failure.told("").1["cause"].as_str().unwrap_or_default().to_owned();
            let text = format!("no price after {ATTEMPTS} attempts: {why} request_id={}", request_id(from));
            self.log.write("ERROR", code, &text);
        }
        asked
    }

    async fn attempts(
        &self,
        from: &HeaderMap,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> Result<Value, NoPrice> {
        let mut failure = NoPrice::Late;
        for attempt in 1..=ATTEMPTS {
            if attempt > 1 {
                tokio::time::sleep(Duration::from_millis(50 << attempt) + self.random.work(10.0)).await;
            }
            // Giving up closes the connection, as clients do.
            match tokio::time::timeout(PATIENCE, self.attempt(from, &method, path, body.clone(), attempt)).await {
                Ok(Err(NoPrice::Unknown)) => return Err(NoPrice::Unknown),
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(refused)) => failure = refused,
                Err(_) => failure = NoPrice::Late,
            }
        }
        Err(failure)
    }

    async fn attempt(
        &self,
        from: &HeaderMap,
        method: &Method,
        path: &str,
        body: Option<String>,
        attempt: u32,
    ) -> Result<Value, NoPrice> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address))
            .header(header::HOST, "pricing.loom.internal")
            .header(header::USER_AGENT, "loom-shop/1.4 (pricing-client)")
            .header(header::ACCEPT, "application/json")
            .header("x-request-id", request_id(from))
            .header("traceparent", self.trace(from));
        if let Some(addresses) = from.get("x-forwarded-for") {
            request = request.header("x-forwarded-for", addresses);
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        if attempt > 1 {
            request = request.header("x-attempt", attempt);
        }
        let broken = |error: &dyn ToString| NoPrice::Refused(error.to_string());
        let request = request.body(Full::from(body.unwrap_or_default())).map_err(|error| broken(&error))?;
        let response = self.client.request(request).await.map_err(|error| broken(&error))?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|error| broken(&error))?.to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        match status {
            StatusCode::OK => Ok(body),
            StatusCode::NOT_FOUND => Err(NoPrice::Unknown),
            _ => Err(NoPrice::Refused(body["error"].as_str().unwrap_or("no reason given").to_owned())),
        }
    }

    /// The caller's trace goes on; where it has none, the proxy's id of the request is the id of its trace too.
    fn trace(&self, from: &HeaderMap) -> String {
        let theirs = from.get("traceparent").and_then(|trace| trace.to_str().ok()?.split('-').nth(1));
        format!("00-{}-{}-01", theirs.unwrap_or(request_id(from)), self.random.hex(16))
    }
}
