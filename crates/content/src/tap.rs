//! The tap: what is asked of a body, and what was found.

use arachne_model::{Anomaly, AnomalySet, Limits, Message, TapFacts};
use arachne_wire::sink::{BodyTap, MessageHead};
use sha2::{Digest, Sha256};

use crate::codings::{Coding, Plan, plan};
use crate::decode::Stop;
use crate::output::{Kept, Output};
use crate::pipeline::Pipeline;

/// What is asked of bodies.
#[derive(Clone, Debug)]
pub struct TapOptions {
    /// Undo `Content-Encoding`.
    pub decode: bool,
    /// Hash the body as sent and as decoded (SHA-256).
    pub hash: bool,
    /// Keep the decoded body up to `limits.body_bytes_max` bytes.
    pub keep: bool,
    /// The caps: `body_bytes_max`, `decoded_bytes_max`, `ratio_max`, `ratio_from_bytes`, `coding_layers_max` and
    /// `window_log_max` count here.
    pub limits: Limits,
}

/// A tap for the body behind `head`, or `None` when nothing would be found out that the wire core does not know by
/// itself: no hash, nothing kept, and no coding to undo.
///
/// The facts: `decoded_size`, `decoded_sha256` and `kept` speak of the decoded body up to the first gap, error or
/// limit; `sha256` of all bytes that were seen. Where nothing was decoded though a coding was applied, `decoded_size`
/// is `None` and `kept` holds bytes as sent. Decoders are made when 64 KiB of the body are there or it ends, unless what
/// so short a body becomes is known, and dropped at the first error or limit; up to then the tap holds at most the kept
/// bytes, those 64 KiB and the windows of the decoders.
#[must_use]
pub fn tap(head: &MessageHead<'_>, options: &TapOptions) -> Option<Box<dyn BodyTap>> {
    let plan = match plan(head.message, options.limits.coding_layers_max) {
        Plan::Identity => Plan::Identity,
        _ if !options.decode => Plan::Part,
        plan => plan,
    };
    let finds_out = options.hash || options.keep || matches!(plan, Plan::Undo(_) | Plan::Refused);
    finds_out.then(|| Box::new(Tap::new(plan, options, announced(head.message))) as Box<dyn BodyTap>)
}

