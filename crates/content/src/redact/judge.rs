//! Judges names: by their words (`user[newPassword]` is user, new, password), as a whole without separators
//! (`phpsessid`), and by what they contain or end with (`userpassword`).
//!
//! Case never matters; neither do trailing digits of a word (`password2`). A name is judged for every pair of every
//! body, so the lists stand in one table by word.

use std::collections::{HashMap, HashSet};

use foldhash::fast::FixedState;

use super::finder::Grams;
use super::names::{
    ABOUT, COMMON_NAMES, COUNTED, DECOYS, KEPT, Kind, NAMES, PIECES, QUERY_NAMES, STEMS, SUFFIXES, WEAK_NAMES,
    WEAK_WORDS, WORDS, holds,
};

/// The most bytes of a name that are looked at, from its end: what matters stands there.
pub(super) const NAME_BYTES_MAX: usize = 96;

/// Names of so many letters are found only by all of them: a separator inside (`s_id`) hides them from a search.
pub(super) const SHORT_BYTES_MAX: usize = 4;

/// The lists that hold a word, one bit each. The tables are built of our own lists, so nobody can choose what meets in
/// them, and a fixed hash will do.
type Lists = u8;

const IN_WORDS: Lists = 1;
const IN_WEAK_WORDS: Lists = 1 << 1;
const IN_WEAK_NAMES: Lists = 1 << 2;
const IN_NAMES: Lists = 1 << 3;
const IN_ABOUT: Lists = 1 << 4;
const IN_COUNTED: Lists = 1 << 5;
const IN_DECOYS: Lists = 1 << 6;
const IN_KEPT: Lists = 1 << 7;

/// What [`Names`] says of a name.
#[derive(Debug)]
struct Common {
    field: Kind,
    parameter: Kind,
    part: bool,
}

/// Judges names by the built-in lists and the configured ones.
#[derive(Debug)]
pub(super) struct Names {
    headers: HashSet<Vec<u8>>,
    fields: HashSet<Vec<u8>>,
    listed: HashMap<&'static [u8], Lists, FixedState>,
    /// What is said of names that are met often, spelled so.
    common: HashMap<&'static [u8], Common, FixedState>,
    /// All that stands inside an entry of a list of names.
    parts: HashSet<&'static [u8], FixedState>,
    /// For each letter, those that follow it in a short name.
    pairs: [u32; 32],
}

impl Names {
    pub(super) fn new(headers: &[String], fields: &[String]) -> Self {
        let flat = |names: &[String]| names.iter().map(|name| Flat::new(name.as_bytes()).all().to_vec()).collect();
        let mut listed: HashMap<&'static [u8], Lists, FixedState> = HashMap::default();
        for (bit, list) in [
            (IN_WORDS, WORDS),
            (IN_WEAK_WORDS, WEAK_WORDS),
            (IN_WEAK_NAMES, WEAK_NAMES),
            (IN_NAMES, NAMES),
            (IN_ABOUT, ABOUT),
            (IN_COUNTED, COUNTED),
            (IN_DECOYS, DECOYS),
            (IN_KEPT, KEPT),
        ] {
            for entry in list {
                *listed.entry(entry.as_bytes()).or_default() |= bit;
            }
        }
        let entries = NAMES.iter().chain(SUFFIXES).chain(STEMS).map(|entry| entry.as_bytes());
        let parts = entries.flat_map(|entry| (1..=entry.len()).flat_map(|length| entry.windows(length))).collect();
        let fields: HashSet<Vec<u8>> = flat(fields);
        let short = NAMES.iter().chain(WEAK_NAMES).map(|name| name.as_bytes()).chain(fields.iter().map(Vec::as_slice));
        let mut pairs = [0; 32];
        for pair in short.filter(|name| name.len() <= SHORT_BYTES_MAX).flat_map(|name| name.windows(2)) {
            pairs[usize::from(pair[0] & 31)] |= letter(pair[1]);
        }
        let mut names = Self { headers: flat(headers), fields, listed, common: HashMap::default(), parts, pairs };
        let common = COMMON_NAMES.iter().map(|name| name.as_bytes());
        names.common = common.map(|name| (name, names.common(name))).collect();
        names
    }

