//! What takes long on purpose: an export in pieces, long polls, a WebSocket.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::Shop;
use crate::goods;

/// The key and answer of RFC 6455, section 1.3: visitors always send this key, so that no SHA-1 is needed.
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Messages of a WebSocket, unless its client leaves before.
const MESSAGES: usize = 20;

/// `GET /v1/export.csv`: chunked, a piece at a time.
pub async fn export(State(shop): State<Arc<Shop>>) -> Response {
    let head = std::iter::once("sku,name,metres,stock\n".to_owned());
    let rows = (1..=goods::COUNT)
        .filter_map(goods::product)
        .map(|p| format!("{},{},{},{}\n", p.sku, p.name, p.metres, p.stock));
    let lines: Vec<_> = head.chain(rows).collect();
    let pieces: Vec<_> = lines.chunks(3).map(<[String]>::concat).collect();
    let body = stream::unfold((pieces.into_iter(), shop), |(mut pieces, shop)| async move {
        let piece = pieces.next()?;
        shop.work(60.0).await;
        Some((Ok::<_, Infallible>(Bytes::from(piece)), (pieces, shop)))
    });
    ([(header::CONTENT_TYPE, "text/csv")], Body::from_stream(body)).into_response()
}

/// `GET /v1/notifications`: waits for news; mostly there are none.
pub async fn notifications(State(shop): State<Arc<Shop>>) -> Response {
    tokio::time::sleep(Duration::from_secs(8)).await;
    shop.work(2000.0).await;
    if shop.random.happens(0.7) {
        return StatusCode::NO_CONTENT.into_response();
    }
    axum::Json(serde_json::json!({"notifications": [{"kind": "parcel", "text": "Your yarn has been sent"}]}))
        .into_response()
}

/// `GET /v1/live`: stock levels over a WebSocket.
pub async fn live(State(shop): State<Arc<Shop>>, mut request: Request) -> Response {
    let wanted = request.headers().get(header::UPGRADE).is_some_and(|value| value == "websocket");
    if !wanted {
        return (StatusCode::UPGRADE_REQUIRED, [(header::UPGRADE, "websocket")], "WebSocket only\n").into_response();
    }
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            // When the client is gone, so is the stream.
            let _ = talk(upgraded, &shop).await;
        }
    });
    let headers =
        [(header::CONNECTION, "upgrade"), (header::UPGRADE, "websocket"), (header::SEC_WEBSOCKET_ACCEPT, ACCEPT)];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}

async fn talk(upgraded: Upgraded, shop: &Shop) -> std::io::Result<()> {
    let mut stream = TokioIo::new(upgraded);
    for _ in 0..MESSAGES {
        shop.work(2500.0).await;
        let id = 1 + shop.random.below(goods::COUNT);
        stream.write_all(&text_frame(&format!(r#"{{"product":{id},"in_stock":{}}}"#, shop.random.below(400)))).await?;
    }
    // Close, status 1000; then the client's.
    stream.write_all(&[0x88, 2, 0x03, 0xe8]).await?;
    stream.read_u8().await.map(drop)
}

/// A short text message from a server. Source: RFC 6455, section 5.2.
fn text_frame(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len().min(125)).unwrap_or(125);
    [&[0x81, length], &text.as_bytes()[..usize::from(length)]].concat()
}
