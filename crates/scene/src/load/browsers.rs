//! People with browsers: pages with all that belongs to them, cookies, forms.

use std::time::Duration;

use axum::http::header;
use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use super::visitor::{Answer, Call, Visitor};
use super::{STATIC, WWW};
use crate::goods;

const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 26_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
];
const PEOPLE: [&str; 6] = ["ada", "grace", "edith", "joan", "mary", "hedy"];
const LANGUAGES: [&str; 3] = ["en-GB,en;q=0.8", "de-DE,de;q=0.8,en;q=0.5", "fr-FR,fr;q=0.7,en;q=0.3"];

/// A browser by its seed.
pub const fn agent(seed: u64) -> &'static str {
    AGENTS[(seed % 4) as usize]
}

struct Browser {
    visitor: Visitor,
    language: &'static str,
    cookie: String,
    /// Whether style and script are in the browser's cache.
    warm: bool,
    /// Whether it has connections to the shop.
    connected: bool,
}

/// Comes, looks around, sometimes buys.
pub async fn visit(visitor: Visitor) {
    let language = visitor.random.pick(&LANGUAGES);
    let cookie = format!("consent=essential; visitor={}", visitor.random.hex(16));
    let warm = visitor.random.happens(0.5);
    let mut browser = Browser { visitor, language, cookie, warm, connected: false };
    browser.page("/", None, &[1, 2, 3, 4, 5, 6]).await;
    browser.look_around().await;
    if browser.visitor.random.happens(0.5) {
        browser.buy().await;
    }
}

impl Browser {
    async fn look_around(&mut self) {
        for _ in 0..=self.visitor.random.below(3) {
            self.visitor.think(1.6).await;
            if self.visitor.random.happens(0.6) {
                let term = goods::term(&self.visitor.random);
                let images: Vec<_> = goods::search(term).iter().map(|product| product.id).take(4).collect();
                self.page(&format!("/search?q={term}"), Some("/"), &images).await;
                self.visitor.think(1.0).await;
            }
            let id = self.some_product();
            self.page(&format!("/products/{id}"), Some("/search"), &[id]).await;
        }
    }

    async fn buy(&mut self) {
        let (id, person) = (self.some_product(), *self.visitor.random.pick(&PEOPLE));
        self.visitor.think(1.0).await;
        self.page("/login", Some("/"), &[]).await;
        self.visitor.think(2.0).await;
        self.post("/login", format!("email={person}%40mail.example&password=correct+horse+{person}")).await;
        self.post("/cart", format!("id={id}&quantity=2")).await;
        self.page("/cart", Some("/products"), &[id]).await;
        self.visitor.think(1.5).await;
        let card = "card_number=4111+1111+1111+1111&cvc=123&expiry=12%2F29";
        self.post("/checkout", format!("name={person}&street=Mill+Lane+7&city=Leeds&{card}")).await;
    }

    fn some_product(&self) -> usize {
        1 + self.visitor.random.below(goods::COUNT)
    }

    /// A page, then its parts at once.
    async fn page(&mut self, path: &str, referer: Option<&str>, images: &[usize]) {
        let mut call =
            self.with_headers(Call::get(WWW, path)).with("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
        if let Some(from) = referer {
            call = call.with("referer", format!("http://www.loom.example{from}"));
        }
        let (began, connect) = (Instant::now(), self.connect().await);
        let Some(answer) = self.visitor.ask(call).await else { return };
        let told =
            |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let release = told("x-release");
        let mut parts: Vec<_> = images.iter().map(|id| self.part(&format!("/img/{id}.png"))).collect();
        if !self.warm {
            parts.push(self.part(&format!("/css/loom.css?v={release}")));
            parts.push(self.part(&format!("/js/loom.js?v={release}")));
            parts.push(self.part("/favicon.ico"));
            self.warm = true;
        }
        let painted = began.elapsed();
        join_all(parts.into_iter().map(|part| self.visitor.ask(part))).await;
        // Scripts run, and the page is laid out.
        sleep(self.visitor.random.work(45.0)).await;
        self.tell(path, &release, &told("x-request-id"), connect, &answer, painted, began.elapsed()).await;
    }

    /// The time for a connection, where there is none yet.
    async fn connect(&mut self) -> Option<Duration> {
        if self.connected {
            return None;
        }
        self.connected = true;
        self.visitor.connect().await
    }

    /// Tells how long a page took, as the script of Arachne does (docs/browser.md). What was not measured is left out, but for the
    /// vitals that only a person at a screen has.
    #[expect(clippy::too_many_arguments, reason = "each is one thing that is told")]
    async fn tell(
        &self,
        path: &str,
        release: &str,
        request: &str,
        connect: Option<Duration>,
        answer: &Answer,
        painted: Duration,
        loaded: Duration,
    ) {
        let millis = |time: Duration| (time.as_secs_f64() * 10_000.0).round() / 10.0;
        let random = &self.visitor.random;
        let page = path.split('?').next().unwrap_or_default();
        let (server, transfer) = answer.took;
        let processing = loaded.saturating_sub(server + transfer + connect.unwrap_or_default());
        let mut query = format!("v=1&p={}&r={release}&id={request}", page.replace('/', "%2F"));
        let mut put = |name: &str, value: f64| query.push_str(&format!("&{name}={value}"));
        if let Some(connect) = connect {
            put("dns", millis(random.work(9.0)));
            put("tcp", millis(connect));
        }
        put("server", millis(server));
        put("transfer", millis(transfer));
        put("processing", millis(processing));
        put("load", millis(loaded));
        put("fcp", millis(painted));
        put("lcp", millis(painted + (loaded.saturating_sub(painted)).mul_f64(0.8)));
        put("cls", (random.unit().powi(4) * 400.0).round() / 1000.0);
        put("inp", millis(random.work(70.0)));
        if answer.status.is_server_error() {
            put("err", 1.0);
        }
        let call = self
            .with_headers(Call::get(WWW, format!("/stat?{query}")))
            .with("referer", format!("http://www.loom.example{page}"));
        self.visitor.ask(call).await;
    }

    /// Something static; half of it is known and only asked for changes.
    fn part(&self, path: &str) -> Call {
        let call = self.with_headers(Call::get(STATIC, path)).with("referer", "http://www.loom.example/");
        if self.visitor.random.happens(0.4) {
            return call.with("if-modified-since", "Fri, 01 Jan 2038 00:00:00 GMT");
        }
        call
    }

    async fn post(&mut self, path: &str, body: String) {
        let call = self.with_headers(Call::form(WWW, path, body)).with("origin", "http://www.loom.example");
        let Some(answer) = self.visitor.ask(call).await else { return };
        if let Some(cookie) = answer.headers.get(header::SET_COOKIE).and_then(|cookie| cookie.to_str().ok()) {
            let pair = cookie.split(';').next().unwrap_or_default();
            self.cookie = format!("{}; {pair}", self.cookie);
        }
    }

    fn with_headers(&self, call: Call) -> Call {
        call.with("accept-language", self.language)
            .with("accept-encoding", "gzip, deflate")
            .with("cookie", self.cookie.clone())
    }
}
