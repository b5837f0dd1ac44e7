//! Records become rows of what is kept: the one place that decides it, for files and for live captures alike.

use std::collections::{HashMap, HashSet};

use arachne_filter::Predicate;
use arachne_model::table::{ExchangeRow, PacketRow, Rows};
use arachne_model::{AnomalySet, Exchange, Ledger, TcpSession, UnixNanos};
use arachne_wire::{Belongs, Frame};

use super::{RowMaker, all_anomalies};
use crate::FrameBytes;

/// What is kept of a capture.
#[derive(Clone, Debug)]
pub struct Choice {
    /// Which bytes of frames.
    pub frames: FrameBytes,
    /// TCP sessions.
    pub sessions: bool,
    /// Bodies.
    pub bodies: bool,
    /// Which exchanges.
    pub keep: Predicate,
    /// Bytes of frames held while it is not known whether they are kept.
    pub undecided_frames_max: usize,
}

impl Choice {
    /// Whether some exchanges may be left out.
    #[must_use]
    pub fn is_selective(&self) -> bool {
        self.keep != Predicate::All
    }
}

/// What was left out or is odd, over a source.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Exchanges that the filter left out.
    pub not_kept: u64,
    /// Frames for which there was no room while it was not known whether they are kept.
    pub frames_given_up: u64,
    /// Flags of all records.
    pub anomalies: AnomalySet,
}

/// What is known of the frames of a session that lives.
#[derive(Default)]
struct SessionFrames {
    /// Frames that are kept.
    kept: u64,
    /// It is certain that they are kept.
    wanted: bool,
    /// They wait for an exchange that is kept.
    waiting: Vec<PacketRow>,
}

/// Collects the rows of what is kept until they are taken.
pub struct Collector {
    /// Makes the rows.
    pub maker: RowMaker,
    choice: Choice,
    rows: Rows,
    /// Rows that were taken.
    taken: u64,
    bytes: usize,
    sessions: HashMap<u64, SessionFrames>,
    waiting_bytes: usize,
    /// Start and wire key of exchanges that were told while they were open.
    open: HashSet<(i64, i64)>,
    tally: Tally,
}

/// Open exchanges that are remembered as told. Policy: of further ones the filter alone decides whether their end is told.
const OPEN_MAX: usize = 65_536;

impl Collector {
    /// Rows of `maker`, of what `choice` keeps.
    #[must_use]
    pub fn new(maker: RowMaker, choice: Choice) -> Self {
        Self {
            maker,
            choice,
            rows: Rows::default(),
            taken: 0,
            bytes: 0,
            sessions: HashMap::new(),
            waiting_bytes: 0,
            open: HashSet::new(),
            tally: Tally::default(),
        }
    }

    /// What is kept.
    #[must_use]
    pub const fn choice(&self) -> &Choice {
        &self.choice
    }

    /// Keeps something else from now on. Frames that wait go on waiting.
    pub fn choose(&mut self, choice: Choice) {
        self.choice = choice;
    }

    /// What was left out so far.
    #[must_use]
    pub const fn tally(&self) -> Tally {
        self.tally
    }

    /// Rows that wait to be taken.
    #[must_use]
    pub const fn rows(&self) -> &Rows {
        &self.rows
    }

    /// Bytes of frames, bodies and long texts in them.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Rows that were made, whoever took them.
    #[must_use]
    pub fn made(&self) -> u64 {
        self.taken + self.rows.len() as u64
    }

    /// The rows.
    pub fn take(&mut self) -> Rows {
        self.taken += self.rows.len() as u64;
        self.bytes = 0;
        std::mem::take(&mut self.rows)
    }

    /// An exchange; `true` when it is kept, as also one that was told while it was open: it would stay open for ever.
    pub fn exchange(&mut self, mut exchange: Exchange) -> bool {
        self.tally.anomalies.merge(all_anomalies(&exchange));
        let row = self.maker.exchange(&exchange);
        let was_told = !self.open.is_empty() && self.open.remove(&(row.start, row.wire_key));
        let kept = self.choice.keep.matches(&row) || was_told;
        self.maker.settle(&exchange, &row, kept);
        if kept {
            self.keep(row, &mut exchange);
        } else {
            self.tally.not_kept += 1;
        }
        kept
    }

