//! Makes room: oldest first by class, counted, durably before it happens.

use super::{Class, Entry, Room, Spool};

impl Spool {
    /// Drops until `need` more bytes fit below the cap, never what is of a better class than `class`.
    pub(super) fn make_room(&mut self, class: Class, need: u64) -> Room {
        while self.disk_bytes() + need > self.settings.cap_bytes {
            let files = self.files.iter().filter(|(_, file)| file.class <= class);
            let least = files.min_by_key(|(number, file)| (file.class, **number)).map(|(number, _)| *number);
            let Some(number) = least else { return Room::Full };
            if !self.drop_file(number) {
                return Room::Failed;
            }
        }
        Room::Made
    }

    /// Drops a file with all that waits in it; `false` when the disk does not let it.
    fn drop_file(&mut self, number: u64) -> bool {
        let Some(file) = self.files.get(&number) else { return false };
        let (lane, class) = (file.lane.index(), file.class);
        let inside = |entry: &Entry| entry.place.is_some_and(|place| place.file == number);
        let records =
            self.lanes[lane].waiting.iter().filter(|e| inside(e)).map(|e| e.waiting.counts.total()).sum::<u64>();
        let before = self.cursor;
        self.cursor.dropped[class.index()] += records;
        let floor = &mut self.cursor.floors[lane][class.index()];
        *floor = number.max(*floor);
        // The cursor says so before it is true: a crash between counts what is then removed at the start.
        if self.store_cursor().is_err() {
            self.cursor = super::Cursor { generation: self.cursor.generation, ..before };
            return false;
        }
        self.figures.dropped[class.index()] += records;
        let queue = std::mem::take(&mut self.lanes[lane].waiting);
        let (gone, stays) = queue.into_iter().partition(|entry| inside(entry));
        self.lanes[lane].waiting = stays;
        let gone: std::collections::VecDeque<Entry> = gone;
        gone.iter().for_each(|entry| self.ended(entry));
        for growing in self.growing.iter_mut().flatten().filter(|growing| **growing == Some(number)) {
            *growing = None;
        }
        self.remove_file(number);
        !self.files.contains_key(&number)
    }

    /// Keeps what is held in memory within its cap: first by syncing what was only written, then by dropping.
    pub(super) fn bound_memory(&mut self) {
        if self.held_bytes.saturating_sub(self.figures.memory_bytes) > self.settings.memory_bytes {
            // What it could not write waits in memory now.
            let _ = self.sync();
        }
        self.drop_beyond_memory();
    }

    /// Drops what the disk does not take and is too much for memory, oldest first by class.
    pub(super) fn drop_beyond_memory(&mut self) {
        while self.figures.memory_bytes > self.settings.memory_bytes {
            let of = |class: Class| {
                let oldest = |lane: usize| {
                    let only_here = |e: &Entry| e.place.is_none() && e.waiting.class == class;
                    let at = self.lanes[lane].waiting.iter().position(only_here)?;
                    Some((self.lanes[lane].waiting[at].waiting.head.closed, lane, at))
                };
                (0..self.lanes.len()).filter_map(oldest).min()
            };
            let Some((_, lane, at)) = Class::ALL.into_iter().find_map(of) else { return };
            self.drop_at(lane, at);
        }
    }

    pub(super) fn drop_at(&mut self, lane: usize, at: usize) {
        let Some(entry) = self.lanes[lane].waiting.remove(at) else { return };
        self.count_dropped(entry.waiting.class, entry.waiting.counts.total());
        self.ended(&entry);
    }
}
