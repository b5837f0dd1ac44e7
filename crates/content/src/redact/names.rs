//! Which names carry secrets: the built-in lists, each with its reason, and the one function that judges a name.
//!
//! A name is judged by its words (`user[newPassword]` is user, new, password), then as a whole without separators
//! (`phpsessid`), then by what it contains or ends with (`userpassword`). Case never matters; neither do trailing
//! digits of a word (`password2`). Adding a name is one line here, and a higher
//! [`RULES_VERSION`](super::RULES_VERSION).

use std::collections::HashSet;

/// What the value beside a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// No secret by its name.
    Plain,
    /// No secret, even inside something that is one: user names, kinds, times.
    Kept,
    /// A secret where it is a single value; a container under this name is judged by the names in it.
    Weak,
    /// A secret, and everything under it.
    Secret,
    /// Credentials with a scheme in front.
    Authorization,
    /// `name=value; name=value`.
    Cookie,
    /// `name=value; Attribute=value`.
    SetCookie,
}

impl Kind {
    /// The value beside this name is not shown.
    pub(super) fn hides(self) -> bool {
        !matches!(self, Self::Plain | Self::Kept)
    }
}

/// Words that make any name with them secret: passwords, bearer tokens, one-time codes, forgery tokens.
#[rustfmt::skip]
const WORDS: &[&str] = &[
    "apikey", "apikeys", "apitoken", "authorization", "cookie", "cookies", "credential", "credentials", "creds",
    "csrf", "cvc", "cvv", "hmac", "jwt", "otp", "passcode", "passphrase", "passwd", "passwort", "password",
    "passwords", "pwd", "secret", "secrets", "signature", "token", "tokens", "totp", "xsrf",
];

/// Words that name a secret or a group of things around one: `auth` may be a token or `{"user", "password"}`.
const WEAK_WORDS: &[&str] = &["auth", "session"];

/// Whole names (without separators) that are secret values, but contain other things often enough when groups.
const WEAK_NAMES: &[&str] = &["card", "cc"];

/// Whole names, without separators. Cards: numbers and their check values. Sessions: the cookies of the usual
/// frameworks, wherever they travel. Sign-in: SAML and OAuth proofs that can be replayed. Cloud: keys whose names
/// carry no telling word.
#[rustfmt::skip]
const NAMES: &[&str] = &[
    "assertion", "cardcode", "cardno", "cardnum", "cardnumber", "ccnum", "ccnumber", "clientassertion",
    "codeverifier", "connectsid", "creditcard", "creditcardnumber", "csc", "cvn", "devicecode", "jsessionid",
    "mfacode", "pan", "pass", "phpsessid", "pin", "samlrequest", "samlresponse", "securitycode", "sessid",
    "sessionid", "sid", "sig", "verificationcode", "xfunctionskey",
];

/// Names that end so: written together (`userpass` is left to `pass`, a word), and keys that open something.
#[rustfmt::skip]
const SUFFIXES: &[&str] = &[
    "accesskey", "accountkey", "apikey", "authkey", "encryptionkey", "masterkey", "privatekey", "secretkey", "sessid",
    "sessionid", "sessionkey", "sharedkey", "signingkey", "sshkey", "subscriptionkey", "token",
];

/// Names that contain these are secret, however they are written together.
const STEMS: &[&str] = &["apikey", "credential", "passphrase", "passwd", "password", "passwort", "secret"];

/// Secret in queries and forms only: elsewhere `key` is any name of any pair.
const QUERY_NAMES: &[&str] = &["key"];

/// A last word that says that the name is about a secret and does not hold one (`token_type`, `auth_user`).
#[rustfmt::skip]
const ABOUT: &[&str] = &[
    "alg", "algorithm", "allowed", "at", "budget", "changed", "class", "count", "created", "email", "enabled",
    "endpoint", "error", "errors", "exp", "expired", "expires", "expiry", "field", "header", "input", "issuer",
    "kind", "length", "level", "limit", "login", "method", "mode", "name", "names", "policy", "provider", "realm",
    "remaining", "required", "scheme", "scope", "scopes", "size", "state", "status", "strength", "timeout", "ttl",
    "type", "types", "updated", "uri", "url", "usage", "used", "user", "username", "version",
];

/// Words beside `tokens` that make it a count: language models count in tokens.
#[rustfmt::skip]
const COUNTED: &[&str] = &[
    "accepted", "audio", "cache", "cached", "completion", "input", "max", "min", "n", "num", "output", "predicted",
    "prompt", "reasoning", "rejected", "text", "total",
];

