//! Rows become batches: closed by size or age, packed for delivery, handed over when there is room.

use std::collections::VecDeque;

use arachne_capture::rows::Collector;
use arachne_delivery::codec::{BATCH_ROWS_MAX, CodecError, Packer};
use arachne_delivery::spool::{Class, Counts, by_class};
use arachne_model::table::Rows;

use super::outlet::Outlet;
use crate::channel::{FilePosition, Packed};

/// Rows that close a batch.
const ROWS_MAX: usize = 1024;
/// Bytes of rows that close a batch.
const BYTES_MAX: usize = 1 << 20;
/// Age of the first row that closes a batch: what is captured is on a screen two seconds later.
const AGE_NS: i64 = 400_000_000;
/// Batches' worth of rows that wait for room. Policy: they are dropped and counted.
const WAITING_MAX: usize = 4;

/// Batches of one thread.
pub struct Batches {
    packer: Packer,
    /// Those that found no room, of one closing at most.
    waiting: VecDeque<Packed>,
    /// How far the file has been read whose rows these are.
    pub position: Option<FilePosition>,
    /// When the first row of the next one came.
    first: Option<i64>,
    /// Rows that were handed over and dropped.
    handed: u64,
    dropped: u64,
}

impl Batches {
    /// No batch yet.
    ///
    /// # Errors
    /// There is no memory to pack them.
    pub fn new() -> Result<Self, CodecError> {
        let (packer, waiting) = (Packer::new()?, VecDeque::new());
        Ok(Self { packer, waiting, position: None, first: None, handed: 0, dropped: 0 })
    }

    /// Whether the rows of `collector` make a batch by their size.
    #[must_use]
    pub fn is_full(&self, collector: &Collector) -> bool {
        collector.rows().len() >= ROWS_MAX || collector.bytes() >= BYTES_MAX
    }

    /// Closes a batch if it is time, and hands over what there is room for.
    pub fn look(&mut self, collector: &mut Collector, outlet: &Outlet, now: i64) {
        self.offer(outlet);
        if collector.rows().is_empty() {
            self.first = None;
            return;
        }
        let first = *self.first.get_or_insert(now);
        let due = self.is_full(collector) || now.saturating_sub(first) >= AGE_NS || now < first;
        if due && self.waiting.is_empty() {
            self.first = None;
            self.close(collector, now);
            self.offer(outlet);
        } else if collector.rows().len() >= WAITING_MAX * ROWS_MAX || collector.bytes() >= WAITING_MAX * BYTES_MAX {
            self.dropped += collector.give_up(ROWS_MAX);
        }
    }

    /// Everything goes out, however long that takes; only a supervisor that is gone makes it dropped.
    pub fn finish(&mut self, collector: &mut Collector, outlet: &Outlet, now: i64) {
        self.close(collector, now);
        for packed in std::mem::take(&mut self.waiting) {
            let rows = packed.rows();
            match outlet.push(packed) {
                Ok(()) => self.handed += rows,
                Err(_) => self.dropped += rows,
            }
        }
    }

    /// Rows that were handed over, dropped, and that wait in packed batches.
    #[must_use]
    pub fn rows(&self) -> [u64; 3] {
        [self.handed, self.dropped, self.waiting.iter().map(Packed::rows).sum()]
    }

    fn close(&mut self, collector: &mut Collector, now: i64) {
        for (class, rows) in by_class(collector.take()) {
            let (packed, rows) = self.pack(class, rows, now);
            self.waiting.extend(packed);
            collector.maker.reuse(rows.exchanges);
        }
    }

    fn offer(&mut self, outlet: &Outlet) {
        while let Some(packed) = self.waiting.pop_front() {
            let rows = packed.rows();
            if let Err(packed) = outlet.offer(packed) {
                self.waiting.push_front(packed);
                return;
            }
            self.handed += rows;
        }
    }

