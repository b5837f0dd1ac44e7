//! Reads the newest generation of the manifest out of its two copies.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::Deserialize;

use super::state::{EDIT_FORMAT, Edit, PartRecord, State};
use super::{COPIES, ManifestError, Options, copy_path};
use crate::disk::Disk;
use crate::frames::{Cause, Event, FileKind, Finding, FrameError, FrameReader};

/// What disks write whole or not at all, at least.
const SECTOR_BYTES: u64 = 512;

/// A generation, read.
#[derive(Debug)]
pub(super) struct Loaded<P> {
    pub(super) state: State<P>,
    pub(super) next_sequence: u64,
    pub(super) findings: Vec<Finding>,
    /// Edits that can be read and cannot be applied, since some before them are lost.
    pub(super) unapplied: Vec<String>,
    /// Paths of copies with damage.
    pub(super) damaged: Vec<String>,
}

/// Both copies as one.
#[derive(Debug, Default)]
struct Union {
    frames: BTreeMap<u64, Vec<u8>>,
    /// The sequences of the snapshot, from a header.
    snapshot: Option<RangeInclusive<u64>>,
    /// The highest whole frame of each copy that has a header.
    last: [Option<u64>; 2],
    next_sequence: u64,
    findings: Vec<Finding>,
    /// That a copy is not there.
    absent: Option<Finding>,
}

/// Reads one generation; the findings alone when its snapshot cannot be read.
pub(super) fn load<P: PartRecord>(
    disk: &dyn Disk,
    generation: u64,
    options: &Options,
) -> Result<Result<Loaded<P>, Vec<Finding>>, ManifestError> {
    let mut union = Union::default();
    for (index, copy) in COPIES.iter().enumerate() {
        union.copy(disk, &copy_path(generation, copy), index)?;
    }
    union.absent();
    union.compare(generation);
    let Some(snapshot) = union.snapshot.clone().filter(|s| s.clone().all(|n| union.frames.contains_key(&n))) else {
        return Ok(Err(union.findings));
    };
    let mut state = State::default();
    let mut unapplied = Vec::new();
    let mut expected = *snapshot.start();
    let paths = COPIES.map(|copy| copy_path(generation, copy));
    for (sequence, payload) in &union.frames {
        let edit: Edit<P> = parse(&paths[0], *sequence, payload)?;
        if *sequence == expected {
            state.apply(edit);
            expected += 1;
        } else {
            unapplied.extend(edit.names());
        }
    }
    let highest = union.frames.keys().next_back().copied().unwrap_or_default();
    if highest >= expected {
        let (path, cause) = (paths[0].clone(), Cause::Missing { first: expected, last: highest });
        union.findings.push(Finding { path, offset: 0, bytes: 0, cause });
    }
    if state.schema_version > options.schema_version {
        let (found, known) = (state.schema_version, options.schema_version);
        return Err(ManifestError::NewerSchema { found, known });
    }
    let hurt = |path: &String| union.findings.iter().any(|f| f.is_damage() && f.path == *path);
    let damaged = paths.into_iter().filter(hurt).collect();
    Ok(Ok(Loaded { state, next_sequence: union.next_sequence, findings: union.findings, unapplied, damaged }))
}

impl Union {
    fn copy(&mut self, disk: &dyn Disk, path: &str, index: usize) -> Result<(), ManifestError> {
        match self.read(disk, path, index) {
            Ok(()) => {}
            Err(FrameError::Read { source, .. }) => {
                let cause = Cause::Unusable(format!("this copy cannot be read: {source}"));
                let finding = Finding { path: path.to_owned(), offset: 0, bytes: 0, cause };
                match source.kind() {
                    std::io::ErrorKind::NotFound => self.absent = Some(finding),
                    _ => self.findings.push(finding),
                }
            }
            Err(newer) => return Err(newer.into()),
        }
        Ok(())
    }

    /// Edits are taken once both copies are there. So while the other one is a snapshot and no more, a copy that is not
    /// there is the trace of a crash; later somebody took it away.
    fn absent(&mut self) {
        let end = self.snapshot.as_ref().map(|snapshot| *snapshot.end());
        let last = self.last.iter().flatten().max().copied();
        let crashed = end.is_some() && last == end;
        self.findings.extend(self.absent.take().filter(|_| !crashed));
    }

    fn read(&mut self, disk: &dyn Disk, path: &str, index: usize) -> Result<(), FrameError> {
        let mut reader = FrameReader::open(disk, path, FileKind::Manifest)?;
        if let Some(header) = reader.header() {
            self.snapshot = Some(header.first..=header.mark);
            self.last[index] = Some(header.first.saturating_sub(1));
        }
        while let Some(event) = reader.next().transpose()? {
            match event {
                Event::Frame(frame) => {
                    self.last[index] = Some(frame.sequence);
                    self.frames.entry(frame.sequence).or_insert(frame.payload);
                }
                Event::Finding(mut finding) => {
                    if let Cause::Damaged { first, count: Some(count) } = finding.cause {
                        self.last[index] = Some(first.saturating_add(count).saturating_sub(1));
                    }
                    if matches!(finding.cause, Cause::Damaged { count: None, .. }) && never_came(disk, &finding)? {
                        finding.cause = Cause::TornTail;
                    }
                    self.findings.push(finding);
                }
            }
        }
        self.next_sequence = self.next_sequence.max(reader.next_sequence());
        Ok(())
    }

    /// The first copy is durable before the second is written, and the second before the next edit: so the second has
    /// what the first has, or lacks one. Anything else was cut by somebody.
    fn compare(&mut self, generation: u64) {
        let [Some(first), Some(second)] = self.last else { return };
        let lacking = match (first, second) {
            (first, second) if first < second => Some((COPIES[0], first + 1, second)),
            (first, second) if first > second + 1 => Some((COPIES[1], second + 1, first - 1)),
            // Of two torn tails one was cut later.
            (first, _) if self.findings.iter().filter(|f| f.cause == Cause::TornTail).count() == COPIES.len() => {
                Some((COPIES[0], first + 1, first + 1))
            }
            _ => None,
        };
        if let Some((copy, first, last)) = lacking {
            let (path, cause) = (copy_path(generation, copy), Cause::Missing { first, last });
            self.findings.push(Finding { path, offset: 0, bytes: 0, cause });
        }
    }
}

/// Whether the last edit lacks all of its first sector: power was cut while it was written, and a later sector came to the disk
/// before it.
fn never_came(disk: &dyn Disk, finding: &Finding) -> Result<bool, FrameError> {
    let failed = |source| FrameError::Read { path: finding.path.clone(), source };
    let file = disk.open(&finding.path).map_err(failed)?;
    let rest = SECTOR_BYTES - finding.offset % SECTOR_BYTES;
    let mut bytes = vec![0; usize::try_from(rest).unwrap_or(0)];
    let read = file.read_full_at(finding.offset, &mut bytes).map_err(failed)?;
    Ok(read == bytes.len() && bytes.iter().all(|byte| *byte == 0))
}

fn parse<P: PartRecord>(path: &str, sequence: u64, payload: &[u8]) -> Result<Edit<P>, ManifestError> {
    #[derive(Deserialize)]
    struct Probe {
        format: u32,
    }
    let failed = |source| ManifestError::Edit { path: path.to_owned(), sequence, source };
    let format = serde_json::from_slice::<Probe>(payload).map_err(failed)?.format;
    if format > EDIT_FORMAT {
        return Err(ManifestError::NewerEdit { path: path.to_owned(), sequence, format });
    }
    serde_json::from_slice(payload).map_err(failed)
}
