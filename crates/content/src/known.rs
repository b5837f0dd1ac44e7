//! Bodies that were decoded lately. What is served to many is sent packed in the same way each time, and comparing what was
//! sent is many times faster than unpacking it once more.

use arachne_model::Limits;

use crate::codings::Coding;
use crate::output::Output;

/// Longest body, as sent, that is remembered.
pub(crate) const SENT_BYTES_MAX: usize = 64 * 1024;
/// Longest decoded body of which the bytes are remembered.
const DECODED_BYTES_MAX: usize = 256 * 1024;
/// Bytes that are remembered; with more, all is forgotten.
const BYTES_MAX: usize = 16 << 20;
/// Bodies that are remembered; a power of two.
const PLACES: usize = 512;
/// Spreads the bits of a number: 2^64 divided by the golden ratio.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// All that decoding depends on beside the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    /// In the order in which they are undone.
    pub codings: Vec<Coding>,
    pub window_log_max: u32,
    pub bytes_max: u64,
    pub ratio_max: u64,
    pub ratio_from_bytes: u64,
}

impl Job {
    pub(crate) fn new(codings: &[Coding], limits: &Limits) -> Self {
        Self {
            codings: codings.to_vec(),
            window_log_max: limits.window_log_max,
            bytes_max: limits.decoded_bytes_max,
            ratio_max: limits.ratio_max,
            ratio_from_bytes: limits.ratio_from_bytes,
        }
    }
}

/// A whole body that was decoded to its proper end, within the limits.
struct Body {
    job: Job,
    sent: Box<[u8]>,
    size: u64,
    /// The decoded bytes, where somebody kept them.
    decoded: Option<Box<[u8]>>,
}

/// Remembers bodies: each has one place, by its ends and length, which the next body there takes. Who chooses bodies can make
/// it forget, and no more.
pub(crate) struct Known {
    places: Vec<Option<Body>>,
    bytes: usize,
}

impl Default for Known {
    fn default() -> Self {
        Self { places: (0..PLACES).map(|_| None).collect(), bytes: 0 }
    }
}

impl Known {
    /// Gives what `sent` was decoded to; `false` when it is not known, or not what `output` asks for.
    pub(crate) fn give(&self, job: &Job, sent: &[u8], output: &mut Output) -> bool {
        let known = self.places[place(sent)].as_ref().filter(|body| *body.sent == *sent && body.job == *job);
        match known {
            Some(Body { decoded: Some(bytes), .. }) => output.write(bytes),
            Some(Body { size, decoded: None, .. }) if output.only_counts() => output.size += size,
            _ => return false,
        }
        true
    }

    /// Remembers what `sent` became; `output` has that and nothing else.
    pub(crate) fn put(&mut self, job: &Job, sent: &[u8], output: &Output) {
        let decoded = output.all().filter(|bytes| bytes.len() <= DECODED_BYTES_MAX);
        if sent.len() > SENT_BYTES_MAX || (decoded.is_none() && !output.only_counts()) {
            return;
        }
        if self.bytes > BYTES_MAX {
            *self = Self::default();
        }
        let body = Body { job: job.clone(), sent: sent.into(), size: output.size, decoded: decoded.map(Box::from) };
        self.bytes += body.bytes();
        let before = self.places[place(sent)].replace(body);
        self.bytes -= before.as_ref().map_or(0, Body::bytes);
    }
}

impl Body {
    fn bytes(&self) -> usize {
        self.sent.len() + self.decoded.as_ref().map_or(0, |bytes| bytes.len())
    }
}

/// Formats end with a checksum or begin with what differs.
fn place(sent: &[u8]) -> usize {
    let last = sent.last_chunk::<8>().map_or(0, |last| u64::from_le_bytes(*last));
    let first = sent.first_chunk::<8>().map_or(0, |first| u64::from_le_bytes(*first));
    let mixed = (first.wrapping_mul(MIX) ^ last).wrapping_add(sent.len() as u64).wrapping_mul(MIX);
    usize::try_from(mixed >> 32).unwrap_or(0) % PLACES
}

#[cfg(test)]
mod tests {
    use arachne_model::Limits;

    use super::{BYTES_MAX, DECODED_BYTES_MAX, Job, Known, PLACES, SENT_BYTES_MAX};
    use crate::codings::Coding;
    use crate::output::{Kept, Output};

    fn output(keeps: bool) -> Output {
        Output { size: 0, hash: None, kept: keeps.then(|| Kept::new(usize::MAX)) }
    }

    fn put(known: &mut Known, job: &Job, sent: &[u8], decoded: &[u8], keeps: bool) {
        let mut now = output(keeps);
        now.write(decoded);
        known.put(job, sent, &now);
    }

    #[test]
    fn only_the_same_job_on_the_same_bytes_is_known() {
        let job = Job::new(&[Coding::Gzip], &Limits::default());
        let mut known = Known::default();
        put(&mut known, &job, b"packed", b"unpacked", true);
        let mut again = output(true);
        assert!(known.give(&job, b"packed", &mut again));
        assert_eq!((again.size, again.all()), (8, Some(&b"unpacked"[..])));
        assert!(!known.give(&job, b"Packed", &mut output(true)));
        let others = [
            Job { codings: vec![Coding::Deflate], ..job.clone() },
            Job { codings: vec![], ..job.clone() },
            Job { window_log_max: 1, ..job.clone() },
            Job { bytes_max: 1, ..job.clone() },
            Job { ratio_max: 1, ..job.clone() },
            Job { ratio_from_bytes: 1, ..job.clone() },
        ];
        assert!(others.iter().all(|other| !known.give(other, b"packed", &mut output(true))));
    }

    #[test]
    fn bytes_that_nobody_kept_are_only_counted() {
        let job = Job::new(&[Coding::Gzip], &Limits::default());
        let mut known = Known::default();
        put(&mut known, &job, b"packed", b"unpacked", false);
        let mut again = output(false);
        assert!(known.give(&job, b"packed", &mut again));
        assert_eq!(again.size, 8);
        assert!(!known.give(&job, b"packed", &mut output(true)), "the bytes are wanted");
    }

    #[test]
    fn memory_has_an_end() {
        let job = Job::new(&[Coding::Gzip], &Limits::default());
        let mut known = Known::default();
        let decoded = vec![0; DECODED_BYTES_MAX];
        for number in 0..4 * PLACES {
            put(&mut known, &job, format!("{number:09}").as_bytes(), &decoded, true);
            assert!(known.bytes <= BYTES_MAX + DECODED_BYTES_MAX + SENT_BYTES_MAX);
        }
        for (sent, decoded) in [(SENT_BYTES_MAX + 1, 1), (1, DECODED_BYTES_MAX + 1)] {
            let sent = vec![7; sent];
            put(&mut known, &job, &sent, &vec![7; decoded], true);
            assert!(!known.give(&job, &sent, &mut output(true)));
        }
    }
}
