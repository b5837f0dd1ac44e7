//! Which names carry secrets: the built-in lists, each with its reason.
//!
//! How a name is judged by them stands in [`judge`](super::judge). Adding a name is one line here, and a higher
//! [`RULES_VERSION`](super::RULES_VERSION).

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
pub(super) const WORDS: &[&str] = &[
    "apikey", "apikeys", "apitoken", "authorization", "cookie", "cookies", "credential", "credentials", "creds",
    "csrf", "cvc", "cvv", "hmac", "jwt", "otp", "passcode", "passphrase", "passwd", "passwort", "password",
    "passwords", "pwd", "secret", "secrets", "signature", "token", "tokens", "totp", "xsrf",
];

/// Words that name a secret or a group of things around one: `auth` may be a token or `{"user", "password"}`.
pub(super) const WEAK_WORDS: &[&str] = &["auth", "session"];

/// Whole names (without separators) that are secret values, but contain other things often enough when groups.
pub(super) const WEAK_NAMES: &[&str] = &["card", "cc"];

/// Whole names, without separators. Cards: numbers and their check values. Sessions: the cookies of the usual
/// frameworks, wherever they travel. Sign-in: SAML and OAuth proofs that can be replayed. Cloud: keys whose names
/// carry no telling word.
#[rustfmt::skip]
pub(super) const NAMES: &[&str] = &[
    "assertion", "cardcode", "cardno", "cardnum", "cardnumber", "ccnum", "ccnumber", "clientassertion",
    "codeverifier", "connectsid", "creditcard", "creditcardnumber", "csc", "cvn", "devicecode", "jsessionid",
    "mfacode", "pan", "pass", "phpsessid", "pin", "samlrequest", "samlresponse", "securitycode", "sessid",
    "sessionid", "sid", "sig", "verificationcode", "xfunctionskey",
];

/// Names that end so: written together (`userpass` is left to `pass`, a word), and keys that open something.
#[rustfmt::skip]
pub(super) const SUFFIXES: &[&str] = &[
    "accesskey", "accountkey", "apikey", "authkey", "encryptionkey", "masterkey", "privatekey", "secretkey", "sessid",
    "sessionid", "sessionkey", "sharedkey", "signingkey", "sshkey", "subscriptionkey", "token",
];

/// Names that contain these are secret, however they are written together.
pub(super) const STEMS: &[&str] = &["apikey", "credential", "passphrase", "passwd", "password", "passwort", "secret"];

/// Secret in queries and forms only: elsewhere `key` is any name of any pair.
pub(super) const QUERY_NAMES: &[&str] = &["key"];

/// A last word that says that the name is about a secret and does not hold one (`token_type`, `auth_user`).
#[rustfmt::skip]
pub(super) const ABOUT: &[&str] = &[
    "alg", "algorithm", "allowed", "at", "budget", "changed", "class", "count", "created", "email", "enabled",
    "endpoint", "error", "errors", "exp", "expired", "expires", "expiry", "field", "header", "input", "issuer",
    "kind", "length", "level", "limit", "login", "method", "mode", "name", "names", "policy", "provider", "realm",
    "remaining", "required", "scheme", "scope", "scopes", "size", "state", "status", "strength", "timeout", "ttl",
    "type", "types", "updated", "uri", "url", "usage", "used", "user", "username", "version",
];

/// Words beside `tokens` that make it a count: language models count in tokens.
#[rustfmt::skip]
pub(super) const COUNTED: &[&str] = &[
    "accepted", "audio", "cache", "cached", "completion", "input", "max", "min", "n", "num", "output", "predicted",
    "prompt", "reasoning", "rejected", "text", "total",
];

/// Whole names that look secret and are not: flags of CORS, the public half of a key pair, words of prose.
#[rustfmt::skip]
pub(super) const DECOYS: &[&str] = &[
    "accesscontrolallowcredentials", "accesscontrolallowheaders", "accesscontrolexposeheaders",
    "accesscontrolrequestheaders", "accesskeyid", "awsaccesskeyid", "clearsitedata", "secretariat", "secretary",
    "tokenexpiresin",
];