    fn common(&self, name: &[u8]) -> Common {
        Common { field: self.field(name), parameter: self.parameter(name), part: self.may_be_part(name) }
    }

    /// Judges the name of a field of JSON, XML, a form part, a pair in text.
    pub(super) fn field(&self, name: &[u8]) -> Kind {
        if let Some(common) = self.common.get(name) {
            return common.field;
        }
        self.flat_field(&Flat::new(name))
    }

    /// Judges the name of a parameter of a query, a fragment or a form. `code` is the caller's matter.
    pub(super) fn parameter(&self, name: &[u8]) -> Kind {
        if let Some(common) = self.common.get(name) {
            return common.parameter;
        }
        let flat = Flat::new(name);
        match self.flat_field(&flat) {
            Kind::Plain if holds(QUERY_NAMES, flat.all()) => Kind::Secret,
            kind => kind,
        }
    }

    /// Judges the name of a header.
    pub(super) fn header(&self, name: &[u8]) -> Kind {
        let flat = Flat::new(name);
        if has(&self.headers, flat.all()) { Kind::Secret } else { self.judge(&flat) }
    }

    fn flat_field(&self, flat: &Flat) -> Kind {
        if has(&self.fields, flat.all()) { Kind::Secret } else { self.judge(flat) }
    }

    /// Whether a name that is not secret could be a word of one that is: `key` of `api key`.
    pub(super) fn may_be_part(&self, name: &[u8]) -> bool {
        if let Some(common) = self.common.get(name) {
            return common.part;
        }
        let flat = Flat::new(name);
        self.parts.contains(flat.all()) || self.fields.iter().any(|field| contains(field, flat.all()))
    }

    /// Whether the bytes on both sides of a separator could be letters of one short name: `s` and `i` of `s_id`.
    pub(super) fn may_be_split(&self, around: (Option<&u8>, Option<&u8>)) -> bool {
        let (Some(&before), Some(&after)) = around else { return false };
        let letters = before.is_ascii_alphanumeric() && after.is_ascii_alphanumeric();
        letters && self.pairs[usize::from(before & 31)] & letter(after) != 0
    }

    /// The letter, the separator and the letter of which [`Self::may_be_split`] says yes.
    pub(super) fn splits(&self, separators: &[u8]) -> Grams {
        let mut grams = Grams::default();
        for byte in (0..=u8::MAX).filter(u8::is_ascii_alphanumeric) {
            grams.bytes[0][usize::from(byte)] = self.pairs[usize::from(byte & 31)].into();
            grams.bytes[2][usize::from(byte)] = letter(byte).into();
        }
        for separator in separators {
            grams.bytes[1][usize::from(*separator)] = u64::MAX;
        }
        grams
    }

    /// What to search for in text so that no secret name is missed.
    pub(super) fn pieces(fields: &[String]) -> Vec<String> {
        let own = fields.iter().flat_map(|name| {
            // However the words are joined, the first one stands there.
            let flat = Flat::new(name.as_bytes());
            let first = flat.words().next().map(|word| String::from_utf8_lossy(word).into_owned());
            [Some(name.to_lowercase()), first].into_iter().flatten()
        });
        PIECES.iter().map(|&piece| piece.to_owned()).chain(own.filter(|piece| !piece.is_empty())).collect()
    }

    fn lists(&self, word: &[u8]) -> Lists {
        self.listed.get(word).copied().unwrap_or_default()
    }