/// Whole names that look secret and are not: flags of CORS, the public half of a key pair, words of prose.
#[rustfmt::skip]
const DECOYS: &[&str] = &[
    "accesscontrolallowcredentials", "accesscontrolallowheaders", "accesscontrolexposeheaders",
    "accesscontrolrequestheaders", "accesskeyid", "awsaccesskeyid", "clearsitedata", "secretariat", "secretary",
    "tokenexpiresin",
];

/// Names inside a secret group that stay: law 8 keeps the user, and a kind or a time opens nothing.
#[rustfmt::skip]
const KEPT: &[&str] = &[
    "alg", "clientid", "email", "exp", "expires", "expiresat", "expiresin", "iat", "id", "issuedat", "kind", "login",
    "name", "namespace", "scope", "tokentype", "type", "user", "userid", "username", "version",
];

/// Literal pieces that every secret name contains, for the search in free text.
#[rustfmt::skip]
const PIECES: &[&str] = &[
    "pass", "pwd", "secret", "token", "key", "cred", "auth", "sess", "cookie", "signature", "csrf", "xsrf", "jwt",
    "otp", "cvv", "cvc", "cvn", "csc", "hmac", "sid", "sig", "pin", "pan", "card", "ccnum", "cc", "saml", "assertion",
    "verifi", "device", "mfa", "security", "code",
];

/// Tokens that say by their first letters who issued them: (prefix, shortest rest). Case matters.
pub(super) const ISSUED: &[(&str, usize)] = &[
    ("AIza", 30),
    ("ghp_", 16),
    ("gho_", 16),
    ("ghs_", 16),
    ("ghu_", 16),
    ("github_pat_", 16),
    ("glpat-", 16),
    ("rk_live_", 16),
    ("sk-ant-", 16),
    ("sk_live_", 16),
    ("xoxb-", 16),
    ("xoxp-", 16),
];

/// Schemes of `Authorization` that stay in front of what they introduce: the IANA registry and what is in wide use.
/// The second field says that parameters follow (`name=value, ...`), not one token.
pub(super) const SCHEMES: &[(&str, bool)] = &[
    ("apikey", false),
    ("aws4-hmac-sha256", true),
    ("aws4-ecdsa-p256-sha256", true),
    ("basic", false),
    ("bearer", false),
    ("concealed", true),
    ("digest", true),
    ("dpop", false),
    ("gnap", false),
    ("googlelogin", true),
    ("hawk", true),
    ("hoba", true),
    ("jwt", false),
    ("key", false),
    ("mutual", true),
    ("negotiate", false),
    ("ntlm", false),
    ("oauth", true),
    ("privatetoken", true),
    ("scram-sha-1", true),
    ("scram-sha-256", true),
    ("signature", true),
    ("splunk", false),
    ("ssws", false),
    ("token", false),
    ("vapid", true),
];

/// Parameters of credentials that stay: who asks for what and how. All others go, known or not.
#[rustfmt::skip]
pub(super) const AUTH_PARAMETERS_KEPT: &[&str] = &[
    "algorithm", "charset", "created", "credential", "expires", "headers", "keyid", "nc", "oauth_consumer_key",
    "oauth_signature_method", "oauth_timestamp", "oauth_version", "qop", "realm", "signedheaders", "uri", "userhash",
    "username", "username*",
];

/// Attributes of `Set-Cookie` that stay (RFC 6265 and its successor, and what browsers added). All others go.
#[rustfmt::skip]
pub(super) const COOKIE_ATTRIBUTES: &[&str] = &[
    "comment", "domain", "expires", "httponly", "max-age", "partitioned", "path", "priority", "samesite", "secure",
    "version",
];

/// Headers whose value is a URL.
#[rustfmt::skip]
pub(super) const URL_HEADERS: &[&str] = &[
    ":path", "content-location", "destination", "location", "origin", "referer", "referrer", "x-accel-redirect",
    "x-forwarded-uri", "x-original-uri", "x-original-url", "x-rewrite-url",
];

/// Headers that describe how to sign in and hold no credentials of anybody: never touched.
pub(super) const CHALLENGES: &[&str] = &["proxy-authenticate", "www-authenticate"];

/// The most bytes of a name that are looked at, from its end: what matters stands there.
const NAME_BYTES_MAX: usize = 96;

/// Judges names by the built-in lists and the configured ones.
#[derive(Debug)]
pub(super) struct Names {
    headers: HashSet<Vec<u8>>,
    fields: HashSet<Vec<u8>>,
}

impl Names {
    pub(super) fn new(headers: &[String], fields: &[String]) -> Self {
        let flat = |names: &[String]| names.iter().map(|name| Flat::new(name.as_bytes()).all().to_vec()).collect();
        Self { headers: flat(headers), fields: flat(fields) }
    }