/// Names inside a secret group that stay: law 8 keeps the user, and a kind or a time opens nothing.
#[rustfmt::skip]
pub(super) const KEPT: &[&str] = &[
    "alg", "clientid", "email", "exp", "expires", "expiresat", "expiresin", "iat", "id", "issuedat", "kind", "login",
    "name", "namespace", "scope", "tokentype", "type", "user", "userid", "username", "version",
];

/// Literal pieces that every secret name contains, for the search in free text.
#[rustfmt::skip]
pub(super) const PIECES: &[&str] = &[
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

/// Headers with URLs among other things.
pub(super) const HEADERS_WITH_URLS: &[&str] = &["link", "refresh"];

/// Headers that describe how to sign in and hold no credentials of anybody: never touched.
pub(super) const CHALLENGES: &[&str] = &["proxy-authenticate", "www-authenticate"];

/// Headers that most messages have: judged once, not in each of them. Any name may stand here.
#[rustfmt::skip]
pub(super) const COMMON_HEADERS: &[&str] = &[
    "accept", "accept-charset", "accept-encoding", "accept-language", "accept-ranges", "access-control-allow-origin",
    "age", "alt-svc", "authorization", "cache-control", "connection", "content-disposition", "content-encoding",
    "content-language", "content-length", "content-security-policy", "content-type", "cookie", "date", "dnt", "etag",
    "expires", "host", "if-modified-since", "if-none-match", "keep-alive", "last-modified", "p3p", "pragma",
    "priority", "range", "sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform", "sec-fetch-dest", "sec-fetch-mode",
    "sec-fetch-site", "sec-fetch-user", "server", "set-cookie", "strict-transport-security", "te", "traceparent",
    "tracestate", "transfer-encoding", "upgrade", "upgrade-insecure-requests", "user-agent", "vary", "via",
    "x-cache", "x-content-type-options", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto",
    "x-frame-options", "x-powered-by", "x-real-ip", "x-request-id", "x-requested-with", "x-xss-protection", ":authority", ":method", ":scheme", ":status",
];

/// Names and words that bodies are full of: judged once, not wherever they stand. Any name in lower case may stand here;
/// it pays for elements, attributes and words that look like the start of a secret name.
#[rustfmt::skip]
pub(super) const COMMON_NAMES: &[&str] = &[
    "access", "accessibility", "accessible", "accordion", "account", "accounts", "action", "alt", "aria-hidden",
    "aria-label", "assign", "author", "authors", "body", "br", "button", "card", "cards", "category", "charset",
    "class", "code", "colspan", "company", "consider", "content", "count", "data", "date", "decode", "description",
    "design", "device", "disabled", "div", "encode", "expand", "footer", "form", "head", "header", "height", "href",
    "html", "http-equiv", "id", "image", "img", "input", "inside", "item", "items", "keyboard", "keyframes", "keys",
    "keyword", "keywords", "label", "lang", "li", "link", "list", "main", "mapping", "meta", "name", "nav", "onclick",
    "outside", "p", "page", "panel", "path", "placeholder", "pre", "price", "property", "rel", "role", "script",
    "section", "shopping", "side", "sidebar", "sign", "signal", "signed", "significant", "size", "span", "spinner",
    "src", "srcset", "status", "strong", "style", "success", "svg", "table", "target", "td", "text", "th", "time",
    "title", "tr", "type", "typing", "ul", "unicode", "updated", "url", "value", "version", "width", "wrapping",
];

/// Whether a list has a name, in any case.
pub(super) fn holds_name(list: &[&[u8]], name: &[u8]) -> bool {
    list.iter().any(|entry| entry.eq_ignore_ascii_case(name))
}

/// Whether a list has a word.
pub(super) fn holds(list: &[&str], word: &[u8]) -> bool {
    list.iter().any(|entry| entry.as_bytes() == word)
}
