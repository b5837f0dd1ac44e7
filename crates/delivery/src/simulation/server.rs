//! A server as its agents know it: what it acknowledged it has for ever.

use std::collections::BTreeMap;

use crate::codec::{Head, unpack};
use crate::outbox::Answer;
use crate::proto::{Lane, Table};

/// Names a batch.
pub(super) type Token = (u64, Lane, u64);

/// A model with a durable set of tokens.
#[derive(Debug, Default)]
pub(super) struct Server {
    pub up: bool,
    /// What is durable: the batch of each token, in the order of arrival.
    pub taken: BTreeMap<Token, u32>,
    /// Times that each batch was taken.
    pub batches: BTreeMap<u32, u32>,
    /// By epoch and lane: the last sequence that was new.
    pub last: BTreeMap<(u64, Lane), u64>,
    /// Batches whose sequence was below one that came before.
    pub out_of_order: Vec<Token>,
    pub seen_before: u64,
    pub watch_live_from: i64,
    pub live_lag_max: u64,
    pub live_seen: u64,
}

impl Server {
    /// Makes a batch durable, unless it is there.
    pub fn take(&mut self, wall: i64, bytes: &[u8]) -> (Head, Answer) {
        let batch = unpack(bytes).expect("agents send what can be read");
        let head = Head { epoch: batch.epoch, lane: batch.lane(), sequence: batch.sequence, closed: batch.closed };
        let token = (head.epoch, head.lane, head.sequence);
        if self.taken.contains_key(&token) {
            self.seen_before += 1;
            return (head, Answer::Taken { seen_before: true });
        }
        let number = number(&batch.tables);
        self.taken.insert(token, number);
        *self.batches.entry(number).or_default() += 1;
        let last = self.last.entry((head.epoch, head.lane)).or_default();
        if head.sequence < *last {
            self.out_of_order.push(token);
        }
        *last = head.sequence.max(*last);
        if head.lane == Lane::Live && head.closed >= self.watch_live_from {
            self.live_seen += 1;
            self.live_lag_max = self.live_lag_max.max(wall.saturating_sub(head.closed).max(0).unsigned_abs());
        }
        (head, Answer::Taken { seen_before: false })
    }
}

/// Tables that say nothing but a number.
pub(super) fn tables(number: u32) -> Vec<Table> {
    vec![Table { name: "number".to_owned(), rows: number, columns: Vec::new() }]
}

fn number(tables: &[Table]) -> u32 {
    tables.first().expect("all have one").rows
}