    /// An exchange that is still open: a provisional row without bodies, where the filter keeps it as it is now. What
    /// becomes of it comes to [`Self::exchange`], and counts there.
    pub fn open_exchange(&mut self, exchange: &Exchange) {
        let row = ExchangeRow { bodies: None, ..self.maker.open_exchange(exchange) };
        let name = (row.start, row.wire_key);
        if self.choice.keep.matches(&row) || self.open.contains(&name) {
            if self.open.len() < OPEN_MAX {
                self.open.insert(name);
            }
            self.rows.exchanges.push(row);
        }
    }

    /// A session has ended; `true` when its row is kept.
    pub fn session(&mut self, session: &TcpSession) -> bool {
        self.tally.anomalies.merge(session.anomalies);
        let frames = self.sessions.remove(&session.number).unwrap_or_default();
        self.waiting_bytes -= frames.waiting.iter().map(cost).sum::<usize>();
        let row = self.maker.session(session, frames.kept);
        if self.choice.sessions {
            self.rows.sessions.push(row);
        }
        self.choice.sessions
    }

    /// A frame of a session, with the bytes that are wanted of it; `true` when its row is kept by now.
    pub fn frame(&mut self, belongs: Belongs, frame: &Frame<'_>) -> bool {
        let selective = self.choice.is_selective();
        let row = self.maker.frame(belongs, frame);
        let frames = self.sessions.entry(belongs.session).or_default();
        if frames.wanted || !selective {
            frames.kept += 1;
            self.bytes += row.bytes.len();
            self.rows.packets.push(row);
            return true;
        }
        if self.waiting_bytes + cost(&row) <= self.choice.undecided_frames_max {
            self.waiting_bytes += cost(&row);
            frames.waiting.push(row);
        } else {
            self.tally.frames_given_up += 1;
        }
        false
    }

    /// A minute is over; see [`crate::PipelineSink::minute`].
    pub fn minute(&mut self, start: UnixNanos, counts: &Ledger) {
        self.rows.quality.extend(self.maker.minute(start, counts));
    }

    /// A part of a minute that is not over.
    pub fn part_of_minute(&mut self, start: UnixNanos, counts: &Ledger) {
        self.rows.quality.extend(self.maker.part_of_minute(start, counts));
    }

    /// Gives up the rows that wait, and tells how many. Those of the capture quality stay, since they tell of it, as long as
    /// they are at most `most`.
    pub fn give_up(&mut self, most: usize) -> u64 {
        let quality = if self.rows.quality.len() <= most { std::mem::take(&mut self.rows.quality) } else { Vec::new() };
        let given_up = self.take().len() as u64;
        self.rows.quality = quality;
        given_up
    }

    /// Rows that come from elsewhere join.
    pub fn join(&mut self, rows: Rows) {
        self.rows.append(rows);
    }

    fn keep(&mut self, row: ExchangeRow, exchange: &mut Exchange) {
        if self.choice.bodies && row.bodies.is_some() {
            for body in self.maker.bodies(&row, exchange) {
                self.bytes += body.bytes.len();
                self.rows.bodies.push(body);
            }
        }
        if self.choice.is_selective() && self.choice.frames != FrameBytes::None {
            let frames = self.sessions.entry(exchange.session).or_default();
            frames.wanted = true;
            for frame in std::mem::take(&mut frames.waiting) {
                frames.kept += 1;
                self.waiting_bytes -= cost(&frame);
                self.bytes += frame.bytes.len();
                self.rows.packets.push(frame);
            }
        }
        let lines = [&row.request_headers, &row.response_headers, &row.path, &row.query];
        self.bytes += lines.into_iter().flatten().map(String::len).sum::<usize>();
        self.rows.exchanges.push(row);
    }
}

/// What a frame that waits costs.
const fn cost(frame: &PacketRow) -> usize {
    frame.bytes.len() + size_of::<PacketRow>() + 32
}
