//! What an exchange costs here: its template and the record of its duration.
#![allow(clippy::expect_used, missing_docs)]

use std::hint::black_box;

use arachne_aggregate::top::{Rank, Tally};
use arachne_aggregate::{Histogram, Normaliser, Top};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const PATHS: [&str; 8] = [
    "/api/v1/users/12345/orders?page=2&sort=name",
    "/static/js/app.3f2a9c1d.js",
    "/vacancy/98765432",
    "/api/v2/devices/550e8400-e29b-41d4-a716-446655440000/state",
    "/search/caf%C3%A9/2024-01-31",
    "/cart;jsessionid=0A1B2C3D",
    "/img/catalog/order-12345-small.png",
    "/index.html",
];

fn normalise(c: &mut Criterion) {
    let normaliser = Normaliser::default();
    let mut out = String::new();
    let mut group = c.benchmark_group("normalise");
    group.throughput(Throughput::Elements(PATHS.len() as u64));
    group.bench_function("mixed", |b| {
        b.iter(|| PATHS.iter().for_each(|path| normaliser.normalise(black_box(path), black_box(&mut out))));
    });
    group.finish();
}

/// Durations from microseconds to a minute, without randomness.
fn durations() -> impl Iterator<Item = u64> {
    (0_u64..1024).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (28 + n % 20))
}

fn histogram_record(c: &mut Criterion) {
    let values: Vec<u64> = durations().collect();
    let mut histogram = Histogram::new();
    let mut group = c.benchmark_group("histogram_record");
    group.throughput(Throughput::Elements(values.len() as u64));
    group.bench_function("durations", |b| {
        b.iter(|| values.iter().for_each(|&value| histogram.record(black_box(value))));
    });
    group.finish();
}

fn top_add(c: &mut Criterion) {
    let few: Vec<String> = (0..200).map(|n| format!("/api/v1/resource{n}/{{id}}")).collect();
    let many: Vec<String> = (0..100_000).map(|n| format!("/api/v1/resource{n}/{{id}}")).collect();
    let mut group = c.benchmark_group("top_add");
    group.throughput(Throughput::Elements(1));
    for (name, keys) in [("held", few), ("always_new", many)] {
        let mut top = Top::new(500, Rank::Sum);
        let mut keys = keys.iter().cycle();
        group.bench_function(name, |b| {
            b.iter(|| {
                top.add(black_box(keys.next().expect("a cycle does not end")), Tally { count: 1, sum: 1_000_000 })
            });
        });
    }
    group.finish();
}

criterion_group!(benches, normalise, histogram_record, top_add);
criterion_main!(benches);
