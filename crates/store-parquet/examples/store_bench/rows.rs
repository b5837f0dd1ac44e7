//! A day of exchanges as a large shop might have them, the same for the same seed: 200 services, 5 000 templates of which
//! few are asked for most, log-normal durations, one of a thousand that lasts minutes, ids and headers as servers make them.

use std::collections::BTreeMap;

use arachne_model::table::ExchangeRow;

/// The day begins here, in nanoseconds since the Unix epoch: 2026-01-01T00:00:00Z.
pub const DAY: i64 = 1_767_225_600_000_000_000;
/// A day in nanoseconds.
pub const DAY_NS: i64 = 24 * 3_600_000_000_000;
/// A word that one path has, and nothing else.
pub const RARE_WORD: &str = "umbrella";

const SERVICES: usize = 200;
const TEMPLATES: usize = 5_000;
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
const BASE32: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Random numbers from a seed (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        self.next() as f64 / u64::MAX as f64
    }

    /// Small numbers are likelier.
    fn skewed(&mut self, bound: u64) -> u64 {
        (self.share().powi(3) * bound as f64) as u64
    }

    /// `median * exp(standard normal)`.
    fn log_normal(&mut self, median: f64) -> i64 {
        let normal = (0..12).map(|_| self.share()).sum::<f64>() - 6.0;
        (median * normal.exp()) as i64
    }

    fn word(&mut self) -> &'static str {
        WORDS[self.below(WORDS.len() as u64) as usize]
    }

    /// 48 bits of milliseconds and 80 bits of chance, as ids of records are.
    fn id(&mut self, at: i64) -> String {
        let bits = u128::from(at.unsigned_abs() / 1_000_000) << 80 | u128::from(self.next()) << 16;
        (0..26).rev().map(|digit| char::from(BASE32[(bits >> (5 * digit)) as usize & 31])).collect()
    }
}

/// A kind of request.
struct Template {
    words: [&'static str; 3],
    service: String,
    server: String,
    /// Whether its variable part is a random id instead of a number.
    random_id: bool,
    /// Of its durations, in nanoseconds.
    median: f64,
}

/// Makes the rows of a day.
pub struct Day {
    seed: u64,
    rows: u64,
    start: i64,
    source: String,
    templates: Vec<Template>,
    /// Sum of the weights 1/rank up to each template.
    weights: Vec<f64>,
}

impl Day {
    /// `rows` rows over the day that begins at `start`, of the import source `source`.
    pub fn new(seed: u64, rows: u64, start: i64, source: &str) -> Self {
        let random = &mut Random(seed);
        let templates = (0..TEMPLATES).map(|n| template(n, random)).collect();
        let mut sum = 0.0;
        let mut weight = |rank: usize| {
            sum += 1.0 / rank as f64;
            sum
        };
        let weights = (1..=TEMPLATES).map(&mut weight).collect();
        Self { seed, rows, start, source: source.to_owned(), templates, weights }
    }

    /// The row with this number. Starts grow with it.
    pub fn row(&self, number: u64) -> ExchangeRow {
        let random = &mut Random(self.seed ^ number.wrapping_mul(0xd134_2543_de82_ef95));
        let step = DAY_NS.unsigned_abs() / self.rows;
        let start = self.start + (number * step + random.below(step)) as i64;
        let place = random.share() * self.weights[TEMPLATES - 1];
        let at = self.weights.partition_point(|sum| *sum < place).min(TEMPLATES - 1);
        let template = &self.templates[at];
        let duration = match random.below(1_000) {
            0 => random.log_normal(300e9),
            _ => random.log_normal(template.median),
        };
        let mut row = self.times(random, start, duration);
        target(&mut row, random, at, template);
        heads(&mut row, random);
        if number == self.rows / 3 && self.start == DAY {
            row.path = Some(format!("/lost/{RARE_WORD}-{at}/found"));
        }
        row
    }

