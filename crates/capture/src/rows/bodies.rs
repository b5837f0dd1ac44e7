//! Bodies without secrets. What is served to many was looked through before: its hash tells what came of it.

use std::borrow::Cow;

use arachne_content::redact::{Body, Reason, Redactor};

/// Bodies that are remembered.
const REMEMBERED: usize = 4096;
/// Shorter ones are looked through as fast as they are found again.
const BYTES_MIN: usize = 1024;

/// What came of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Nothing in it was replaced.
    Sound,
    /// Nothing of it may be stored.
    Withheld(Reason),
}

/// Redacts bodies, and remembers many: each has one place, by its hash, which the next body there takes. The hash (BLAKE3) is
/// one for which nobody can make two bodies.
pub struct Bodies(Vec<Option<([u8; 32], Verdict)>>);

impl Default for Bodies {
    fn default() -> Self {
        Self(vec![None; REMEMBERED])
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
        if body.len() < BYTES_MIN {
            return match redactor.body(content_type, &body, complete) {
                Body::Kept(Cow::Owned(edited)) => Ok(edited),
                Body::Kept(Cow::Borrowed(_)) => Ok(body),
                Body::Withheld { reason } => Err(reason),
            };
        }
        let hash = hash(content_type, &body, complete);
        let place = hash.first_chunk().map_or(0, |first| usize::from(u16::from_le_bytes(*first)) % REMEMBERED);
        let known = self.0[place].filter(|(known, _)| *known == hash).map(|(_, verdict)| verdict);
        let verdict = match known {
            Some(verdict) => verdict,
            None => match redactor.body(content_type, &body, complete) {
                Body::Kept(Cow::Owned(edited)) => return Ok(edited),
                Body::Kept(Cow::Borrowed(_)) => Verdict::Sound,
                Body::Withheld { reason } => Verdict::Withheld(reason),
            },
        };
        self.0[place] = Some((hash, verdict));
        match verdict {
            Verdict::Sound => Ok(body),
            Verdict::Withheld(reason) => Err(reason),
        }
    }
}

/// Of all that redaction sees: the body, and before it what is said of it, of which the length is said first.
fn hash(content_type: Option<&[u8]>, body: &[u8], complete: bool) -> [u8; 32] {
    let said = content_type.unwrap_or_default();
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(said.len() as u64).to_le_bytes()).update(said).update(&[u8::from(complete)]).update(body);
    *hasher.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use arachne_content::redact::{Key, Reason, Redactor, Rules};

    use super::{BYTES_MIN, Bodies};

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
}
