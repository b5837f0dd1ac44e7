//! Who is not expected: crawlers, scanners, people who leave early, and one kind of client that speaks no HTTP afterwards.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::visitor::{Call, Host, Visitor};
use super::{API, WWW};
use crate::goods;

/// What scanners look for.
const HOLES: [&str; 12] = [
    "/.env",
    "/.git/config",
    "/wp-login.php",
    "/wp-admin/setup-config.php",
    "/phpmyadmin/index.php",
    "/backup.sql.gz",
    "/cgi-bin/luci",
    "/actuator/env",
    "/server-status",
    "/admin/login?next=%2f..%2f..%2fetc%2fpasswd",
    "/vendor/phpunit/eval.php",
    "/search?q=%27%20or%201%3D1--",
];

/// Follows links, some of which are gone.
pub async fn crawler(visitor: Visitor) {
    visitor.ask(Call::get(WWW, "/robots.txt")).await;
    for _ in 0..4 {
        visitor.think(0.8).await;
        let id = 1 + visitor.random.below(goods::COUNT + 20);
        visitor.ask(Call::get(WWW, format!("/products/{id}"))).await;
    }
    visitor.ask(Call::get(WWW, "/old-shop")).await;
}

/// Tries doors, quickly, by address.
pub async fn scanner(visitor: Visitor) {
    for hole in HOLES {
        visitor.ask(Call::get(Host("192.0.2.10"), hole).with("accept", "*/*")).await;
        visitor.think(0.15).await;
    }
}

/// Leaves before the answer is whole.
pub async fn impatient(visitor: Visitor) {
    let (path, patience) =
        if visitor.random.happens(0.5) { ("/v1/export.csv", 420) } else { ("/v1/reports/sales", 700) };
    visitor.ask_and_leave(Call::get(API, path), Duration::from_millis(patience)).await;
}

/// Stock levels over a WebSocket, for a while.
pub async fn live(visitor: Visitor) {
    // No answer, or one that is cut: the visit is over.
    let _ = timeout(Duration::from_secs(45), watch(&visitor)).await;
}

async fn watch(visitor: &Visitor) -> std::io::Result<()> {
    let mut stream = connect(visitor).await?;
    let request = format!(
        "GET /v1/live HTTP/1.1\r\nHost: {}\r\nUser-Agent: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        API.0, visitor.agent
    );
    stream.write_all(request.as_bytes()).await?;
    let mut buffer = [0; 1024];
    for _ in 0..visitor.random.below(12) + 2 {
        if stream.read(&mut buffer).await? == 0 {
            return Ok(());
        }
    }
    // Close, masked as clients must, status 1001: going away.
    stream.write_all(&[0x88, 0x82, 1, 2, 3, 4, 0x03 ^ 1, 0xe9 ^ 2]).await
}

async fn connect(visitor: &Visitor) -> std::io::Result<TcpStream> {
    let socket = if visitor.from.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.bind(SocketAddr::new(visitor.from, 0))?;
    socket.connect(visitor.edge).await
}