/// What `Content-Length` says, 0 where it says nothing. No more than a hint: what the body is, the wire core decides.
fn announced(message: &Message) -> u64 {
    let value = message.header("content-length").and_then(|value| std::str::from_utf8(value).ok());
    value.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// How far decoding has come.
enum Decoding {
    /// Nothing to undo: the body as sent is the decoded body.
    Identity,
    /// As before, but bytes are missing: `decoded` is what came before them.
    IdentityCut,
    /// There are codings, but decoding is not asked for or says nothing.
    AsSent,
    /// There are codings that cannot be undone.
    Refused,
    /// No byte came yet.
    Waiting(Vec<Coding>, Box<Limits>),
    /// In the middle.
    Running(Box<Pipeline>),
    /// No more is decoded.
    Stopped {
        /// Why.
        anomaly: Option<Anomaly>,
        /// Whether all content was decoded before.
        whole: bool,
    },
}

/// See [`tap`].
struct Tap {
    decoding: Decoding,
    /// Bytes as sent.
    size: u64,
    hash: Option<Sha256>,
    /// The beginning as sent. Dropped with the first decoded byte: then that is what is shown.
    kept: Option<Kept>,
    decoded: Output,
    gap: bool,
}

impl Tap {
    /// `announced` is how many bytes are said to come.
    fn new(plan: Plan, options: &TapOptions, announced: u64) -> Self {
        let kept = || options.keep.then(|| Kept::new(options.limits.body_bytes_max));
        let hash = || options.hash.then(Sha256::new);
        let undoes = matches!(plan, Plan::Undo(_));
        Self {
            decoding: match plan {
                Plan::Identity => Decoding::Identity,
                Plan::Part => Decoding::AsSent,
                Plan::Refused => Decoding::Refused,
                Plan::Undo(codings) => Decoding::Waiting(codings, Box::new(options.limits.clone())),
            },
            size: 0,
            hash: hash(),
            kept: kept().map(|kept| kept.expecting(announced)),
            decoded: Output {
                size: 0,
                hash: if undoes { hash() } else { None },
                kept: if undoes { kept() } else { None },
            },
            gap: false,
        }
    }

    fn decode(&mut self, bytes: &[u8]) {
        if let Decoding::Waiting(codings, limits) = &self.decoding {
            self.decoding = Decoding::Running(Box::new(Pipeline::new(codings, limits)));
        }
        if let Decoding::Running(pipeline) = &mut self.decoding {
            let result = pipeline.write(bytes, &mut self.decoded);
            if let Err(stop) = result {
                self.stop(stop);
            }
        }
    }

    /// Ends decoding early; what was decoded stays.
    fn stop(&mut self, stop: Stop) {
        let (anomaly, whole) = match (stop, &self.decoding) {
            (Stop::Limit, _) => (Anomaly::DecompressBomb, false),
            (Stop::Broken, Decoding::Running(pipeline)) => (Anomaly::DecompressError, pipeline.content_ended()),
            (Stop::Broken, _) => (Anomaly::DecompressError, false),
        };
        self.decoding = Decoding::Stopped { anomaly: Some(anomaly), whole };
    }

    /// No more contiguous bytes come: `complete` when they are all there.
    fn end_decoding(&mut self, complete: bool) {
        if let Decoding::Waiting(..) = self.decoding {
            // Nothing was sent, so there is nothing that could be wrong with it, unless it was lost.
            let anomaly = if complete { None } else { Some(Anomaly::DecompressError) };
            self.decoding = Decoding::Stopped { anomaly, whole: complete };
        }
        let Decoding::Running(pipeline) = &mut self.decoding else { return };
        match pipeline.flush(&mut self.decoded) {
            Err(stop) => self.stop(stop),
            Ok(()) if pipeline.ended() => self.decoding = Decoding::Stopped { anomaly: None, whole: true },
            Ok(()) => self.stop(Stop::Broken),
        }
    }

    /// What was found; decoding has ended.
    fn facts(self, complete: bool) -> TapFacts {
        let complete = complete && !self.gap;
        let empty = self.size == 0 && complete;
        match self.decoding {
            Decoding::Identity => {
                let sha256 = self.hash.map(digest);
                let (kept, kept_cut) = keep(self.kept, complete);
                let decoded_size = Some(self.size);
                TapFacts { decoded_size, sha256, decoded_sha256: sha256, kept, kept_cut, ..TapFacts::default() }
            }
            Decoding::IdentityCut => decoded(self.decoded, self.hash, false, None),
            Decoding::Refused if empty => {
                let decoded_sha256 = self.hash.clone();
                let output = Output { size: 0, hash: decoded_sha256, kept: self.kept };
                decoded(output, self.hash, true, None)
            }
            Decoding::Stopped { anomaly, whole } if self.decoded.size > 0 || (whole && anomaly.is_none()) => {
                decoded(self.decoded, self.hash, whole, anomaly)
            }
            Decoding::Refused => as_sent(self.kept, self.hash, complete, Some(Anomaly::DecompressError)),
            Decoding::Stopped { anomaly, .. } => as_sent(self.kept, self.hash, complete, anomaly),
            _ => as_sent(self.kept, self.hash, complete, None),
        }
    }

    fn take_as_sent(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        if let Some(hash) = &mut self.hash {
            hash.update(bytes);
        }
        match &mut self.kept {
            Some(kept) if !self.gap => kept.write(bytes),
            _ => {}
        }
    }
}

impl BodyTap for Tap {
    fn write(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.take_as_sent(bytes);
        self.decode(bytes);
        if self.decoded.size > 0 {
            self.kept = None;
        }
    }

    fn gap(&mut self, missing: u64) {
        if missing == 0 || self.gap {
            return;
        }
        self.gap = true;
        self.end_decoding(false);
        match &mut self.decoding {
            Decoding::Identity => {
                // From here on the two differ: the decoded body ends, the hash of what was sent goes on.
                self.decoded = Output { size: self.size, hash: self.hash.clone(), kept: self.kept.take() };
                self.decoding = Decoding::IdentityCut;
            }
            Decoding::Stopped { anomaly, whole } => {
                // What is missing behind the end of a stream would have been checked as well.
                anomaly.get_or_insert(Anomaly::DecompressError);
                *whole = false;
            }
            _ => {}
        }
    }

    fn held_bytes(&self) -> usize {
        let decoding = match &self.decoding {
            Decoding::Running(pipeline) => pipeline.held_bytes(),
            Decoding::Waiting(codings, limits) => size_of_val(&**limits) + size_of_val(codings.as_slice()),
            _ => 0,
        };
        size_of::<Self>() + decoding + self.kept.as_ref().map_or(0, Kept::held_bytes) + self.decoded.held_bytes()
    }

    fn finish(mut self: Box<Self>, complete: bool) -> TapFacts {
        self.end_decoding(complete);
        if let Decoding::Stopped { whole, .. } = &mut self.decoding {
            // A proper end may be followed by more: gzip and zstd go on with another member or frame.
            *whole &= complete;
        }
        self.facts(complete)
    }
}

fn digest(hash: Sha256) -> [u8; 32] {
    hash.finalize().into()
}

/// The kept bytes, and whether they are less than the body; `whole` when the body did not end early.
fn keep(kept: Option<Kept>, whole: bool) -> (Option<Vec<u8>>, bool) {
    match kept {
        Some(kept) => {
            let cut = kept.cut || !whole;
            (Some(kept.into_bytes()), cut)
        }
        None => (None, false),
    }
}

/// The facts of a body of which the beginning or all (`whole`) is decoded.
fn decoded(output: Output, hash: Option<Sha256>, whole: bool, anomaly: Option<Anomaly>) -> TapFacts {
    let (kept, kept_cut) = keep(output.kept, whole);
    TapFacts {
        decoded_size: Some(output.size),
        sha256: hash.map(digest),
        decoded_sha256: output.hash.map(digest),
        kept,
        kept_cut,
        anomalies: anomaly.map_or(AnomalySet::EMPTY, AnomalySet::from),
    }
}

/// The facts of a body of which nothing is decoded; `complete` when all its bytes were seen.
fn as_sent(kept: Option<Kept>, hash: Option<Sha256>, complete: bool, anomaly: Option<Anomaly>) -> TapFacts {
    let (kept, kept_cut) = keep(kept, complete);
    TapFacts {
        decoded_size: None,
        sha256: hash.map(digest),
        decoded_sha256: None,
        kept,
        kept_cut,
        anomalies: anomaly.map_or(AnomalySet::EMPTY, AnomalySet::from),
    }
}
