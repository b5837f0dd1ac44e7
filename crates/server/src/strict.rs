//! Request bodies and query strings, read strictly: the right type, no unknown key, no key twice, bounded in size and depth.

use std::collections::HashSet;
use std::fmt;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header;
use axum::http::request::Parts;
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::app::App;
use crate::problem::Problem;

/// A JSON body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        require_json(&request)?;
        let body = read(request, app.config.limits.body_bytes, app.config.limits.request_time).await?;
        parse(&body).map(Self)
    }
}

fn require_json(request: &Request) -> Result<(), Problem> {
    let given = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = given.split(';').next().unwrap_or_default().trim();
    if media.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Problem::new("bad-content-type", "send the body as Content-Type: application/json"))
}

/// A whole body of at most `max` bytes.
pub(crate) async fn read(request: Request, max: usize, time: std::time::Duration) -> Result<Bytes, Problem> {
    let collected = tokio::time::timeout(time, Limited::new(request.into_body(), max).collect()).await;
    match collected {
        Err(_) => Err(Problem::new("request-timeout", format!("the body did not come within {} s", time.as_secs()))),
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(Problem::new("too-large", format!("the body is over {max} bytes")))
        }
        Ok(Err(_)) => Err(Problem::new("bad-request", "the body ended before it was whole")),
    }
}

/// Reads JSON; nesting is bounded by the reader.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let bad = |error: serde_json::Error| {
        Problem::new("bad-request", format!("the body is not as expected: {error}")).at("body")
    };
    // A list of values would pass for the fields of a struct, in their order.
    if body.trim_ascii_start().first().is_some_and(|byte| *byte == b'[') {
        return Err(Problem::new("bad-request", "the body is not as expected: it is a list, not an object").at("body"));
    }
    serde_json::from_slice::<Unique>(body).map_err(bad)?;
    serde_json::from_slice(body).map_err(bad)
}

/// The query string. Unknown and repeated parameters are refused by the types.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Params<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<App> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, Problem> {
        let read = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        read.map(|query| Self(query.0)).map_err(|error| {
            // Its own words stand in front of the reason.
            let text = error.body_text();
            let reason = text.split_once(": ").map_or(&*text, |(_, reason)| reason);
            Problem::new("bad-request", format!("the query string is not as expected: {reason}")).at("query")
        })
    }
}

/// Any JSON without an object that has a key twice.
struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            map.next_value::<Self>()?;
            if let Some(twice) = seen.replace(key) {
                let shown: String = twice.chars().take(60).collect();
                return Err(A::Error::custom(format_args!("the key `{shown}` is there twice")));
            }
        }
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Body {
        limit: u32,
        inner: Option<Box<Body>>,
    }

    #[test]
    fn json_is_read_strictly() {
        for (text, expected) in [
            ("{\"limit\":5}", ""),
            ("{\"limit\":5,\"limit\":5}", "the key `limit` is there twice"),
            ("{\"inner\":{\"limit\":1,\"limit\":2}}", "there twice"),
            ("{\"limits\":5}", "unknown field `limits`"),
            ("{\"limit\":\"5\"}", "invalid type"),
            ("{\"limit\":-1}", "invalid value"),
            ("{\"limit\":5} x", "trailing characters"),
            ("", "EOF"),
            (" [5]", "it is a list"),
            ("\u{feff}{}", "expected value"),
        ] {
            match parse::<Body>(text.as_bytes()) {
                Ok(_) => assert_eq!(expected, "", "{text}"),
                Err(problem) => assert!(!expected.is_empty() && problem.detail.contains(expected), "{problem:?}"),
            }
        }
        let deep = format!("{}{}", "{\"inner\":".repeat(5000), "1");
        assert!(parse::<Body>(deep.as_bytes()).expect_err("too deep").detail.contains("recursion"));
    }
}
