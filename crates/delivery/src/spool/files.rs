//! The files of a spool: writing, syncing, removing.

use super::frame::{FILE_HEAD_LEN, FORMAT, FRAME_HEAD_LEN, FileHead, FrameHead};
use super::{Class, Entry, RESERVED, Room, Spool, SpoolError};
use crate::codec::Head;
use crate::proto::Lane;

/// What is behind a file name of ours.
pub(super) const SUFFIX: &str = ".spool";
/// Batches that a server refused, for whoever wants to know why. No more is kept than fits.
pub(super) const REFUSED: &str = "refused.spool";
const REFUSED_BYTES_MAX: u64 = 8 << 20;

/// Bytes behind which a file is followed by another.
const FILE_BYTES: u64 = 8 << 20;
const FILE_BYTES_MIN: u64 = 4 << 10;

/// A file with batches.
#[derive(Debug)]
pub(super) struct File {
    pub name: String,
    pub lane: Lane,
    pub class: Class,
    /// Bytes that are whole.
    pub length: u64,
    /// Batches in it that wait.
    pub waiting: u64,
    /// Whether bytes were written since the last sync.
    pub dirty: bool,
}

/// Where a payload is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub file: u64,
    pub offset: u64,
    pub crc: u32,
}

/// `live-bulk-0000000000000001.spool`.
pub(super) fn file_name(lane: Lane, class: Class, number: u64) -> String {
    format!("{}-{}-{number:016x}{SUFFIX}", lane.name(), class.name())
}

/// What a name says: lane, class, number.
pub(super) fn parse_name(name: &str) -> Option<(Lane, Class, u64)> {
    let mut parts = name.strip_suffix(SUFFIX)?.splitn(3, '-');
    let (lane, class, number) = (parts.next()?, parts.next()?, parts.next()?);
    let lane = Lane::ALL.into_iter().find(|l| l.name() == lane)?;
    let class = Class::ALL.into_iter().find(|c| c.name() == class)?;
    let number = u64::from_str_radix(number, 16).ok()?;
    (file_name(lane, class, number) == name).then_some((lane, class, number))
}

fn io<T>(what: impl FnOnce() -> String, result: std::io::Result<T>) -> Result<T, SpoolError> {
    result.map_err(|source| SpoolError::Io { what: what(), source })
}

impl Spool {
    /// Writes what waits in memory alone, oldest first, until the disk does not take it.
    pub(super) fn write_memory(&mut self) -> Result<(), SpoolError> {
        for lane in 0..self.lanes.len() {
            while let Some(at) = self.first_in_memory(lane) {
                let waiting = self.lanes[lane].waiting[at].waiting;
                match self.make_room(waiting.class, u64::from(waiting.bytes) + FRAME_HEAD_LEN as u64) {
                    // Room may have been made in this lane.
                    Room::Made => {
                        let at = self.first_in_memory(lane).unwrap_or(at);
                        self.write_at(lane, at)?;
                    }
                    Room::Full => self.drop_at(lane, at),
                    Room::Failed => {
                        let source = std::io::ErrorKind::StorageFull.into();
                        return Err(SpoolError::Io { what: "make room in the spool".to_owned(), source });
                    }
                }
            }
        }
        Ok(())
    }

    fn first_in_memory(&self, lane: usize) -> Option<usize> {
        if self.figures.memory_bytes == 0 {
            return None;
        }
        self.lanes[lane].waiting.iter().position(|entry| entry.place.is_none())
    }

    /// Writes an entry of a lane; it waits in memory when that fails.
    pub(super) fn write_at(&mut self, lane: usize, at: usize) -> Result<(), SpoolError> {
        let Some(mut entry) = self.lanes[lane].waiting.remove(at) else { return Ok(()) };
        let written = self.write(&mut entry);
        let bytes = u64::from(entry.waiting.bytes);
        self.lanes[lane].waiting.insert(at, entry);
        written?;
        self.figures.memory_bytes = self.figures.memory_bytes.saturating_sub(bytes);
        Ok(())
    }

    fn write(&mut self, entry: &mut Entry) -> Result<(), SpoolError> {
        let Some(payload) = &entry.held else { return Ok(()) };
        let waiting = entry.waiting;
        let Head { lane, .. } = waiting.head;
        let head = FrameHead::of(&waiting, payload);
        let bytes = head.framed(payload);
        let number = self.growing_file(lane, waiting.class)?;
        let Some(file) = self.files.get_mut(&number) else { return Ok(()) };
        let offset = file.length + FRAME_HEAD_LEN as u64;
        file.dirty = true;
        if let Err(source) = self.folder.write_at(&file.name, file.length, &bytes) {
            // Part of it may be there, and is cut where that is possible; nothing is written behind it in any case.
            let (name, length) = (file.name.clone(), file.length);
            let _ = self.folder.truncate(&name, length);
            self.growing[lane.index()][waiting.class.index()] = None;
            return Err(SpoolError::Io { what: format!("write {name}"), source });
        }
        file.length += bytes.len() as u64;
        file.waiting += 1;
        let full = file.length >= (self.settings.cap_bytes / 32).clamp(FILE_BYTES_MIN, FILE_BYTES);
        entry.place = Some(Place { file: number, offset, crc: head.payload_crc });
        if full {
            self.growing[lane.index()][waiting.class.index()] = None;
        }
        Ok(())
    }

