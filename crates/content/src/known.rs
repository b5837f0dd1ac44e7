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
/// Bodies that are remembered of one place: with one, two popular bodies of the same place would forget each other for ever.
const WAYS: usize = 4;
/// Places; a power of two.
const PLACES: usize = 128;

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

/// Remembers bodies: each has a place, by some of its bytes and its length, which the next bodies there take. Who chooses
/// bodies can make it forget, and no more.
pub(crate) struct Known {
    /// The newest first, at most [`WAYS`] in each.
    places: Vec<Vec<Body>>,
    bytes: usize,
}

impl Default for Known {
    fn default() -> Self {
        Self { places: (0..PLACES).map(|_| Vec::new()).collect(), bytes: 0 }
    }
}

impl Known {
    /// Gives what `sent` was decoded to; `false` when it is not known, or not what `output` asks for.
    pub(crate) fn give(&self, job: &Job, sent: &[u8], output: &mut Output) -> bool {
        let known = self.places[at(sent)].iter().find(|body| *body.sent == *sent && body.job == *job);
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
        let place = &mut self.places[at(sent)];
        // The same bytes whose decoded form was not kept, or was for another job.
        place.retain(|before| {
            let stays = before.sent != body.sent || before.job != body.job;
            self.bytes -= if stays { 0 } else { before.bytes() };
            stays
        });
        let oldest = if place.len() == WAYS { place.pop() } else { None };
        self.bytes -= oldest.as_ref().map_or(0, Body::bytes);
        place.insert(0, body);
    }
}

impl Body {
    fn bytes(&self) -> usize {
        self.sent.len() + self.decoded.as_ref().map_or(0, |bytes| bytes.len())
    }
}

fn at(sent: &[u8]) -> usize {
    usize::try_from(arachne_model::place(sent)).unwrap_or(0) % PLACES
}

#[cfg(test)]
mod tests {
    use arachne_model::Limits;

    use super::{BYTES_MAX, DECODED_BYTES_MAX, Job, Known, PLACES, SENT_BYTES_MAX, WAYS, at};
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
    fn bodies_of_one_place_do_not_forget_each_other() {
        let job = Job::new(&[Coding::Gzip], &Limits::default());
        let mut known = Known::default();
        let bodies: Vec<String> = (0..10_000).map(|number| format!("{number:09}")).collect();
        let mut meet: Vec<&String> = bodies.iter().filter(|body| at(body.as_bytes()) == 7).collect();
        meet.truncate(WAYS + 1);
        assert_eq!(meet.len(), WAYS + 1, "so many of them meet");
        for body in meet.iter().chain(&meet) {
            put(&mut known, &job, body.as_bytes(), b"unpacked", true);
        }
        let is_known = |body: &&&String| known.give(&job, body.as_bytes(), &mut output(true));
        assert_eq!(meet.iter().filter(is_known).count(), WAYS, "the oldest alone gave way");
        assert!(!is_known(&&meet[0]));
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
        for number in 0..4 * WAYS * PLACES {
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
