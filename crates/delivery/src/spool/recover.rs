//! Opens a spool, whatever happened to it.

use std::collections::{BTreeMap, VecDeque};

use super::files::{File, Place, parse_name};
use super::scan::{Frame, Scan};
use super::{Class, Cursor, Entry, Figures, Folder, LaneState, RESERVED, Spool, SpoolError, SpoolSettings, Waiting};
use crate::proto::Lane;

impl Spool {
    /// Opens the spool in a folder, empty or left by another process at any instant. `epoch` is a new random number; it
    /// names the spool when this one has no name yet, or when its cursor is lost.
    ///
    /// What is damaged is skipped, and told by [`Self::findings`].
    ///
    /// # Errors
    /// [`SpoolError::Io`] when the folder cannot be read, [`SpoolError::Newer`] when a newer version wrote it.
    pub fn open(mut folder: Box<dyn Folder>, settings: SpoolSettings, epoch: u64) -> Result<Self, SpoolError> {
        let read = |source| SpoolError::Io { what: "read the folder of the spool".to_owned(), source };
        let cursor = Cursor::load(&mut *folder).map_err(read)?.filter(|cursor| cursor.epoch != 0);
        // The newer of the two slots may be lost: it reserved at most this many more.
        let first = cursor.map_or([1; 2], |cursor| cursor.reserved.map(|reserved| reserved.saturating_add(RESERVED)));
        let cursor = Cursor { reserved: first, ..cursor.unwrap_or(Cursor { epoch, ..Cursor::default() }) };
        let lane = |next| LaneState { waiting: VecDeque::new(), next };
        let mut spool = Self {
            settings,
            lanes: first.map(lane),
            cursor,
            stored: Cursor::default(),
            files: BTreeMap::new(),
            growing: [[None; 3]; 2],
            next_file: cursor.floors.iter().flatten().max().map_or(1, |floor| floor + 1),
            names_changed: true,
            held_count: 0,
            held_bytes: 0,
            figures: Figures::default(),
            uncounted: false,
            findings: Vec::new(),
            read_failures: [0; 2],
            folder,
        };
        for (name, length) in spool.folder.list().map_err(read)? {
            if let Some((lane, class, number)) = parse_name(&name) {
                spool.next_file = spool.next_file.max(number + 1);
                spool.take_file(File { name, lane, class, length, waiting: 0, dirty: true }, number)?;
            }
        }
        spool.put_in_order();
        if spool.reserve().is_err() {
            // Sequences that cannot be reserved would be given away twice; under a new name none was given yet.
            spool.cursor = Cursor { epoch, reserved: [RESERVED; 2], settled: [0; 2], ..spool.cursor };
            spool.lanes.iter_mut().for_each(|lane| lane.next = 1);
        }
        spool.remove_settled();
        let _ = spool.make_room(Class::Facts, 0);
        Ok(spool)
    }

    fn take_file(&mut self, mut file: File, number: u64) -> Result<(), SpoolError> {
        let name = file.name.clone();
        if number <= self.cursor.floors[file.lane.index()][file.class.index()] {
            self.files.insert(number, file);
            self.remove_file(number);
            return Ok(());
        }
        let folder = &mut self.folder;
        let mut scan = Scan::new(&name, file.length, |offset, length| folder.read_at(&name, offset, length))?;
        let mut frames = Vec::new();
        while let Some(frame) = scan.next_frame()? {
            frames.push(Frame { payload: Vec::new(), ..frame });
        }
        let (torn, findings) = (scan.torn_at(), std::mem::take(&mut scan.findings));
        if let Some(torn) = torn {
            // What cannot be cut is found again at the next start.
            if self.folder.truncate(&file.name, torn).is_ok() {
                file.length = torn;
            }
        }
        findings.into_iter().for_each(|finding| self.find(finding));
        for frame in frames {
            file.waiting += u64::from(self.take_frame(&frame, number));
        }
        self.files.insert(number, file);
        Ok(())
    }

    /// Whether it waits.
    fn take_frame(&mut self, frame: &Frame, number: u64) -> bool {
        let head = frame.head.head;
        let lane = head.lane.index();
        if head.epoch == self.cursor.epoch && head.sequence <= self.cursor.settled[lane] {
            return false;
        }
        let place = Some(Place { file: number, offset: frame.offset, crc: frame.head.payload_crc });
        let waiting = Waiting { head, class: frame.head.class, counts: frame.head.counts, bytes: frame.head.length };
        self.lanes[lane].waiting.push_back(Entry { waiting, place, held: None });
        true
    }

    /// Sorts what was found: other epochs, which are older, first, then by sequence; a batch that is there twice is one.
    fn put_in_order(&mut self) {
        let epoch = self.cursor.epoch;
        for lane in [Lane::Live, Lane::Backlog] {
            let mut found: Vec<Entry> = std::mem::take(&mut self.lanes[lane.index()].waiting).into();
            let mut oldest: BTreeMap<u64, u64> = BTreeMap::new();
            for entry in &found {
                let file = entry.place.map_or(0, |place| place.file);
                let first = oldest.entry(entry.waiting.head.epoch).or_insert(file);
                *first = file.min(*first);
            }
            let rank = |of: u64| (of == epoch, oldest.get(&of).copied(), of);
            found.sort_by_key(|e| (rank(e.waiting.head.epoch), e.waiting.head.sequence));
            let twice = |a: &mut Entry, b: &mut Entry| a.waiting.head == b.waiting.head;
            let mut gone = Vec::new();
            found.dedup_by(|a, b| {
                let same = twice(a, b);
                if same {
                    gone.extend(a.place);
                }
                same
            });
            for place in gone {
                if let Some(file) = self.files.get_mut(&place.file) {
                    file.waiting -= 1;
                }
            }
            for entry in &found {
                self.figures.recovered[entry.waiting.class.index()] += entry.waiting.counts.total();
                self.count_waiting(&entry.waiting, true);
            }
            self.lanes[lane.index()].waiting = found.into();
        }
    }
}