    /// Usually one batch; too many rows, or rows with huge bodies, make several. With the rows, where they were not parted.
    fn pack(&mut self, class: Class, rows: Rows, closed: i64) -> (Vec<Packed>, Rows) {
        let count = rows.len() as u64;
        if count == 0 {
            return (Vec::new(), rows);
        }
        let packed = (rows.len() <= BATCH_ROWS_MAX).then(|| self.packer.pack_rows(&rows).ok()).flatten();
        match packed {
            Some(bytes) => {
                let counts = Counts::of(&rows).0.to_vec();
                let class = u32::try_from(class.index()).unwrap_or(0);
                (
                    vec![Packed {
                        closed,
                        class,
                        counts,
                        bytes,
                        position: self.position.clone().map(Box::new),
                        note: Vec::new(),
                    }],
                    rows,
                )
            }
            None => match halves(rows) {
                // Rows that no receiver takes: limits of parser and bodies keep them far smaller.
                [one, two] if one.is_empty() || two.is_empty() => {
                    self.dropped += count;
                    (Vec::new(), Rows::default())
                }
                halves => {
                    let packed = halves.into_iter().flat_map(|half| self.pack(class, half, closed).0);
                    (packed.collect(), Rows::default())
                }
            },
        }
    }
}

/// Two parts; one of them is empty only when there is nothing to part.
fn halves(mut rows: Rows) -> [Rows; 2] {
    fn half<T>(rows: &mut Vec<T>) -> Vec<T> {
        rows.split_off(rows.len().div_ceil(2))
    }
    let second = Rows {
        exchanges: half(&mut rows.exchanges),
        sessions: half(&mut rows.sessions),
        packets: half(&mut rows.packets),
        bodies: half(&mut rows.bodies),
        quality: half(&mut rows.quality),
        hosts: half(&mut rows.hosts),
        points: half(&mut rows.points),
        logs: half(&mut rows.logs),
    };
    if !second.is_empty() {
        return [rows, second];
    }
    // One row of some tables each: those with the bytes go apart.
    let (bodies, packets) = (std::mem::take(&mut rows.bodies), std::mem::take(&mut rows.packets));
    let large = Rows { bodies, packets, ..Rows::default() };
    if !large.is_empty() && !rows.is_empty() {
        return [rows, large];
    }
    let mut rest = if rows.is_empty() { large } else { rows };
    let (exchanges, packets) = (std::mem::take(&mut rest.exchanges), std::mem::take(&mut rest.packets));
    [rest, Rows { exchanges, packets, ..Rows::default() }]
}

#[cfg(test)]
mod tests {
    use arachne_aggregate::template::Normaliser;
    use arachne_capture::FrameBytes;
    use arachne_capture::rows::{Choice, Collector, RowMaker, RowOptions};
    use arachne_content::redact::{Key, Redactor, Rules};
    use arachne_filter::Predicate;
    use arachne_model::table::{BodyRow, ExchangeRow, HostRow, PacketRow, QualityRow, Rows};

    use super::{AGE_NS, BATCH_ROWS_MAX, Batches, ROWS_MAX, WAITING_MAX, halves};
    use crate::channel::Said;
    use crate::edge::outlet::Outlet;

    fn collector() -> Collector {
        let redactor = Redactor::new(Key::new([1; 32]), Rules::default());
        let maker = RowMaker::new(RowOptions::default(), redactor, Normaliser::default());
        let choice = Choice {
            frames: FrameBytes::None,
            sessions: true,
            bodies: true,
            keep: Predicate::All,
            undecided_frames_max: 0,
        };
        Collector::new(maker, choice)
    }

    fn add(collector: &mut Collector, count: usize) {
        collector.join(Rows { hosts: vec![HostRow::default(); count], ..Rows::default() });
    }