    /// Judges a name by the built-in lists.
    fn judge(&self, flat: &Flat) -> Kind {
        let all = flat.all();
        match all {
            b"authorization" | b"proxyauthorization" => return Kind::Authorization,
            b"authenticationinfo" | b"proxyauthenticationinfo" => return Kind::Authorization,
            b"cookie" | b"cookie2" => return Kind::Cookie,
            b"setcookie" | b"setcookie2" => return Kind::SetCookie,
            b"" => return Kind::Plain,
            _ => {}
        }
        let of_all = self.lists(all);
        match of_all {
            _ if of_all & IN_DECOYS != 0 => return Kind::Plain,
            _ if of_all & IN_KEPT != 0 => return Kind::Kept,
            _ => {}
        }
        let (mut of_any, mut of_last, mut last) = (0, 0, &b""[..]);
        for word in flat.words().filter(|word| !word.is_empty()) {
            of_last = if word.len() == all.len() { of_all } else { self.lists(word) };
            of_any |= of_last;
            last = word;
        }
        if of_last & IN_ABOUT != 0 || (last == b"tokens" && of_any & IN_COUNTED != 0) {
            return Kind::Plain;
        }
        let whole = trim_digits(all);
        let of_whole = if whole.len() == all.len() { of_all } else { self.lists(whole) };
        match () {
            () if last == b"pass" || of_any & IN_WORDS != 0 || of_whole & IN_NAMES != 0 => Kind::Secret,
            () if has_suffix(whole) || has_stem(flat) => Kind::Secret,
            () if of_any & IN_WEAK_WORDS != 0 || of_whole & IN_WEAK_NAMES != 0 => Kind::Weak,
            () => Kind::Plain,
        }
    }
}

/// Whether a configured list holds a name; most are empty.
fn has(names: &HashSet<Vec<u8>>, name: &[u8]) -> bool {
    !names.is_empty() && names.contains(name)
}

fn has_suffix(whole: &[u8]) -> bool {
    SUFFIXES.iter().any(|suffix| whole.ends_with(suffix.as_bytes()))
}

/// Whether a name contains a stem. It has the letters of one first: most names do not.
fn has_stem(flat: &Flat) -> bool {
    const LETTERS: [u32; STEMS.len()] = {
        let mut all = [0; STEMS.len()];
        let mut number = 0;
        while number < STEMS.len() {
            let stem = STEMS[number].as_bytes();
            let mut at = 0;
            while at < stem.len() {
                all[number] |= letter(stem[at]);
                at += 1;
            }
            number += 1;
        }
        all
    };
    let letters = flat.all().iter().fold(0, |letters, &byte| letters | letter(byte));
    LETTERS.iter().zip(STEMS).any(|(of, stem)| of & !letters == 0 && contains(flat.all(), stem.as_bytes()))
}

/// A bit for a letter, shared with some other bytes.
const fn letter(byte: u8) -> u32 {
    1 << (byte & 31)
}

/// Whether a short text contains another; a searcher would take longer to build than to run.
fn contains(text: &[u8], part: &[u8]) -> bool {
    part.len() <= text.len() && text.windows(part.len().max(1)).any(|window| window == part)
}

fn trim_digits(word: &[u8]) -> &[u8] {
    let digits = word.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    &word[..word.len() - digits]
}

/// The letters and digits of a name in lower case, and where its words start, one bit each.
struct Flat {
    bytes: [u8; NAME_BYTES_MAX],
    starts: u128,
    length: usize,
}

impl Flat {
    fn new(name: &[u8]) -> Self {
        let mut flat = Self { bytes: [0; NAME_BYTES_MAX], starts: 0, length: 0 };
        let name = &name[name.len().saturating_sub(NAME_BYTES_MAX)..];
        let mut previous = b'-';
        for &byte in name {
            // Bytes of other scripts are letters; they are compared as they are.
            if byte.is_ascii_alphanumeric() || byte >= 0x80 {
                let hump = byte.is_ascii_uppercase() && previous.is_ascii_lowercase();
                let start = hump || !(previous.is_ascii_alphanumeric() || previous >= 0x80);
                flat.bytes[flat.length] = byte.to_ascii_lowercase();
                flat.starts |= u128::from(start) << flat.length;
                flat.length += 1;
            }
            previous = byte;
        }
        flat
    }

