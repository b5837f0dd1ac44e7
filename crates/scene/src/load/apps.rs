//! Programs that use the API: the shop's own app, a partner, an office, a monitor.

use std::time::Duration;

use axum::http::Method;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::visitor::{Call, Visitor};
use super::{API, WWW};
use crate::goods;

fn call(visitor: &Visitor, method: Method, path: &str, token: &str) -> Call {
    with_id(visitor, Call::new(method, API, path)).with("authorization", format!("Bearer {token}"))
}

fn with_id(visitor: &Visitor, call: Call) -> Call {
    call.with("accept", "application/json").with("accept-encoding", "gzip").with("x-device", visitor.random.hex(8))
}

/// The app: signs in, looks at products, sometimes orders.
pub async fn app(visitor: Visitor) {
    let random = &visitor.random;
    let person = random.pick(&["ada", "grace", "edith", "joan", "mary", "hedy", "rosa", "ida"]);
    let mut password = format!("correct horse {person}");
    if random.happens(0.12) {
        password = "wrong horse".to_owned();
    }
    let asked = json!({"email": format!("{person}@mail.example"), "password": password});
    let Some(answer) = visitor.ask(with_id(&visitor, Call::json(API, "/v1/session", &asked))).await else { return };
    let told: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let Some(token) = told["access_token"].as_str() else { return };
    let page = 1 + random.below(3);
    visitor.ask(call(&visitor, Method::GET, &format!("/v1/products?page={page}"), token)).await;
    for _ in 0..=random.below(4) {
        visitor.think(1.2).await;
        let id = 1 + random.below(goods::COUNT);
        visitor.ask(call(&visitor, Method::GET, &format!("/v1/products/{id}"), token)).await;
    }
    if random.happens(0.6) {
        order(&visitor, token).await;
    }
}

async fn order(visitor: &Visitor, token: &str) {
    let random = &visitor.random;
    let Some(product) = goods::product(1 + random.below(goods::COUNT)) else { return };
    let item = json!({"sku": product.sku, "quantity": 1 + random.below(5)});
    let put = Call::json(API, "/v1/cart/items", &item).with("authorization", format!("Bearer {token}"));
    // The app sends this body as it makes it, without knowing its length.
    visitor.ask(with_id(visitor, put).with("transfer-encoding", "chunked")).await;
    visitor.think(1.5).await;
    if random.happens(0.2) {
        let path = format!("/v1/cart/items/{}", 1000 + random.below(9000));
        visitor.ask(call(visitor, Method::DELETE, &path, token)).await;
        return;
    }
    let card = if random.happens(0.06) { "4111" } else { "4111111111111111" };
    let body = json!({
        "items": [item], "delivery": {"city": "Leeds", "postcode": "LS1 4AP", "express": random.happens(0.3)},
        "payment": {"card": card, "cvc": "123", "holder": "A. Weaver"},
    });
    let post = Call::json(API, "/v1/orders", &body).with("authorization", format!("Bearer {token}"));
    let Some(answer) = visitor.ask(with_id(visitor, post)).await else { return };
    let told: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if let (true, Some(id)) = (answer.status.is_success(), told["order"].as_u64()) {
        visitor.think(2.0).await;
        visitor.ask(call(visitor, Method::GET, &format!("/v1/orders/{id}"), token)).await;
    }
}

/// A partner's program, which asks for prices all the time, with a password.
pub async fn partner(visitor: Visitor, end: Instant) {
    let login = format!("Basic {}", BASE64.encode("haberdash:not-a-real-password"));
    while Instant::now() < end {
        for id in 1..=4 {
            let id = 1 + (id * 7 + visitor.random.below(3)) % goods::COUNT;
            let ask = Call::get(API, format!("/v1/products/{id}/price")).with("authorization", login.clone());
            let ask = ask.with("traceparent", format!("00-{}-{}-01", visitor.random.hex(32), visitor.random.hex(16)));
            visitor.ask(ask).await;
        }
        sleep(Duration::from_secs(3)).await;
    }
}

/// Asks whether the shop lives.
pub async fn monitor(visitor: Visitor, end: Instant) {
    while Instant::now() < end {
        visitor.ask(Call::get(WWW, "/healthz")).await;
        visitor.ask(Call::new(Method::HEAD, WWW, "/")).await;
        sleep(Duration::from_secs(10)).await;
    }
}

/// The office: a report that is always slow.
pub async fn report(visitor: Visitor) {
    let login = format!("Basic {}", BASE64.encode("office:also-not-a-password"));
    visitor
        .ask(with_id(&visitor, Call::get(API, "/v1/reports/sales?month=2026-10")).with("authorization", login))
        .await;
}

/// Waits for news.
pub async fn long_poll(visitor: Visitor) {
    visitor.ask(with_id(&visitor, Call::get(API, "/v1/notifications?wait=10"))).await;
}
