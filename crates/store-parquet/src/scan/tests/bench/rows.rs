//! Exchanges of realistic cardinality, the same for the same numbers: 200 services, 5 000 templates, log-normal durations,
//! 0.1 % that last minutes, ids and headers as real servers make them.

use arachne_model::table::ExchangeRow;

/// The day that the rows are spread over begins here, in nanoseconds: 2026-01-01T00:00:00Z.
pub(super) const DAY: i64 = 1_767_225_600_000_000_000;
/// Its length in nanoseconds.
pub(super) const DAY_NS: i64 = 86_400_000_000_000;

const SERVICES: u64 = 200;
const TEMPLATES: u64 = 5_000;
const WORDS: [&str; 24] = [
    "account",
    "address",
    "basket",
    "catalog",
    "checkout",
    "customer",
    "delivery",
    "discount",
    "events",
    "favourites",
    "gallery",
    "history",
    "invoice",
    "items",
    "login",
    "messages",
    "orders",
    "payment",
    "profile",
    "quotes",
    "reviews",
    "search",
    "session",
    "users",
];
const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "okhttp/4.12.0",
    "Go-http-client/1.1",
];

/// Random numbers from a seed (splitmix64).
#[derive(Debug)]
struct Random(u64);

impl Random {
    /// The next one.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `bound`.
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Small numbers are likelier.
    fn skewed(&mut self, bound: u64) -> u64 {
        let x = self.next() as f64 / u64::MAX as f64;
        ((x * x * x) * bound as f64) as u64
    }

    /// Nanoseconds: log-normal around 40 ms, and minutes in one of a thousand.
    fn duration(&mut self) -> i64 {
        let sum: f64 = (0..12).map(|_| self.next() as f64 / u64::MAX as f64).sum();
        let normal = sum - 6.0;
        let median = if self.below(1_000) == 0 { 300e9 } else { 40e6 };
        (median * normal.exp()) as i64
    }
}

const BASE32: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// 48 bits of milliseconds and 80 bits of chance.
fn id(start: i64, random: &mut Random) -> String {
    let bits = u128::from((start / 1_000_000) as u64) << 80
        | u128::from(random.next()) << 16
        | u128::from(random.below(65_536));
    (0..26).rev().map(|at| char::from(BASE32[(bits >> (5 * at)) as usize & 31])).collect()
}

/// Row `n` of `rows`, over a day; starts grow with `n`, up to some disorder of concurrent connections.
pub(super) fn row(n: u64, rows: u64) -> ExchangeRow {
    let random = &mut Random(n.wrapping_mul(0xd134_2543_de82_ef95));
    let step = DAY_NS as u64 / rows;
    let start = DAY + (n * step + random.below(step * 4)) as i64;
    let duration = random.duration();
    let answered = random.below(500) != 0;
    let template = random.skewed(TEMPLATES);
    let words = |random: &mut Random| WORDS[random.below(24) as usize];
    let shape = &mut Random(template);
    let (first, second, third) = (words(shape), words(shape), words(shape));
    let number = random.below(1_000_000);
    let status = match random.below(1_000) {
        0..10 => 500 + random.below(5) as u16,
        10..60 => 404,
        60..120 => 302,
        _ => 200,
    };
    let service = format!("{}-{:03}.shop.internal", WORDS[(template % 24) as usize], template % SERVICES);
    let client = format!("10.{}.{}.{}", random.below(4), random.skewed(256), random.below(256));
    let trace = format!("{:016x}{:016x}", random.next(), random.next());
    let request_id = format!("{:016x}", random.next());
    let size = random.skewed(200_000);
    let agent = AGENTS[random.skewed(4) as usize];
    ExchangeRow {
        id: id(start, random),
        start,
        end: Some(start + duration),
        request_end: Some(start + duration / 50),
        response_start: answered.then(|| start + duration / 2),
        source: "9f86d081884c7d659a2feaa0c55ad015".to_owned(),
        agent: "gateway-1".to_owned(),
        vantage: Some("server".to_owned()),
        counted: true,
        wire_key: random.next().cast_signed(),
        session: id(start - 1_000_000_000, random),
        protocol: "http".to_owned(),
        version: Some("1.1".to_owned()),
        client_address: client.clone(),
        client_port: 20_000 + random.below(40_000) as u16,
        server_address: format!("10.9.0.{}", template % SERVICES),
        server_port: 8_080,
        service: service.clone(),
        origin: client,
        method: Some(if random.below(5) == 0 { "POST" } else { "GET" }.to_owned()),
        host: Some(service.clone()),
        path: Some(format!("/{first}/{second}-{template}/{number}/{third}")),
        query: (random.below(3) == 0)
            .then(|| format!("page={}&sort={first}&token={:012x}", random.below(50), random.below(1 << 48))),
        template: Some(format!("/{first}/{second}-{template}/{{number}}/{third}")),
        template_rules: 1,
        status: answered.then_some(status),
        request_headers: Some(format!(
            "Host: {service}\nUser-Agent: {agent}\nAccept: application/json\nX-Request-Id: {request_id}\ntraceparent: 00-{trace}-{:016x}-01\n",
            random.next()
        )),
        response_headers: Some(format!(
            "Content-Type: application/json; charset=utf-8\nContent-Length: {size}\nETag: \"{:x}\"\nServer: nginx\n",
            random.next()
        )),
        content_type: Some("application/json".to_owned()),
        request_size: 400 + random.below(300),
        response_size: 300 + size,
        response_body_size: size,
        response_body_decoded: Some(size * 3),
        trace_id: Some(trace),
        request_id: Some(request_id),
        rtt: Some(200_000 + random.skewed(5_000_000)),
        retransmissions: u32::from(random.below(300) == 0),
        ..ExchangeRow::default()
    }
}