    fn all(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn words(&self) -> impl Iterator<Item = &[u8]> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let start = at;
            if start == self.length {
                return None;
            }
            // The start itself is no end; shifted out, the next one counts from zero.
            let rest = self.starts >> start >> 1;
            at = if rest == 0 { self.length } else { start + 1 + rest.trailing_zeros() as usize };
            Some(trim_digits(&self.bytes[start..at]))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::names::{NAMES, STEMS, SUFFIXES, WEAK_NAMES, WEAK_WORDS, WORDS};
    use super::{Kind, Names};

    fn kinds(names: &[&str]) -> Vec<(String, Kind)> {
        let table = Names::new(&[], &["Kunden-Nummer".to_owned()]);
        names.iter().map(|name| ((*name).to_owned(), table.field(name.as_bytes()))).collect()
    }

    #[test]
    fn secret_names() {
        for (name, kind) in kinds(&[
            "password",
            "Password",
            "PASSWORD",
            "userPassword",
            "user[password]",
            "password_confirmation",
            "password2",
            "userpassword",
            "new-password",
            "db.password",
            "access_token",
            "accessToken",
            "accesstoken",
            "id_token",
            "csrfmiddlewaretoken",
            "authenticity_token",
            "__RequestVerificationToken",
            "client_secret",
            "clientSecret",
            "api_key",
            "apiKey",
            "x-api-key",
            "api-key",
            "PHPSESSID",
            "JSESSIONID",
            "connect.sid",
            "sid",
            "jwt",
            "otp",
            "pin",
            "cvv",
            "cvv2",
            "cvc",
            "card_number",
            "cardNumber",
            "pan",
            "X-Amz-Signature",
            "sig",
            "pwd",
            "pass",
            "db_pass",
            "SAMLResponse",
            "private_key",
            "AWS_SECRET_ACCESS_KEY",
            "tokens",
            "refresh_tokens",
            "KundenNummer",
            "kunden_nummer",
            "credentials",
            "X-Amz-Security-Token",
            "X-Amz-Credential",
        ]) {
            assert_eq!(kind, Kind::Secret, "{name}");
        }
        for (name, kind) in kinds(&["auth", "session", "x-auth", "session_data", "card"]) {
            assert_eq!(kind, Kind::Weak, "{name}");
        }
    }

    #[test]
    fn names_that_stay() {
        for (name, kind) in kinds(&[
            "author",
            "authority",
            "authors",
            "x-request-id",
            "traceparent",
            "www-authenticate",
            "token_type",
            "token_endpoint",
            "max_tokens",
            "prompt_tokens",
            "totalTokens",
            "passenger",
            "compass",
            "keyboard",
            "key",
            "keys",
            "secretary",
            "tokenizer",
            "expires_in",
            "pint",
            "span",
            "side",
            "design",
            "cardinality",
            "order",
            "auth_user",
            "session_timeout",
            "password_policy",
            "Access-Control-Allow-Credentials",
            "access_key_id",
            "sec-websocket-key",
            "idempotency-key",
            "code",
            "state",
            "panel",
            "assigned",
            "",
            "oauth_version",
        ]) {
            assert!(!kind.hides(), "{name} is {kind:?}");
        }
    }

    #[test]
    fn every_secret_name_is_found_by_its_pieces() {
        let pieces = Names::pieces(&[]);
        let lists = [WORDS, WEAK_WORDS, WEAK_NAMES, NAMES, SUFFIXES, STEMS];
        for name in lists.into_iter().flatten() {
            assert!(pieces.iter().any(|piece| name.contains(piece.as_str())), "{name}");
        }
    }
}
