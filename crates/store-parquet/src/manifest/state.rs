//! What the manifest knows, and how an edit changes it.

use std::collections::BTreeMap;

use arachne_store::{Senders, Sequences, Token};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The version of the edits that are written, and the highest that is understood.
/// Format 1 named each batch of a sender; 2 has [`SenderBatches`].
pub const EDIT_FORMAT: u32 = 2;

/// Items of each kind in one frame of a snapshot, so that no state outgrows a frame.
const CHUNK: usize = 2048;

/// What the manifest must know of a part: the rest is the owner's.
pub trait PartRecord: Clone + Serialize + DeserializeOwned {
    /// Its name: the path of its main file, from the root of the disk.
    fn path(&self) -> &str;

    /// All its files, the main one too. Each belongs to this part alone.
    fn files(&self) -> Vec<&str>;
}

/// A batch that was committed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// Its name: of an import for ever the same.
    pub name: String,
    /// Of the options it was made with: the same name with another fingerprint is another import.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub fingerprint: String,
    /// Paths of the parts that it was committed with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<String>,
    /// A batch of a sender, `sender/<sequence>/<sender>`, of format 1.
    #[serde(default, skip_serializing)]
    pub passing: bool,
}

/// Batches of a sender that are in parts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SenderBatches {
    /// Who sent them.
    pub sender: String,
    /// Their sequences: ranges with both ends inside.
    pub sequences: Vec<(u64, u64)>,
}

/// A file that is damaged or that nobody knows, moved away and not served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound = "P: PartRecord")]
pub struct Quarantined<P> {
    /// Where it was.
    pub path: String,
    /// Where it is; `None` when it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<String>,
    /// Why.
    pub reason: String,
    /// The part that is lost with it: its rows and times say what answers lack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<P>,
}

/// A change that happens as a whole or not at all. First things go, then things come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound = "P: PartRecord")]
pub struct Edit<P> {
    /// [`EDIT_FORMAT`].
    pub format: u32,
    /// The store's schema version from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_version: Option<u32>,
    /// Frames of the log up to this sequence are in parts. It never goes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wal_released: Option<u64>,
    /// Paths of parts that are no longer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove_parts: Vec<String>,
    /// Parts that are new, or are known and have changed.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub put_parts: Vec<P>,
    /// Names of batches to forget.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove_batches: Vec<String>,
    /// Batches that are committed with this.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub put_batches: Vec<Batch>,
    /// Batches of senders that are committed with this.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub senders: Vec<SenderBatches>,
    /// Former paths of quarantined files to forget.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forget_quarantined: Vec<String>,
    /// Files that were quarantined.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub quarantine: Vec<Quarantined<P>>,
}

impl<P> Default for Edit<P> {
    fn default() -> Self {
        Self {
            format: EDIT_FORMAT,
            schema_version: None,
            wal_released: None,
            remove_parts: Vec::new(),
            put_parts: Vec::new(),
            remove_batches: Vec::new(),
            put_batches: Vec::new(),
            senders: Vec::new(),
            forget_quarantined: Vec::new(),
            quarantine: Vec::new(),
        }
    }
}

impl<P: PartRecord> Edit<P> {
    /// What it would have changed, for people: names of parts and batches.
    pub(super) fn names(&self) -> Vec<String> {
        let gone = self.remove_parts.iter().map(|path| format!("-{path}"));
        let parts = self.put_parts.iter().map(|part| format!("+{}", part.path()));
        let batches = self.put_batches.iter().map(|batch| format!("batch {}", batch.name));
        let sent = self.senders.iter().flat_map(|of| of.sequences.iter().map(|range| (&of.sender, range)));
        let sent = sent.map(|(sender, (first, last))| {
            let which = if first == last { first.to_string() } else { format!("{first}..{last}") };
            format!("batch {which} of {sender}")
        });
        gone.chain(parts).chain(batches).chain(sent).collect()
    }
}

/// What the manifest knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State<P> {
    /// The store's schema version; 0 before the first edit that sets one.
    pub schema_version: u32,
    /// Frames of the log up to this sequence are in parts.
    pub wal_released: u64,
    /// Parts by path.
    pub parts: BTreeMap<String, P>,
    /// Batches by name.
    pub batches: BTreeMap<String, Batch>,
    /// Quarantined files by their former path; the last reason counts.
    pub quarantined: BTreeMap<String, Quarantined<P>>,
    /// Batches of senders.
    pub senders: Senders,
}

impl<P> Default for State<P> {
    fn default() -> Self {
        Self {
            schema_version: 0,
            wal_released: 0,
            parts: BTreeMap::new(),
            batches: BTreeMap::new(),
            quarantined: BTreeMap::new(),
            senders: Senders::default(),
        }
    }
}

impl<P: PartRecord> State<P> {
    /// Makes the change.
    pub(super) fn apply(&mut self, edit: Edit<P>) {
        self.schema_version = edit.schema_version.unwrap_or(self.schema_version);
        self.wal_released = self.wal_released.max(edit.wal_released.unwrap_or_default());
        edit.remove_parts.iter().for_each(|path| drop(self.parts.remove(path)));
        edit.remove_batches.iter().for_each(|name| drop(self.batches.remove(name)));
        edit.forget_quarantined.iter().for_each(|path| drop(self.quarantined.remove(path)));
        self.parts.extend(edit.put_parts.into_iter().map(|part| (part.path().to_owned(), part)));
        self.quarantined.extend(edit.quarantine.into_iter().map(|file| (file.path.clone(), file)));
        for batch in edit.put_batches {
            match named_token(&batch) {
                Some(token) => drop(self.senders.insert(&token)),
                None => drop(self.batches.insert(batch.name.clone(), batch)),
            }
        }
        edit.senders.iter().for_each(|one| self.senders.add(&one.sender, &one.sequences));
    }

    /// Edits that make this state out of nothing; at least one.
    pub(super) fn snapshot(&self) -> Vec<Edit<P>> {
        let batches: Vec<_> = self.batches.values().cloned().collect();
        let all = self.senders.all().into_iter();
        let senders: Vec<_> = all.map(|(sender, sequences)| sender_batches(sender, sequences)).collect();
        let parts: Vec<_> = self.parts.values().cloned().collect();
        let quarantined: Vec<_> = self.quarantined.values().cloned().collect();
        let numbers = Edit {
            schema_version: Some(self.schema_version),
            wal_released: Some(self.wal_released),
            ..Edit::default()
        };
        let mut edits = vec![numbers];
        edits.extend(parts.chunks(CHUNK).map(|some| Edit { put_parts: some.to_vec(), ..Edit::default() }));
        edits.extend(batches.chunks(CHUNK).map(|some| Edit { put_batches: some.to_vec(), ..Edit::default() }));
        edits.extend(senders.chunks(CHUNK).map(|some| Edit { senders: some.to_vec(), ..Edit::default() }));
        edits.extend(quarantined.chunks(CHUNK).map(|some| Edit { quarantine: some.to_vec(), ..Edit::default() }));
        edits
    }
}

/// What a batch of format 1 names.
fn named_token(batch: &Batch) -> Option<Token> {
    let (sequence, sender) = batch.name.strip_prefix("sender/").filter(|_| batch.passing)?.split_once('/')?;
    Some(Token { sender: sender.to_owned(), sequence: sequence.parse().ok()? })
}

/// The batches of a sender, as they are written.
pub fn sender_batches(sender: &str, sequences: &Sequences) -> SenderBatches {
    SenderBatches { sender: sender.to_owned(), sequences: sequences.ranges().to_vec() }
}