    fn growing_file(&mut self, lane: Lane, class: Class) -> Result<u64, SpoolError> {
        if let Some(number) = self.growing[lane.index()][class.index()] {
            return Ok(number);
        }
        let number = self.next_file;
        let name = file_name(lane, class, number);
        self.next_file += 1;
        let head = FileHead { version: FORMAT, lane, class, epoch: self.cursor.epoch, number }.bytes();
        io(|| format!("create {name}"), self.folder.create(&name))?;
        self.names_changed = true;
        if let Err(source) = self.folder.write_at(&name, 0, &head) {
            let _ = self.folder.remove(&name);
            return Err(SpoolError::Io { what: format!("write {name}"), source });
        }
        let length = FILE_HEAD_LEN as u64;
        self.files.insert(number, File { name, lane, class, length, waiting: 0, dirty: true });
        self.growing[lane.index()][class.index()] = Some(number);
        Ok(number)
    }

    /// Syncs what was written. A file whose sync fails is not trusted: what it got since goes to another.
    pub(super) fn sync_files(&mut self) -> Result<(), SpoolError> {
        let dirty: Vec<_> = self.files.iter().filter(|(_, file)| file.dirty).map(|(number, _)| *number).collect();
        let mut result = Ok(());
        for number in dirty {
            let Some(file) = self.files.get_mut(&number) else { continue };
            let name = file.name.clone();
            match self.folder.sync(&name) {
                Ok(()) => file.dirty = false,
                Err(source) => {
                    let error = SpoolError::Io { what: format!("sync {name}"), source };
                    self.distrust(number);
                    result = Err(error);
                }
            }
        }
        if self.names_changed {
            let synced = io(|| "sync the folder of the spool".to_owned(), self.folder.sync_names());
            synced?;
            self.names_changed = false;
        }
        result
    }

    /// What was written to a file since its last good sync waits in memory again.
    fn distrust(&mut self, number: u64) {
        let Some(file) = self.files.get_mut(&number) else { return };
        file.dirty = false;
        let (lane, class) = (file.lane.index(), file.class.index());
        if self.growing[lane][class] == Some(number) {
            self.growing[lane][class] = None;
        }
        for entry in &mut self.lanes[lane].waiting {
            if entry.held.is_some() && entry.place.is_some_and(|place| place.file == number) {
                entry.place = None;
                file.waiting -= 1;
                self.figures.memory_bytes += u64::from(entry.waiting.bytes);
            }
        }
    }

    /// The payload at a place; `None` when it is damaged.
    pub(super) fn read_payload(&mut self, place: Option<Place>, bytes: u32) -> Result<Option<Vec<u8>>, SpoolError> {
        let Some((place, file)) = place.and_then(|place| Some((place, self.files.get(&place.file)?))) else {
            return Ok(None);
        };
        let read = self.folder.read_at(&file.name, place.offset, bytes as usize);
        let payload = io(|| format!("read {}", file.name), read)?;
        Ok((payload.len() == bytes as usize && crc32c::crc32c(&payload) == place.crc).then_some(payload))
    }

    /// Removes files in which nothing waits, behind the durable cursor.
    pub(super) fn remove_settled(&mut self) {
        let growing: Vec<u64> = self.growing.iter().flatten().flatten().copied().collect();
        let over = |(number, file): (&u64, &File)| (file.waiting == 0 && !growing.contains(number)).then_some(*number);
        let over: Vec<u64> = self.files.iter().filter_map(over).collect();
        if over.is_empty() || self.store_cursor().is_err() {
            return;
        }
        for number in over {
            self.remove_file(number);
        }
    }

    pub(super) fn remove_file(&mut self, number: u64) {
        let Some(file) = self.files.get(&number) else { return };
        let name = file.name.clone();
        match self.folder.remove(&name) {
            // It is tried again with the next one.
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {}
            _ => drop(self.files.remove(&number)),
        }
    }

    pub(super) fn store_cursor(&mut self) -> Result<(), SpoolError> {
        let stored = self.cursor.store(&mut *self.folder);
        io(|| "write the cursor of the spool".to_owned(), stored)?;
        (self.uncounted, self.stored) = (false, self.cursor);
        Ok(())
    }

    /// Reserves further sequences, durably.
    pub(super) fn reserve(&mut self) -> Result<(), SpoolError> {
        let before = self.cursor.reserved;
        for (reserved, lane) in self.cursor.reserved.iter_mut().zip(&self.lanes) {
            *reserved = lane.next.saturating_add(RESERVED);
        }
        self.store_cursor().inspect_err(|_| self.cursor.reserved = before)
    }

    pub(super) fn disk_bytes(&self) -> u64 {
        self.files.values().map(|file| file.length).sum()
    }

    /// Keeps a refused batch for whoever wants to know why, while there is room.
    pub(super) fn set_aside(&mut self, entry: &Entry) {
        let payload = match &entry.held {
            Some(payload) => payload.clone(),
            None => match self.read_payload(entry.place, entry.waiting.bytes) {
                Ok(Some(payload)) => payload,
                _ => return,
            },
        };
        let bytes = FrameHead::of(&entry.waiting, &payload).framed(&payload);
        let kept = self.refused_file().and_then(|length| {
            let fits = length + bytes.len() as u64 <= REFUSED_BYTES_MAX;
            if fits { self.folder.write_at(REFUSED, length, &bytes) } else { Ok(()) }
        });
        // A disk that does not take it: the batch is counted and told all the same.
        drop(kept);
    }

    /// The length of the file of refused batches, made when it is missing.
    fn refused_file(&mut self) -> std::io::Result<u64> {
        let there = self.folder.list()?.into_iter().find(|(name, _)| name == REFUSED);
        if let Some((_, length)) = there.filter(|(_, length)| *length >= FILE_HEAD_LEN as u64) {
            return Ok(length);
        }
        let _ = self.folder.create(REFUSED);
        let head =
            FileHead { version: FORMAT, lane: Lane::Live, class: Class::Bulk, epoch: self.cursor.epoch, number: 0 }
                .bytes();
        self.folder.write_at(REFUSED, 0, &head)?;
        Ok(head.len() as u64)
    }
}