    #[test]
    fn age_or_size_closes_a_batch() {
        let (mut batches, mut collector, outlet) = (Batches::new().expect("memory"), collector(), Outlet::default());
        add(&mut collector, 1);
        batches.look(&mut collector, &outlet, 0);
        batches.look(&mut collector, &outlet, AGE_NS - 1);
        assert_eq!(batches.rows(), [0, 0, 0]);
        batches.look(&mut collector, &outlet, AGE_NS);
        assert_eq!(batches.rows(), [1, 0, 0]);
        add(&mut collector, ROWS_MAX);
        assert!(batches.is_full(&collector));
        batches.look(&mut collector, &outlet, AGE_NS + 1);
        assert_eq!(batches.rows(), [1 + ROWS_MAX as u64, 0, 0]);
    }

    #[test]
    fn a_slow_supervisor_costs_rows_that_are_counted_and_no_memory() {
        let (mut batches, mut collector, outlet) = (Batches::new().expect("memory"), collector(), Outlet::default());
        let mut made = 0;
        for now in 0..1000 {
            add(&mut collector, ROWS_MAX);
            made += ROWS_MAX as u64;
            batches.look(&mut collector, &outlet, now);
            assert!(collector.rows().len() <= WAITING_MAX * ROWS_MAX);
        }
        let [handed, dropped, waiting] = batches.rows();
        assert_eq!(handed + dropped + waiting + collector.rows().len() as u64, made);
        assert!(dropped > 0 && waiting > 0);
        collector.join(Rows { quality: vec![QualityRow::default()], ..Rows::default() });
        add(&mut collector, WAITING_MAX * ROWS_MAX);
        made += 1 + (WAITING_MAX * ROWS_MAX) as u64;
        batches.look(&mut collector, &outlet, 1001);
        assert_eq!(collector.rows().quality.len(), 1, "what tells of it stays");
        let [handed, dropped, waiting] = batches.rows();
        assert_eq!(handed + dropped + waiting + collector.rows().len() as u64, made);
        while outlet.fill() > 0.0 {
            assert!(matches!(outlet.take(), Some(Said::Packed(_))));
        }
        batches.finish(&mut collector, &outlet, 2000);
        let [handed, after, waiting] = batches.rows();
        assert_eq!((handed + after, waiting, after), (made, 0, dropped));
    }

    /// As when many connections expire at once.
    #[test]
    fn more_rows_than_a_batch_may_have_make_several() {
        let (mut batches, mut collector, outlet) = (Batches::new().expect("memory"), collector(), Outlet::default());
        let made = 2 * BATCH_ROWS_MAX + 1;
        add(&mut collector, made);
        batches.finish(&mut collector, &outlet, 0);
        outlet.close();
        let packed = std::iter::from_fn(|| outlet.take());
        let rows =
            packed.map(|said| if let Said::Packed(packed) = said { packed.rows() } else { 0 }).collect::<Vec<_>>();
        assert!(rows.iter().all(|rows| (1..=BATCH_ROWS_MAX as u64).contains(rows)), "{rows:?}");
        assert_eq!(rows.iter().sum::<u64>(), made as u64);
    }

    #[test]
    fn halves_are_the_whole() {
        let rows = Rows { hosts: vec![HostRow::default(); 5], ..Rows::default() };
        let [one, two] = halves(rows);
        assert_eq!((one.len(), two.len()), (3, 2));
        let single = |exchanges, bodies, packets, quality| Rows {
            exchanges: vec![ExchangeRow::default(); exchanges],
            bodies: vec![BodyRow::default(); bodies],
            packets: vec![PacketRow::default(); packets],
            quality: vec![QualityRow::default(); quality],
            ..Rows::default()
        };
        for rows in [single(1, 1, 0, 0), single(0, 1, 1, 0), single(1, 0, 0, 1), single(1, 1, 1, 1)] {
            let all = rows.len();
            let [one, two] = halves(rows);
            assert!(!one.is_empty() && !two.is_empty() && one.len() + two.len() == all);
        }
    }
}
