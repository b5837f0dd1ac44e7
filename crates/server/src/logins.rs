//! Logins of browsers: a cookie that stands for a token. Held in memory: a restart ends them, and so does the end of the token.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, header};

use crate::auth::{Caller, Tokens, hash};
use crate::connection::Way;
use crate::problem::Problem;
use crate::uploads::random_name;

/// How long a login holds, in seconds.
const SECONDS: i64 = 7 * 86_400;
/// Logins; the one that ends first gives way.
const LOGINS_MAX: usize = 10_000;

/// The logins of a server.
#[derive(Debug)]
pub(crate) struct Logins {
    cookie: String,
    open: Mutex<HashMap<String, Login>>,
}

/// Behind the hash of what the browser holds.
#[derive(Debug)]
struct Login {
    /// The token as it stands in `auth.json`.
    token: String,
    until: i64,
}

impl Logins {
    /// The name of the cookie is that of the data folder: cookies do not know ports, and servers on one machine must not
    /// take each other's.
    pub fn new(data: &Path) -> Self {
        let cookie = format!("arachne_{:08x}", crc32c::crc32c(data.as_os_str().as_encoded_bytes()));
        Self { cookie, open: Mutex::default() }
    }

    /// Begins a login with a valid `token` at `now` (nanoseconds since the Unix epoch): the header `Set-Cookie`.
    pub fn begin(&self, token: &str, way: Way, now: i64) -> Result<String, Problem> {
        let secret = random_name()?;
        let mut open = self.locked();
        open.retain(|_, login| login.until > now);
        if open.len() >= LOGINS_MAX {
            let first = open.iter().min_by_key(|(_, login)| login.until).map(|(key, _)| key.clone());
            first.map(|key| open.remove(&key));
        }
        open.insert(hash(&secret), Login { token: hash(token), until: now.saturating_add(SECONDS * 1_000_000_000) });
        Ok(self.header(&secret, way, SECONDS))
    }

    /// Who logged in, if the cookie of a request says so.
    pub fn caller(&self, headers: &HeaderMap, way: Way, tokens: &Tokens, now: i64) -> Option<Caller> {
        let key = hash(self.secret(headers, way)?);
        let token = self.locked().get(&key).filter(|login| login.until > now).map(|login| login.token.clone())?;
        tokens.by_hash(&token, now).map(|caller| Caller { login: true, ..caller })
    }

    /// Ends the login of a request, if it has one: the header `Set-Cookie`.
    pub fn end(&self, headers: &HeaderMap, way: Way) -> String {
        if let Some(secret) = self.secret(headers, way) {
            self.locked().remove(&hash(secret));
        }
        self.header("", way, 0)
    }

    /// Under TLS it is for this host alone and never sent in the clear (RFC 6265bis, section 4.1.3.2). No `Secure` without:
    /// that is plain HTTP on loopback, and not every browser takes it there.
    fn header(&self, secret: &str, way: Way, seconds: i64) -> String {
        let more = if way.tls { "Path=/; Secure" } else { "Path=/api/v1" };
        format!("{}={secret}; {more}; Max-Age={seconds}; HttpOnly; SameSite=Strict", self.name(way))
    }

    fn name(&self, way: Way) -> String {
        let prefix = if way.tls { "__Host-" } else { "" };
        format!("{prefix}{}", self.cookie)
    }

    fn secret<'a>(&self, headers: &'a HeaderMap, way: Way) -> Option<&'a str> {
        let ours = self.name(way);
        let given = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = given.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(name, _)| *name == ours).map(|(_, secret)| secret)
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<String, Login>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_login_ends_with_its_time_and_there_are_not_too_many() {
        let folder = tempfile::tempdir().expect("a folder");
        let (tokens, fresh) = Tokens::open(folder.path()).expect("a new file");
        let token = fresh.expect("the first start makes one");
        let logins = Logins::new(folder.path());
        let cookie = |set: &str| {
            let pair = set.split(';').next().expect("a pair").to_owned();
            let value = HeaderValue::from_str(&format!("other=1; {pair}; last=2")).expect("text");
            HeaderMap::from_iter([(header::COOKIE, value)])
        };
        let first = cookie(&logins.begin(&token, Way::default(), 0).expect("randomness"));
        let week = SECONDS * 1_000_000_000;
        assert!(logins.caller(&first, Way::default(), &tokens, week - 1).is_some_and(|caller| caller.login));
        assert_eq!(logins.caller(&first, Way::default(), &tokens, week), None, "it has ended");
        assert_eq!(logins.caller(&HeaderMap::new(), Way::default(), &tokens, 0), None);
        for at in 1..=LOGINS_MAX {
            logins.begin(&token, Way::default(), i64::try_from(at).expect("few")).expect("randomness");
        }
        assert_eq!(logins.locked().len(), LOGINS_MAX);
        assert_eq!(logins.caller(&first, Way::default(), &tokens, 1), None, "the oldest gave way");
    }
}
