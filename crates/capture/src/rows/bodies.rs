//! Bodies without secrets. What is served to many was looked through before, and what came of it is remembered.

use std::borrow::Cow;

use arachne_content::redact::{Body, Reason, Redactor};

/// Bodies that are remembered; a power of two.
const REMEMBERED: usize = 4096;
/// Shorter ones are looked through nearly as fast as they are found again.
const BYTES_MIN: usize = 256;
/// Bytes that are remembered; with more, all is forgotten.
const BYTES_MAX: usize = 64 << 20;

/// A body in which nothing was replaced, or of which nothing may be stored.
struct Known {
    content_type: Option<Box<[u8]>>,
    body: Box<[u8]>,
    complete: bool,
    withheld: Option<Reason>,
}

/// Redacts bodies, and remembers many: each has one place, by its ends and length, which the next body there takes. Who
/// chooses bodies can make it forget, and no more.
pub struct Bodies {
    places: Vec<Option<Known>>,
    bytes: usize,
}

impl Default for Bodies {
    fn default() -> Self {
        Self { places: (0..REMEMBERED).map(|_| None).collect(), bytes: 0 }
    }
}

impl Bodies {
    /// The body after redaction; see [`Redactor::body`].
    pub fn redact(
        &mut self,
        redactor: &Redactor,
        content_type: Option<&[u8]>,
        body: Vec<u8>,
        complete: bool,
    ) -> Result<Vec<u8>, Reason> {
        let place = place(&body);
        let known = self.places[place].as_ref().filter(|known| known.is(content_type, &body, complete));
        let withheld = match known.map(|known| known.withheld) {
            Some(withheld) => withheld,
            None => match redactor.body(content_type, &body, complete) {
                Body::Kept(Cow::Owned(edited)) => return Ok(edited),
                Body::Kept(Cow::Borrowed(_)) => self.remember(place, content_type, &body, complete, None),
                Body::Withheld { reason } => self.remember(place, content_type, &body, complete, Some(reason)),
            },
        };
        withheld.map_or(Ok(body), Err)
    }

    fn remember(
        &mut self,
        place: usize,
        content_type: Option<&[u8]>,
        body: &[u8],
        complete: bool,
        withheld: Option<Reason>,
    ) -> Option<Reason> {
        if body.len() >= BYTES_MIN {
            if self.bytes + body.len() > BYTES_MAX {
                *self = Self::default();
            }
            self.bytes += body.len();
            let known = Known { content_type: content_type.map(Box::from), body: body.into(), complete, withheld };
            let before = self.places[place].replace(known);
            self.bytes -= before.map_or(0, |before| before.body.len());
        }
        withheld
    }
}

impl Known {
    fn is(&self, content_type: Option<&[u8]>, body: &[u8], complete: bool) -> bool {
        *self.body == *body && self.content_type.as_deref() == content_type && self.complete == complete
    }
}

fn place(body: &[u8]) -> usize {
    usize::try_from(arachne_model::place(body)).unwrap_or(0) % REMEMBERED
}

#[cfg(test)]
mod tests {
    use arachne_content::redact::{Key, Reason, Redactor, Rules};

    use super::{BYTES_MAX, BYTES_MIN, Bodies};

    #[test]
    fn what_is_known_of_one_body_is_not_said_of_another() {
        let redactor = Redactor::new(Key::new([7; 32]), Rules::default());
        let mut bodies = Bodies::default();
        let long = |text: &str| [text.as_bytes(), &b" ".repeat(BYTES_MIN)].concat();
        let secret = long(r#"{"password":"S3CR3T"}"#);
        let plain = long("{}");
        let binary = [b"password\0\x01\x02\x03".repeat(BYTES_MIN), vec![]].concat();
        for _ in 0..3 {
            let mut redact = |claim: Option<&str>, body: &[u8]| {
                bodies.redact(&redactor, claim.map(str::as_bytes), body.to_vec(), true)
            };
            assert_eq!(redact(None, &plain).as_deref(), Ok(&plain[..]));
            let edited = redact(None, &secret).expect("it can be read");
            assert!(!edited.windows(6).any(|w| w == b"S3CR3T") && edited.len() > secret.len());
            assert_eq!(redact(Some("image/png"), &binary).as_deref(), Ok(&binary[..]));
            assert_eq!(redact(None, &binary), Err(Reason::UnreadableFields), "the claim counts");
        }
    }

    #[test]
    fn memory_has_an_end() {
        let redactor = Redactor::new(Key::new([7; 32]), Rules::default());
        let mut bodies = Bodies::default();
        for number in 0..24_u8 {
            let body = vec![number; BYTES_MAX / 16];
            assert_eq!(bodies.redact(&redactor, Some(b"image/png"), body.clone(), true), Ok(body));
            assert!(bodies.bytes <= BYTES_MAX);
        }
    }
}
