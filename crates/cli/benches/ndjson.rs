//! The cost of one row of ndjson. The bar: 300 000 rows in less than 0.1 s, that is 333 ns each.

use std::hint::black_box;

use arachne_cli::fixtures::{exchange, request, response};
use arachne_cli::output::Output as _;
use arachne_cli::output::ndjson::Ndjson;
use arachne_model::Exchange;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn plain() -> Exchange {
    let headers = [("Host", "api.shop.example:8080"), ("User-Agent", "wrk/4.1.0"), ("Accept", "*/*")];
    let asked = request("GET", "/v1/sessions/8f14e45f/items?limit=50&order=created", &headers);
    exchange(Some(asked), Some(response(200, &[("Content-Type", "application/json"), ("Content-Length", "812")])))
}

fn rows(c: &mut Criterion) {
    const ROWS: u64 = 1000;
    let mut group = c.benchmark_group("ndjson");
    group.throughput(Throughput::Elements(ROWS));
    let mut escaped = plain();
    escaped.request = Some(request("GET", "/suche/grün?q=\"a\\b\"", &[("Host", "h")]));
    for (name, exchange, headers) in
        [("plain", plain(), false), ("headers", plain(), true), ("escaped", escaped, false)]
    {
        let mut output = Ndjson::new(headers, false);
        let mut out = Vec::new();
        group.bench_function(name, |b| {
            b.iter(|| {
                out.clear();
                let mut exchange = black_box(&exchange).clone();
                for at in 0..ROWS {
                    exchange.session = at;
                    exchange.start = exchange.start.plus(1_000_003);
                    output.exchange(black_box(&exchange), &mut out);
                }
                black_box(out.len())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, rows);
criterion_main!(benches);
