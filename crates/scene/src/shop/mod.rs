//! The service `shop`: pages for browsers, an API for apps and partners. Prices come from `pricing`.

mod api;
mod live;
mod pages;
mod upstream;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::response::Response;
use axum::routing::{any, get, post};
use tokio::net::TcpListener;

use crate::log::{Log, stage, timings};
use crate::random::Random;
use crate::{Failure, ended};
use upstream::Pricing;

/// What handlers share.
struct Shop {
    name: HeaderValue,
    release: u32,
    pricing: Pricing,
    random: Random,
}

impl Shop {
    /// Takes about `median` milliseconds.
    async fn work(&self, median: f64) {
        let since = Instant::now();
        tokio::time::sleep(self.random.work(median)).await;
        stage("work", since);
    }
}

/// Serves until the process is asked to end.
///
/// # Errors
/// The address is taken, or the name is no header value.
pub async fn serve(
    listen: SocketAddr,
    pricing: SocketAddr,
    name: String,
    release: u32,
    log: Log,
) -> Result<(), Failure> {
    let random = Random::new(u64::from(listen.port()) + u64::from(release) + name.len() as u64);
    let shop =
        Shop { name: HeaderValue::from_str(&name)?, release, pricing: Pricing::new(pricing, log.clone()), random };
    let shop = Arc::new(shop);
    let timed = axum::middleware::from_fn_with_state((log.clone(), "SHOP-PAGE-001"), timings);
    let router = pages().merge(apis()).fallback(pages::missing).layer(timed);
    log.write("INFO", "SHOP-MAIN-001", &format!("release {release} is open"));
    let signed = axum::middleware::map_response_with_state(Arc::clone(&shop), sign);
    let listener = TcpListener::bind(listen).await?;
    let server = axum::serve(listener, router.layer(signed).with_state(shop)).with_graceful_shutdown(ended());
    // Long polls and WebSockets have no end of their own: a release does not wait for them.
    tokio::select! {
        served = server => served?,
        () = async { ended().await; tokio::time::sleep(Duration::from_secs(2)).await } => {}
    }
    Ok(())
}

fn pages() -> Router<Arc<Shop>> {
    Router::new()
        .route("/", get(pages::home))
        .route("/robots.txt", get(pages::robots))
        .route("/search", get(pages::search))
        .route("/products/{id}", get(pages::product))
        .route("/login", get(pages::login).post(pages::sign_in))
        .route("/cart", get(pages::cart).post(pages::put_into_cart))
        .route("/checkout", post(pages::checkout))
        .route("/old-shop", get(pages::moved))
        .route("/healthz", get(api::health))
}

fn apis() -> Router<Arc<Shop>> {
    Router::new()
        .route("/v1/session", post(api::sign_in))
        .route("/v1/products", get(api::products))
        .route("/v1/products/{id}", get(api::product))
        .route("/v1/products/{id}/price", get(api::price))
        .route("/v1/cart/items", post(api::put_into_cart))
        .route("/v1/cart/items/{id}", axum::routing::delete(api::take_from_cart))
        .route("/v1/orders", post(api::order))
        .route("/v1/orders/{id}", get(api::order_status))
        .route("/v1/reports/sales", get(api::report))
        .route("/v1/export.csv", get(live::export))
        .route("/v1/notifications", get(live::notifications))
        .route("/v1/live", any(live::live))
}

/// Every response tells who made it, by which release, and which request it answers.
async fn sign(State(shop): State<Arc<Shop>>, mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert("x-release", shop.release.into());
    headers.insert("x-served-by", shop.name.clone());
    response
}
