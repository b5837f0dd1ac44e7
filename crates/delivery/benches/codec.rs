//! Time of encoding, packing, unpacking and decoding exchanges of the recorded scene, a thousand at a time.
#![allow(clippy::unwrap_used, missing_docs)]

use std::hint::black_box;
use std::ops::ControlFlow;
use std::path::Path;

use arachne_aggregate::template::Normaliser;
use arachne_capture::rows::{RowMaker, RowOptions};
use arachne_capture::{PipelineOptions, PipelineSink, ReadOptions};
use arachne_content::redact::{Key, Redactor, Rules};
use arachne_delivery::codec::{Head, Packer, address, decode, encode, unpack};
use arachne_delivery::proto::Lane;
use arachne_model::table::Rows;
use arachne_model::{Exchange, Limits, TcpSession};
use arachne_wire::Sink;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

struct Maker(RowMaker, Rows);

impl Sink for Maker {
    fn exchange(&mut self, exchange: Exchange) {
        self.1.exchanges.push(self.0.exchange(&exchange));
    }

    fn session(&mut self, _: TcpSession) {}
}

impl PipelineSink for Maker {
    fn waiting(&mut self, _: u64) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

fn rows() -> Rows {
    let scene = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/scene.pcapng.zst");
    let mut reader = arachne_capture::open(&scene, &ReadOptions::default()).unwrap();
    let options = RowOptions { source: "9f86d081884c7d65".into(), agent: "bench".into(), ..RowOptions::default() };
    let redactor = Redactor::new(Key::new([7; 32]), Rules::default());
    let mut maker = Maker(RowMaker::new(options, redactor, Normaliser::default()), Rows::default());
    let options = PipelineOptions { limits: Limits::default(), threads: 1, taps: None };
    arachne_capture::run(&mut reader, &options, &mut maker);
    maker.1.exchanges.truncate(1000);
    maker.1
}

fn codec(criterion: &mut Criterion) {
    let rows = rows();
    let mut packer = Packer::new().unwrap();
    let head = Head { epoch: 1, lane: Lane::Live, sequence: 1, closed: 0 };
    let packed = address(&head, &packer.pack_rows(&rows).unwrap()).unwrap();
    let mut group = criterion.benchmark_group(format!("codec, {} B packed", packed.len()));
    group.throughput(Throughput::Elements(rows.exchanges.len() as u64));
    group.bench_function("encode", |b| b.iter(|| encode(black_box(&rows))));
    group.bench_function("encode and pack", |b| b.iter(|| packer.pack_rows(black_box(&rows)).unwrap()));
    group.bench_function("unpack and decode", |b| {
        b.iter(|| decode(unpack(black_box(&packed)).unwrap().tables, &mut 0).unwrap());
    });
    group.finish();
}

criterion_group!(benches, codec);
criterion_main!(benches);
