//! The API for apps and partners.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use serde_json::{Value, json};

use super::Shop;
use super::upstream::NoPrice;
use crate::goods;
use crate::log::request_id;

type Here = State<Arc<Shop>>;

fn error(headers: &HeaderMap, status: StatusCode, what: &str) -> Response {
    (status, Json(json!({"error": what, "request_id": request_id(headers)}))).into_response()
}

fn no_price(headers: &HeaderMap, failure: &NoPrice) -> Response {
    let (status, told) = failure.told(request_id(headers));
    (status, Json(told)).into_response()
}

/// `GET /healthz`
pub async fn health(State(shop): Here) -> Json<Value> {
    Json(json!({"status": "ok", "release": shop.release}))
}

/// `POST /v1/session`: a token for an e-mail address and a password. Its signature is made up.
pub async fn sign_in(State(shop): Here, headers: HeaderMap, body: Bytes) -> Response {
    shop.work(110.0).await;
    let Ok(Value::Object(asked)) = serde_json::from_slice(&body) else {
        return error(&headers, StatusCode::BAD_REQUEST, "the body is not a JSON object");
    };
    let email = asked.get("email").and_then(Value::as_str).unwrap_or_default();
    if asked.get("password").and_then(Value::as_str).is_none_or(|password| password.starts_with("wrong")) {
        return error(&headers, StatusCode::UNAUTHORIZED, "unknown e-mail address or wrong password");
    }
    let claims = json!({"iss": "loom", "sub": email, "scope": "shop", "jti": shop.random.hex(12)}).to_string();
    let parts = [r#"{"alg":"HS256","typ":"JWT"}"#.to_owned(), claims, shop.random.hex(32)];
    let token = parts.map(|part| BASE64.encode(part)).join(".");
    (StatusCode::CREATED, Json(json!({"access_token": token, "token_type": "Bearer", "expires_in": 3600})))
        .into_response()
}

/// `GET /v1/products?page=`
pub async fn products(
    State(shop): Here,
    Query(terms): Query<std::collections::HashMap<String, String>>,
) -> Json<Value> {
    shop.work(22.0).await;
    let page: usize = terms.get("page").and_then(|page| page.parse().ok()).unwrap_or(1).clamp(1, 3);
    let first = (page - 1) * 8 + 1;
    let found: Vec<_> = (first..first + 8).filter_map(goods::product).map(|product| product.json()).collect();
    Json(json!({"page": page, "pages": 3, "total": goods::COUNT, "products": found}))
}

/// `GET /v1/products/{id}`
pub async fn product(State(shop): Here, Path(id): Path<String>, headers: HeaderMap) -> Response {
    shop.work(6.0).await;
    let Some(product) = id.parse().ok().and_then(goods::product) else {
        return error(&headers, StatusCode::NOT_FOUND, "no such product");
    };
    match shop.pricing.price(&headers, &product.sku).await {
        Err(failure) => no_price(&headers, &failure),
        Ok(price) => {
            let mut told = product.json();
            told["price"] = price;
            Json(told).into_response()
        }
    }
}

/// `GET /v1/products/{id}/price`
pub async fn price(State(shop): Here, Path(id): Path<String>, headers: HeaderMap) -> Response {
    if !headers.contains_key(header::AUTHORIZATION) {
        return error(&headers, StatusCode::UNAUTHORIZED, "who asks?");
    }
    let Some(product) = id.parse().ok().and_then(goods::product) else {
        return error(&headers, StatusCode::NOT_FOUND, "no such product");
    };
    match shop.pricing.price(&headers, &product.sku).await {
        Err(failure) => no_price(&headers, &failure),
        Ok(price) => Json(price).into_response(),
    }
}

/// `POST /v1/cart/items`
pub async fn put_into_cart(State(shop): Here, headers: HeaderMap, body: Bytes) -> Response {
    shop.work(10.0).await;
    let Ok(item) = serde_json::from_slice::<Value>(&body) else {
        return error(&headers, StatusCode::BAD_REQUEST, "the body is not JSON");
    };
    match shop.pricing.quote(&headers, &json!([item])).await {
        Err(failure) => no_price(&headers, &failure),
        Ok(quote) => {
            let id = 1000 + shop.random.below(9000);
            let location = [(header::LOCATION, format!("/v1/cart/items/{id}"))];
            (StatusCode::CREATED, location, Json(json!({"id": id, "item": item, "quote": quote}))).into_response()
        }
    }
}

/// `DELETE /v1/cart/items/{id}`
pub async fn take_from_cart(State(shop): Here, Path(_): Path<String>) -> StatusCode {
    shop.work(8.0).await;
    StatusCode::NO_CONTENT
}

/// `POST /v1/orders`
pub async fn order(State(shop): Here, headers: HeaderMap, body: Bytes) -> Response {
    shop.work(35.0).await;
    let Ok(order) = serde_json::from_slice::<Value>(&body) else {
        return error(&headers, StatusCode::BAD_REQUEST, "the body is not JSON");
    };
    if order["payment"]["card"].as_str().is_none_or(|card| card.len() < 12) {
        return error(&headers, StatusCode::UNPROCESSABLE_ENTITY, "no such card");
    }
    match shop.pricing.quote(&headers, &order["items"]).await {
        Err(failure) => no_price(&headers, &failure),
        Ok(quote) => {
            // The bank.
            shop.work(240.0).await;
            let id = 40_000 + shop.random.below(9_999);
            let told = json!({"order": id, "status": "paid", "quote": quote, "delivery": order["delivery"]});
            (StatusCode::CREATED, [(header::LOCATION, format!("/v1/orders/{id}"))], Json(told)).into_response()
        }
    }
}

/// `GET /v1/orders/{id}`
pub async fn order_status(State(shop): Here, Path(id): Path<String>) -> Json<Value> {
    shop.work(16.0).await;
    let status = shop.random.pick(&["paid", "packed", "sent"]);
    Json(json!({"order": id, "status": status, "carrier": "DHL", "parcels": 1 + shop.random.below(3)}))
}

/// `GET /v1/reports/sales`: the slow one.
pub async fn report(State(shop): Here) -> Json<Value> {
    shop.work(1400.0).await;
    let (random, mut days) = (&shop.random, Vec::new());
    for day in 1..=28 {
        days.push(json!({"day": day, "orders": 80 + random.below(60), "cents": 300_000 + random.below(200_000)}));
    }
    Json(json!({"month": "2026-10", "days": days}))
}
