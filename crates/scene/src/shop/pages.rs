//! Pages for browsers.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde_json::json;

use super::Shop;
use super::upstream::NoPrice;
use crate::goods::{self, Product};
use crate::log::request_id;

type Here = State<Arc<Shop>>;
type Terms = Query<std::collections::HashMap<String, String>>;

fn page(title: &str, release: u32, main: &str) -> Html<String> {
    Html(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title} · Loom</title>\n\
         <link rel=\"stylesheet\" href=\"http://static.loom.example/css/loom.css?v={release}\">\n\
         <script defer src=\"http://static.loom.example/js/loom.js?v={release}\"></script>\n</head>\n<body>\n\
         <header><a href=\"/\">Loom</a><form action=\"/search\"><input name=\"q\"></form><a href=\"/cart\">Cart</a></header>\n\
         <main>\n<h1>{title}</h1>\n{main}\n</main>\n<footer>Loom, yarn since 1911</footer>\n</body>\n</html>\n"
    ))
}

fn card(product: &Product) -> String {
    let Product { id, name, metres, .. } = product;
    format!(
        "<article><a href=\"/products/{id}\"><img src=\"http://static.loom.example/img/{id}.png\" alt=\"\">{name}</a>\
         <p>{metres} m</p></article>\n"
    )
}

/// What a person sees when there is no price.
fn sorry(shop: &Shop, headers: &HeaderMap, failure: &NoPrice) -> Response {
    let id = request_id(headers);
    let (status, told) = failure.told(id);
    let text = |field: &str| told[field].as_str().unwrap_or_default().to_owned();
    let main = format!("<p>{}: {}.</p>\n<p>Please try again. Your reference: {id}</p>", text("error"), text("cause"));
    (status, page("We are sorry", shop.release, &main)).into_response()
}

/// `GET /`
pub async fn home(State(shop): Here) -> Html<String> {
    shop.work(14.0).await;
    page("Yarn by the skein", shop.release, &(1..=6).filter_map(goods::product).map(|p| card(&p)).collect::<String>())
}

/// `GET /search?q=`
pub async fn search(State(shop): Here, Query(terms): Terms) -> Html<String> {
    shop.work(45.0).await;
    let term = terms.get("q").map(String::as_str).unwrap_or_default();
    page("Search", shop.release, &goods::search(term).iter().map(card).collect::<String>())
}

/// `GET /products/{id}`
pub async fn product(State(shop): Here, Path(id): Path<String>, headers: HeaderMap) -> Response {
    shop.work(9.0).await;
    let Some(product) = id.parse().ok().and_then(goods::product) else { return missing(State(shop)).await };
    match shop.pricing.price(&headers, &product.sku).await {
        Err(failure) => sorry(&shop, &headers, &failure),
        Ok(price) => {
            let cents = price["cents"].as_i64().unwrap_or(0);
            let Product { id, name, text, metres, stock, .. } = &product;
            let main = format!(
                "<img src=\"http://static.loom.example/img/{id}.png\" alt=\"{name}\">\n<p>{text}</p>\n\
                 <dl><dt>Length</dt><dd>{metres} m</dd><dt>In stock</dt><dd>{stock}</dd>\
                 <dt>Price</dt><dd>{}.{:02} EUR</dd></dl>\n<form method=\"post\" action=\"/cart\">\
                 <input type=\"hidden\" name=\"id\" value=\"{id}\"><button>Add to cart</button></form>",
                cents / 100,
                cents % 100
            );
            page(name, shop.release, &main).into_response()
        }
    }
}

/// `GET /login`
pub async fn login(State(shop): Here) -> Html<String> {
    shop.work(5.0).await;
    page(
        "Sign in",
        shop.release,
        "<form method=\"post\"><input name=\"email\"><input name=\"password\" type=\"password\"></form>",
    )
}

/// `POST /login`
pub async fn sign_in(State(shop): Here) -> Response {
    // Passwords are hashed slowly on purpose.
    shop.work(120.0).await;
    let cookie = format!("loom_session={}; Path=/; HttpOnly; SameSite=Lax; Max-Age=86400", shop.random.hex(40));
    ([(header::SET_COOKIE, cookie)], Redirect::to("/cart")).into_response()
}

/// `GET /cart`
pub async fn cart(State(shop): Here, headers: HeaderMap) -> Response {
    shop.work(12.0).await;
    let items: Vec<_> = (0..2).filter_map(|_| goods::product(1 + shop.random.below(goods::COUNT))).collect();
    let wanted = items.iter().map(|product| json!({"sku": product.sku, "quantity": 1 + shop.random.below(4)}));
    match shop.pricing.quote(&headers, &wanted.collect()).await {
        Err(failure) => sorry(&shop, &headers, &failure),
        Ok(quote) => {
            let rows: String = items.iter().map(card).collect();
            let total = quote["total_cents"].as_i64().unwrap_or(0);
            page("Your cart", shop.release, &format!("{rows}<p>Total {}.{:02} EUR</p>", total / 100, total % 100))
                .into_response()
        }
    }
}

/// `POST /cart`
pub async fn put_into_cart(State(shop): Here) -> Redirect {
    shop.work(18.0).await;
    Redirect::to("/cart")
}

/// `POST /checkout`
pub async fn checkout(State(shop): Here, headers: HeaderMap) -> Response {
    shop.work(60.0).await;
    let items = json!([{"sku": goods::product(1 + shop.random.below(goods::COUNT)).map(|p| p.sku), "quantity": 2}]);
    match shop.pricing.quote(&headers, &items).await {
        Err(failure) => sorry(&shop, &headers, &failure),
        Ok(_) => {
            // The bank.
            shop.work(260.0).await;
            let number = 40_000 + shop.random.below(9_999);
            page("Thank you", shop.release, &format!("<p>Order {number} is on its way.</p>")).into_response()
        }
    }
}

/// `GET /old-shop`
pub async fn moved() -> Redirect {
    Redirect::permanent("/")
}

/// `GET /robots.txt`
pub async fn robots() -> &'static str {
    "User-agent: *\nDisallow: /cart\nDisallow: /checkout\n"
}

/// Everything that is not there.
pub async fn missing(State(shop): Here) -> Response {
    shop.work(2.0).await;
    (StatusCode::NOT_FOUND, page("Not found", shop.release, "<p>There is no such page.</p>")).into_response()
}
