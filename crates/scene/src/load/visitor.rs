//! One visitor: an address, an agent, connections that stay open between requests.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::net::TcpSocket;
use tokio::time::{Instant, sleep, timeout};

use crate::random::Random;

/// How long a visitor waits for an answer.
const PATIENCE: Duration = Duration::from_secs(25);

/// A host by name; all are at the proxy.
#[derive(Clone, Copy, Debug)]
pub struct Host(pub &'static str);

/// What is sent.
#[derive(Clone, Debug)]
pub struct Call {
    method: Method,
    host: Host,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Call {
    /// `GET` of a path.
    pub fn get(host: Host, path: impl Into<String>) -> Self {
        Self::new(Method::GET, host, path)
    }

    /// Any request without a body.
    pub fn new(method: Method, host: Host, path: impl Into<String>) -> Self {
        Self { method, host, path: path.into(), headers: Vec::new(), body: String::new() }
    }

    /// `POST` of a form.
    pub fn form(host: Host, path: &str, body: String) -> Self {
        Self { body, ..Self::new(Method::POST, host, path) }.with("content-type", "application/x-www-form-urlencoded")
    }

    /// `POST` of JSON.
    pub fn json(host: Host, path: &str, body: &Value) -> Self {
        Self { body: body.to_string(), ..Self::new(Method::POST, host, path) }.with("content-type", "application/json")
    }

    /// With a header.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, as it was sent.
    pub body: Bytes,
    /// How long its head took to come, and then its body.
    pub took: (Duration, Duration),
}

/// A visitor.
#[derive(Debug)]
pub struct Visitor {
    /// The proxy.
    pub edge: SocketAddr,
    /// Where the visitor is.
    pub from: IpAddr,
    /// What it does next.
    pub random: Random,
    /// What it calls itself.
    pub agent: &'static str,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Visitor {
    /// A visitor from an address that this host has, of the proxy at the other one.
    pub fn new((from, edge): (IpAddr, SocketAddr), agent: &'static str, seed: u64) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_local_address(Some(from));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .http1_title_case_headers(true)
            .pool_max_idle_per_host(6)
            .build(connector);
        Self { edge, from, random: Random::new(seed), agent, client }
    }

    /// Sends `call` and reads the answer, where there is one in time.
    pub async fn ask(&self, call: Call) -> Option<Answer> {
        timeout(PATIENCE, self.answer(call)).await.ok().flatten()
    }

    /// Sends `call` and leaves after `patience`, mostly before the answer is whole.
    pub async fn ask_and_leave(&self, call: Call, patience: Duration) {
        // The time-out is what was wanted.
        let _ = timeout(patience, self.answer(call)).await;
    }

    /// Reads, looks, thinks: about `seconds`.
    pub async fn think(&self, seconds: f64) {
        sleep(self.random.work(seconds * 1000.0).min(Duration::from_secs_f64(seconds * 4.0))).await;
    }

    /// How long a connection takes; it is one more, as browsers open them ahead of need.
    pub async fn connect(&self) -> Option<Duration> {
        let asked = Instant::now();
        let socket = if self.edge.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.ok()?;
        socket.bind(SocketAddr::new(self.from, 0)).ok()?;
        timeout(PATIENCE, socket.connect(self.edge)).await.ok()?.ok()?;
        Some(asked.elapsed())
    }

    async fn answer(&self, call: Call) -> Option<Answer> {
        let mut request = Request::builder()
            .method(call.method)
            .uri(format!("http://{}{}", self.edge, call.path))
            .header(header::HOST, call.host.0)
            .header(header::USER_AGENT, self.agent);
        for (name, value) in call.headers {
            request = request.header(name, value);
        }
        let asked = Instant::now();
        let response = self.client.request(request.body(Full::from(call.body)).ok()?).await.ok()?;
        let server = asked.elapsed();
        let (head, body) = response.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        let took = (server, asked.elapsed().saturating_sub(server));
        Some(Answer { status: head.status, headers: head.headers, body, took })
    }
}