    /// Judges the name of a field of JSON, XML, a form part, a pair in text.
    pub(super) fn field(&self, name: &[u8]) -> Kind {
        let flat = Flat::new(name);
        if self.fields.contains(flat.all()) { Kind::Secret } else { judge(&flat) }
    }

    /// Judges the name of a parameter of a query, a fragment or a form. `code` is the caller's matter.
    pub(super) fn parameter(&self, name: &[u8]) -> Kind {
        match self.field(name) {
            Kind::Plain if holds(QUERY_NAMES, Flat::new(name).all()) => Kind::Secret,
            kind => kind,
        }
    }

    /// Judges the name of a header.
    pub(super) fn header(&self, name: &[u8]) -> Kind {
        let flat = Flat::new(name);
        if self.headers.contains(flat.all()) { Kind::Secret } else { judge(&flat) }
    }

    /// Whether a name that is not secret could be a word of one that is: `key` of `api key`.
    pub(super) fn may_be_part(&self, name: &[u8]) -> bool {
        let flat = Flat::new(name);
        let within = |whole: &[u8]| contains(whole, flat.all());
        let listed = || NAMES.iter().chain(SUFFIXES).chain(STEMS).any(|entry| within(entry.as_bytes()));
        listed() || self.fields.iter().any(|field| within(field))
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
}

/// Judges a name by the built-in lists.
fn judge(flat: &Flat) -> Kind {
    let all = flat.all();
    match all {
        b"authorization" | b"proxyauthorization" => return Kind::Authorization,
        b"authenticationinfo" | b"proxyauthenticationinfo" => return Kind::Authorization,
        b"cookie" | b"cookie2" => return Kind::Cookie,
        b"setcookie" | b"setcookie2" => return Kind::SetCookie,
        _ if all.is_empty() || holds(DECOYS, all) => return Kind::Plain,
        _ if holds(KEPT, all) => return Kind::Kept,
        _ => {}
    }
    let last = flat.last_word();
    if holds(ABOUT, last) || (last == b"tokens" && flat.words().any(|word| holds(COUNTED, word))) {
        return Kind::Plain;
    }
    let whole = trim_digits(all);
    let secret = last == b"pass"
        || flat.words().any(|word| holds(WORDS, word))
        || holds(NAMES, whole)
        || SUFFIXES.iter().any(|suffix| whole.ends_with(suffix.as_bytes()))
        || STEMS.iter().any(|stem| contains(all, stem.as_bytes()));
    let weak = || flat.words().any(|word| holds(WEAK_WORDS, word)) || holds(WEAK_NAMES, whole);
    match secret {
        true => Kind::Secret,
        false if weak() => Kind::Weak,
        false => Kind::Plain,
    }
}

/// Whether a list has a word.
pub(super) fn holds(list: &[&str], word: &[u8]) -> bool {
    list.iter().any(|entry| entry.as_bytes() == word)
}

/// Whether a short text contains another; a searcher would take longer to build than to run.
fn contains(text: &[u8], part: &[u8]) -> bool {
    part.len() <= text.len() && text.windows(part.len().max(1)).any(|window| window == part)
}

fn trim_digits(word: &[u8]) -> &[u8] {
    let digits = word.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    &word[..word.len() - digits]
}

/// The letters and digits of a name in lower case, and where its words start.
struct Flat {
    bytes: [u8; NAME_BYTES_MAX],
    starts: [bool; NAME_BYTES_MAX],
    length: usize,
}

impl Flat {
    fn new(name: &[u8]) -> Self {
        let mut flat = Self { bytes: [0; NAME_BYTES_MAX], starts: [false; NAME_BYTES_MAX], length: 0 };
        let name = &name[name.len().saturating_sub(NAME_BYTES_MAX)..];
        let mut previous = b'-';
        for &byte in name {
            // Bytes of other scripts are letters; they are compared as they are.
            if byte.is_ascii_alphanumeric() || byte >= 0x80 {
                let hump = byte.is_ascii_uppercase() && previous.is_ascii_lowercase();
                flat.bytes[flat.length] = byte.to_ascii_lowercase();
                flat.starts[flat.length] = hump || !(previous.is_ascii_alphanumeric() || previous >= 0x80);
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
            at += 1;
            while at < self.length && !self.starts[at] {
                at += 1;
            }
            Some(trim_digits(&self.bytes[start..at]))
        })
    }

    fn last_word(&self) -> &[u8] {
        self.words().filter(|word| !word.is_empty()).last().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
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
        let lists = [super::WORDS, super::WEAK_WORDS, super::WEAK_NAMES, super::NAMES, super::SUFFIXES, super::STEMS];
        for name in lists.into_iter().flatten() {
            assert!(pieces.iter().any(|piece| name.contains(piece.as_str())), "{name}");
        }
    }
}