    /// Who, when, how it went.
    fn times(&self, random: &mut Random, start: i64, duration: i64) -> ExchangeRow {
        let answered = random.below(500) != 0;
        let status = match random.below(1_000) {
            0..20 => [500, 502, 503, 504][random.skewed(4) as usize],
            20..60 => 404,
            60..120 => 302,
            _ => 200,
        };
        ExchangeRow {
            id: random.id(start),
            start,
            end: Some(start + duration),
            request_end: Some(start + duration / 50),
            response_start: answered.then(|| start + duration / 2),
            status: answered.then_some(status),
            source: self.source.clone(),
            agent: "gateway-1".to_owned(),
            vantage: Some("server".to_owned()),
            counted: true,
            wire_key: random.next().cast_signed(),
            session: random.id(start - 1_000_000_000),
            protocol: "http".to_owned(),
            version: Some("1.1".to_owned()),
            rtt: Some(200_000 + random.skewed(5_000_000)),
            retransmissions: u32::from(random.below(300) == 0),
            ..ExchangeRow::default()
        }
    }

    /// All rows in the order in which a capture gives them: each when it ends.
    pub fn by_end(&self) -> impl Iterator<Item = ExchangeRow> + '_ {
        let mut open: BTreeMap<(Option<i64>, u64), ExchangeRow> = BTreeMap::new();
        let mut waiting = (0..self.rows).map(|number| (number, self.row(number)));
        std::iter::from_fn(move || {
            for (number, row) in waiting.by_ref() {
                let started = row.start;
                open.insert((row.end, number), row);
                if open.first_key_value().is_some_and(|((end, _), _)| *end <= Some(started)) {
                    break;
                }
            }
            open.pop_first().map(|(_, row)| row)
        })
    }
}

fn template(number: usize, random: &mut Random) -> Template {
    let words = [random.word(), random.word(), random.word()];
    let service = number % SERVICES;
    Template {
        words,
        service: format!("{}-{service:03}.shop.internal", WORDS[service % WORDS.len()]),
        server: format!("10.9.0.{service}"),
        random_id: random.below(2) == 0,
        median: 5e6 + 200e6 * random.share().powi(2),
    }
}

/// Where it went, and from where.
fn target(row: &mut ExchangeRow, random: &mut Random, number: usize, template: &Template) {
    let [first, second, third] = template.words;
    let client = format!("10.{}.{}.{}", random.below(4), random.skewed(256), random.below(256));
    let (id, kind) = if template.random_id {
        (format!("{:016x}{:016x}", random.next(), random.next()), "id")
    } else {
        (random.below(10_000_000).to_string(), "number")
    };
    row.path = Some(format!("/{first}/{second}-{number}/{id}/{third}"));
    row.template = Some(format!("/{first}/{second}-{number}/{{{kind}}}/{third}"));
    row.template_rules = 1;
    row.query = (random.below(3) == 0)
        .then(|| format!("page={}&sort={first}&token={:012x}", random.below(50), random.below(1 << 48)));
    row.method = Some(if random.below(5) == 0 { "POST" } else { "GET" }.to_owned());
    row.client_address.clone_from(&client);
    row.origin = client;
    row.client_port = 20_000 + random.below(40_000) as u16;
    row.server_address.clone_from(&template.server);
    row.server_port = 8_080;
    row.service.clone_from(&template.service);
    row.host = Some(template.service.clone());
}

/// Headers and sizes.
fn heads(row: &mut ExchangeRow, random: &mut Random) {
    let trace = format!("{:016x}{:016x}", random.next(), random.next());
    let request_id = format!("{:016x}", random.next());
    let agent = AGENTS[random.skewed(4) as usize];
    let size = random.skewed(200_000);
    row.request_headers = Some(format!(
        "Host: {}\nUser-Agent: {agent}\nAccept: application/json\nX-Request-Id: {request_id}\n\
         traceparent: 00-{trace}-{:016x}-01\n",
        row.service,
        random.next()
    ));
    row.response_headers = row.status.is_some().then(|| {
        format!(
            "Content-Type: application/json; charset=utf-8\nContent-Length: {size}\nETag: \"{:x}\"\nServer: nginx\n",
            random.next()
        )
    });
    row.content_type = row.status.is_some().then(|| "application/json".to_owned());
    row.request_size = 400 + random.below(300);
    row.response_size = 300 + size;
    row.response_body_size = size;
    row.response_body_decoded = Some(size * 3);
    row.trace_id = Some(trace);
    row.request_id = Some(request_id);
}
