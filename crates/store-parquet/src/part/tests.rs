//! Tests of writing and reading a part.

use std::sync::Arc;

use arachne_model::table::{ExchangeRow, PacketRow, Row};
use arachne_store::StoreError;

use super::*;
use crate::columns;
use crate::disk::{Disk, MemoryDisk};

fn exchange(n: i64) -> ExchangeRow {
    ExchangeRow {
        id: format!("{n:026}"),
        start: n * 10,
        end: Some(n * 10 + 5),
        source: format!("s{}", n % 2),
        counted: true,
        wire_key: n,
        path: Some(format!("/p/{n}")),
        ..ExchangeRow::default()
    }
}

fn write<R: Row>(disk: &Arc<dyn Disk>, rows: &[R]) -> PartMeta {
    let mut writer = write::PartWriter::create(disk, R::TABLE, "a.parquet", rows.len()).expect("memory takes it");
    for rows in rows.chunks(50_000) {
        writer.write(&columns::batch(&rows.iter().collect::<Vec<_>>())).expect("memory takes it");
    }
    writer.finish().expect("memory takes it")
}

fn part<R: Row>(disk: &Arc<dyn Disk>, meta: PartMeta, log: &Arc<DamageLog>) -> Part {
    Part::new(Arc::clone(disk), R::TABLE, meta, None, Arc::clone(log))
}

fn read<R: Row>(part: &Part) -> Result<Vec<R>, StoreError> {
    let all: Vec<usize> = (0..R::TABLE.columns.len()).collect();
    let mut rows = Vec::new();
    for batch in part.open()?.batches(&all, 8192)? {
        let batch = batch?;
        rows.extend((0..batch.num_rows()).map(|index| columns::row::<R>(&batch, index)));
    }
    Ok(rows)
}

#[test]
fn rows_come_back_and_are_summed_up() {
    let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
    let log = Arc::default();
    let rows: Vec<_> = (0..150_000).map(exchange).collect();
    let meta = write(&disk, &rows);
    assert_eq!((meta.rows, meta.start_min, meta.start_max, meta.end_max), (150_000, 0, 1_499_990, 1_499_995));
    let sources: Vec<_> = meta.sources.iter().map(|s| (s.source.as_str(), s.rows)).collect();
    assert_eq!(sources, [("s0", 75_000), ("s1", 75_000)]);
    let part = part::<ExchangeRow>(&disk, meta, &log);
    assert!(read::<ExchangeRow>(&part).expect("it is whole") == rows);
    let readable = part.open().expect("it is whole");
    let metadata = readable.metadata.metadata();
    assert_eq!(metadata.num_row_groups(), 2);
    assert!(metadata.column_index().is_some() && metadata.offset_index().is_some());
    let bloom = readable.builder().get_row_group_column_bloom_filter(0, readable.leaf(0).expect("a column"));
    let bloom = bloom.expect("it is whole").expect("ids have one");
    assert!(bloom.check(&rows[7].id.as_str()));
    assert!((0..1000).filter(|n| bloom.check(&format!("x{n}").as_str())).count() < 50);
    drop(readable);
    let demoted = Demoted::new([("s1".to_owned(), vec![2])].into());
    let part = part.with_demoted(PartMeta::clone(&part.meta), Some(Arc::new(demoted)));
    let counted: Vec<_> = read::<ExchangeRow>(&part).expect("it is whole").iter().map(|row| row.counted).collect();
    assert_eq!(counted[..4], [true, true, false, true]);
    assert!(log.take().is_empty());
}

#[test]
fn large_rows_are_in_small_groups() {
    let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
    let rows: Vec<_> =
        (0..400).map(|n| PacketRow { number: n, bytes: noise(n, 50_000), ..PacketRow::default() }).collect();
    let meta = write(&disk, &rows);
    let part = part::<PacketRow>(&disk, meta, &Arc::default());
    assert!(read::<PacketRow>(&part).expect("it is whole") == rows);
    assert!(part.open().expect("it is whole").metadata.metadata().num_row_groups() >= 3);
}

fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn no_flipped_byte_is_served() {
    let memory = MemoryDisk::default();
    let disk: Arc<dyn Disk> = Arc::new(memory.clone());
    let meta = write(&disk, &(0..20).map(exchange).collect::<Vec<_>>());
    let whole = memory.files().remove("a.parquet").expect("it was written");
    let broken = (0..whole.len()).map(|at| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        bytes
    });
    let cut = (0..whole.len()).step_by(7).map(|length| whole[..length].to_vec());
    let longer = [whole.clone(), vec![0]].concat();
    for bytes in broken.chain(cut).chain([longer]) {
        let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::from_files([("a.parquet".to_owned(), bytes)]));
        let log = Arc::default();
        let part = part::<ExchangeRow>(&disk, meta.clone(), &log);
        for _ in 0..2 {
            assert!(matches!(part.open(), Err(StoreError::Damaged { .. })));
        }
        assert_eq!(log.take().len(), 1, "it is reported once");
    }
    let gone: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
    assert!(matches!(part::<ExchangeRow>(&gone, meta, &Arc::default()).open(), Err(StoreError::Damaged { .. })));
}

#[test]
fn files_go_with_the_last_reader() {
    let memory = MemoryDisk::default();
    let disk: Arc<dyn Disk> = Arc::new(memory.clone());
    let first = part::<ExchangeRow>(&disk, write(&disk, &[exchange(1)]), &Arc::default());
    let second = first.with_demoted(PartMeta::clone(&first.meta), None);
    first.remove_when_unused();
    drop(first);
    assert_eq!(read::<ExchangeRow>(&second).expect("it is still there").len(), 1);
    drop(second);
    assert!(memory.files().is_empty());
}
