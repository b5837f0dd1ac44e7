//! Redaction: bytes per second where nothing is secret, and where something is.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;

use arachne_content::redact::{Key, Redactor, Rules};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn filled(bytes: usize, piece: &str) -> Vec<u8> {
    piece.as_bytes().iter().copied().cycle().take(bytes).collect()
}

fn bodies(criterion: &mut Criterion) {
    let redactor = Redactor::new(Key::new([7; 32]), Rules::default());
    let item = r#"{"id":18,"title":"a red chair","price":12.5,"tags":["wood","new"],"url":"/items/18"},"#;
    let secret = r#"{"user":"ann","password":"hunter2-hunter2","order":4111111111111112},"#;
    let page = "<div class=\"row\"><span>exchange of 12 sessions by the author</span></div>\n";
    let mut group = criterion.benchmark_group("redact body 100kB");
    group.throughput(Throughput::Bytes(100_000)).sample_size(20);
    for (name, content_type, body) in [
        ("json plain", "application/json", filled(100_000, item)),
        ("json secrets", "application/json", filled(100_000, secret)),
        ("html plain", "text/html", filled(100_000, page)),
        ("text plain", "text/plain", filled(100_000, "all work and no play makes jack a dull boy\n")),
        ("form", "application/x-www-form-urlencoded", filled(100_000, "a=1&name=ann&comment=all+is+well&")),
        ("binary", "image/png", filled(100_000, "\u{1}\u{2}\u{3}\u{80}\u{90}abc")),
    ] {
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter(|| black_box(redactor.body(Some(content_type.as_bytes()), black_box(&body), true)));
        });
    }
    group.finish();
}

fn heads(criterion: &mut Criterion) {
    let redactor = Redactor::new(Key::new([7; 32]), Rules::default());
    let mut group = criterion.benchmark_group("redact head");
    group.sample_size(20);
    let headers: &[(&str, &str)] = &[
        ("Host", "shop.example"),
        ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0"),
        ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        ("Accept-Encoding", "gzip, deflate, br"),
        ("X-Request-Id", "3f2a9c0e-7c1b-4b7e-9d0f-2f6f0d1f9a11"),
        ("Referer", "https://shop.example/items?page=2"),
    ];
    group.bench_function("six plain headers", |bencher| {
        bencher.iter(|| {
            for (name, value) in headers {
                black_box(redactor.header(name.as_bytes(), value.as_bytes()));
            }
        });
    });
    let answer: &[(&str, &str)] = &[
        ("Server", "nginx/1.24.0"),
        ("Date", "Wed, 21 Oct 2026 07:28:00 GMT"),
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Length", "48213"),
        ("Last-Modified", "Tue, 20 Oct 2026 17:00:12 GMT"),
        ("Connection", "keep-alive"),
        ("ETag", "\"6716b3fc-bc55\""),
        ("Cache-Control", "public, max-age=3600"),
        ("Vary", "Accept-Encoding"),
        ("Accept-Ranges", "bytes"),
    ];
    group.bench_function("ten plain headers of an answer", |bencher| {
        bencher.iter(|| {
            let headers = answer.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
            redactor.headers(headers).for_each(|header| drop(black_box(header)));
        });
    });
    group.bench_function("plain target", |bencher| {
        bencher.iter(|| black_box(redactor.target(black_box(b"/items/18/photos?page=2&sort=price"))));
    });
    group.bench_function("cookie", |bencher| {
        bencher.iter(|| black_box(redactor.header(b"Cookie", black_box(b"sid=abcdef0123456789; theme=dark"))));
    });
    group.finish();
}

criterion_group!(benches, bodies, heads);
criterion_main!(benches);
