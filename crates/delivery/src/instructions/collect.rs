//! What an agent collects beside packets. On by default as far as it needs no credentials.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Wrong;

/// Logs that are named.
const LOGS_MAX: usize = 256;
/// Bytes of a path, a name, an expression.
const TEXT_BYTES_MAX: usize = 4096;
/// Metrics of a rule, labels of a metric.
const METRICS_MAX: usize = 64;

/// Servers of a kind.
const SERVERS_MAX: usize = 64;
const NO_SECRETS: &str = "a password has no place in a configuration, which the server keeps and shows: write it into a file on the agent's \
                          host and name that file";

/// What is collected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Collect {
    /// CPU, memory, disks, network of the host.
    pub system: bool,
    /// Its processes.
    pub process: bool,
    /// Its TCP connections.
    pub tcp: bool,
    /// The logs that the configuration of its nginx names.
    pub nginx: bool,
    /// Further logs.
    pub logs: Vec<CollectedLog>,
    /// PostgreSQL servers.
    pub postgresql: Vec<Database>,
    /// Redis servers.
    pub redis: Vec<RedisServer>,
    /// Addresses that are asked for: http or https, a host, a path such as `/health`.
    pub checks: Vec<String>,
    /// Networks whose addresses have series of their own among the peers of TCP connections, beside all private ones: `203.0.113.0/24`.
    // Not told where there is none: agents of before 2026-11-23 do not know it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<String>,
}

impl Default for Collect {
    fn default() -> Self {
        Self { system: true, process: true, tcp: true, nginx: true, ..Self::nothing() }
    }
}

impl Collect {
    /// Nothing.
    #[must_use]
    pub const fn nothing() -> Self {
        Self {
            system: false,
            process: false,
            tcp: false,
            nginx: false,
            logs: Vec::new(),
            postgresql: Vec::new(),
            redis: Vec::new(),
            checks: Vec::new(),
            networks: Vec::new(),
        }
    }

    /// The networks that are told: an address of each, and how many of its leading bits count.
    ///
    /// # Errors
    /// One of them is none.
    pub fn own_networks(&self) -> Result<Vec<(IpAddr, u8)>, String> {
        let network = |(at, text): (usize, &String)| {
            network(text).ok_or_else(|| {
                let text = text.escape_debug();
                format!("[{at}]: `{text}` is no network; one such as 203.0.113.0/24, or an address alone, is expected")
            })
        };
        self.networks.iter().enumerate().map(network).collect()
    }

    /// Whether there is anything to collect.
    #[must_use]
    pub fn is_anything(&self) -> bool {
        *self != Self::nothing()
    }

    /// Whether an agent can follow its logs, but for what formats and rules mean.
    ///
    /// # Errors
    /// It cannot.
    pub(super) fn check(&self) -> Result<(), Wrong> {
        let wrong = |detail: String| Err(Wrong { field: "collect.logs", detail });
        if self.logs.len() > LOGS_MAX {
            return wrong(format!("at most {LOGS_MAX}"));
        }
        for log in &self.logs {
            if !log.file.starts_with('/') || log.file.len() > TEXT_BYTES_MAX {
                return wrong(format!("`{}` is no absolute path", log.file.escape_debug()));
            }
            if log.access.is_some() == log.rule.is_some() {
                return wrong(format!(
                    "{}: either `access` or `rule` says what its lines are",
                    log.file.escape_debug()
                ));
            }
            let many = |rule: &LogRule| {
                let labels = rule.metrics.iter().map(|metric| metric.labels.len()).max().unwrap_or(0);
                rule.expression.len() > TEXT_BYTES_MAX || rule.metrics.len() > METRICS_MAX || labels > METRICS_MAX
            };
            if log.rule.as_ref().is_some_and(many) {
                return wrong(format!("{}: the rule is too large", log.file.escape_debug()));
            }
        }
        Ok(())
    }
}

/// What of it an agent can ask: servers and addresses, without any secret.
impl Collect {
    /// Whether an agent can ask these databases.
    ///
    /// # Errors
    /// It cannot.
    pub(super) fn check_postgresql(&self) -> Result<(), Wrong> {
        let wrong = |detail: String| Err(Wrong { field: "collect.postgresql", detail });
        if self.postgresql.len() > SERVERS_MAX {
            return wrong(format!("at most {SERVERS_MAX}"));
        }
        for (at, database) in self.postgresql.iter().enumerate() {
            let Database { connection, name, password, ca_file } = database;
            if !is_text(connection) || !name.as_deref().is_none_or(is_text) {
                return wrong(format!("[{at}]: connection and name are texts of 1 to {TEXT_BYTES_MAX} bytes"));
            }
            if has_password(connection) {
                return wrong(format!("[{at}]: {NO_SECRETS}"));
            }
            let authority = Secret { file: ca_file.clone(), env: None };
            password.check().and_then(|()| authority.check()).or_else(|why| wrong(format!("[{at}]: {why}")))?;
        }
        Ok(())
    }

    /// Whether an agent can ask these servers.
    ///
    /// # Errors
    /// It cannot.
    pub(super) fn check_redis(&self) -> Result<(), Wrong> {
        let wrong = |detail: String| Err(Wrong { field: "collect.redis", detail });
        if self.redis.len() > SERVERS_MAX {
            return wrong(format!("at most {SERVERS_MAX}"));
        }
        for (at, server) in self.redis.iter().enumerate() {
            let place = server.address.rsplit_once(':');
            let fits =
                place.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0));
            if !fits || !is_text(&server.address) || server.address.contains(['@', '/', ' ']) {
                return wrong(format!("[{at}]: an address with its port is expected, such as 127.0.0.1:6379"));
            }
            server.password.check().or_else(|why| wrong(format!("[{at}]: {why}")))?;
        }
        Ok(())
    }

    /// Whether an agent can ask for these addresses.
    ///
    /// # Errors
    /// It cannot.
    pub(super) fn check_checks(&self) -> Result<(), Wrong> {
        let wrong = |detail: String| Err(Wrong { field: "collect.checks", detail });
        if self.checks.len() > SERVERS_MAX {
            return wrong(format!("at most {SERVERS_MAX}"));
        }
        match self.checks.iter().enumerate().find(|(_, url)| {
            let web = url.starts_with("http://") || url.starts_with("https://");
            !web || !is_text(url) || url.contains(['@', ' '])
        }) {
            Some((at, _)) => wrong(format!(
                "[{at}]: one such as https://www.example.com/health is expected, without a name and password"
            )),
            None => Ok(()),
        }
    }

    /// Whether its networks are some.
    ///
    /// # Errors
    /// They are not.
    pub(super) fn check_networks(&self) -> Result<(), Wrong> {
        let wrong = |detail: String| Err(Wrong { field: "collect.networks", detail });
        if self.networks.len() > SERVERS_MAX {
            return wrong(format!("at most {SERVERS_MAX}"));
        }
        self.own_networks().map(drop).or_else(wrong)
    }
}

/// `203.0.113.0/24`, or an address alone.
fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let address: IpAddr = address.parse().ok()?;
    let all = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.map_or(Some(all), |bits| bits.parse().ok())?;
    (bits <= all).then_some((address, bits))
}

fn is_text(text: &str) -> bool {
    (1..=TEXT_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// Whether the text of a connection holds a password: `password=…` or `postgresql://name:password@host`.
fn has_password(connection: &str) -> bool {
    let lower = connection.to_ascii_lowercase();
    let keyword =
        lower.match_indices("password").any(|(at, word)| lower[at + word.len()..].trim_start().starts_with('='));
    let user = lower.split_once("://").and_then(|(_, rest)| rest.split(['/', '?']).next()?.rsplit_once('@'));
    keyword || user.is_some_and(|(user, _)| user.contains(':'))
}

/// A PostgreSQL server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// `host=/run/postgresql user=arachne dbname=shop`, or a URL; no password.
    pub connection: String,
    /// What it is called in series; host and port where that is left out.
    pub name: Option<String>,
    /// Where its password is.
    pub password: Secret,
    /// The name of a file in the agent's folder of secrets with the authority (PEM) that signs its certificate: then it is talked to
    /// over TLS alone.
    pub ca_file: Option<String>,
}

/// A Redis server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RedisServer {
    /// Host and port.
    pub address: String,
    /// Where its password is.
    pub password: Secret,
}

/// Where the agent finds a secret on its own host. The secret itself is never part of a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Secret {
    /// The name of a file in the agent's folder of secrets, whose first line it is.
    pub file: Option<String>,
    /// A variable of the agent's environment; its name begins with `ARACHNE_SECRET_`.
    pub env: Option<String>,
}

/// What variables with secrets are called: nobody is to send any other variable of an agent to a server of their choice.
pub const SECRET_ENV: &str = "ARACHNE_SECRET_";

impl Secret {
    /// Whether it can be.
    fn check(&self) -> Result<(), String> {
        let word =
            |text: &str, more: &[u8]| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte));
        if self.file.is_some() && self.env.is_some() {
            return Err("its password is in a file or in a variable, not in both".to_owned());
        }
        if let Some(file) = &self.file
            && !((1..=255).contains(&file.len()) && word(file, b"._-") && !file.starts_with('.'))
        {
            return Err(format!("`{}` is no name of a file in the agent's folder of secrets", file.escape_debug()));
        }
        if let Some(env) = &self.env
            && !(env.len() <= 255 && env.starts_with(SECRET_ENV) && word(env, b"_"))
        {
            return Err(format!(
                "`{}` is no variable for a secret: its name begins with {SECRET_ENV}",
                env.escape_debug()
            ));
        }
        Ok(())
    }
}

/// A log that is followed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct CollectedLog {
    /// Its path; may have wildcards.
    pub file: String,
    /// What writes it.
    pub service: Option<String>,
    /// Its lines are requests.
    pub access: Option<AccessLog>,
    /// Its lines are what a rule says.
    pub rule: Option<LogRule>,
}

/// An access log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct AccessLog {
    /// The name of a format, or its text as nginx or Apache have it.
    pub format: String,
    /// Requests below so many nanoseconds are fast; 500 ms where it is 0.
    pub fast_ns: u64,
    /// Those below so many are medium; 1 s where it is 0.
    pub medium_ns: u64,
    /// Templates of requests that wait for events.
    pub long_polls: Vec<String>,
    /// Templates with series of their own; 256 where it is 0.
    pub templates: u32,
}

/// A rule for lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct LogRule {
    /// Its name.
    pub name: String,
    /// Where fields come from.
    pub source: LogSource,
    /// The expression, where they come from one.
    pub expression: String,
    /// The field with the time.
    pub time_field: Option<String>,
    /// The layout of it.
    pub time_format: Option<String>,
    /// The offset of times without one.
    pub timezone: String,
    /// A field that is a list of `name=value`.
    pub each: Option<String>,
    /// Names in it that are passed over.
    pub each_skip: Vec<String>,
    /// What is counted.
    pub metrics: Vec<LogMetric>,
}

/// Where the fields of a line come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LogSource {
    /// The groups of an expression.
    #[default]
    Regex,
    /// The same with `%{NAME:group}` in it.
    Grok,
    /// `name=value` anywhere.
    KeyValue,
    /// A JSON object.
    Json,
}

/// A metric of a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct LogMetric {
    /// Its name.
    pub name: String,
    /// Whether the distribution of values is kept, rather than how much came per second.
    pub percentiles: bool,
    /// `field` or `transform:field`.
    pub value: Option<String>,
    /// Percentiles to show, in hundredths of a percent.
    pub percents: Vec<u16>,
    /// Labels: name, and `=field` or text.
    pub labels: Vec<LogLabel>,
}

/// A label of a metric.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct LogLabel {
    /// Its name.
    pub name: String,
    /// `=field` or text.
    pub value: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_followed() {
        let rule = Some(LogRule::default());
        let log = |file: &str, rule: &Option<LogRule>| CollectedLog {
            file: file.into(),
            rule: rule.clone(),
            ..CollectedLog::default()
        };
        let collect = |log: CollectedLog| Collect { logs: vec![log], ..Collect::default() };
        assert!(collect(log("/a.log", &rule)).check().is_ok());
        assert!(collect(log("a.log", &rule)).check().is_err());
        assert!(collect(log("/a.log", &None)).check().is_err());
        let both = CollectedLog { access: Some(AccessLog::default()), ..log("/a.log", &rule) };
        assert!(collect(both).check().is_err());
        let many = LogRule { metrics: vec![LogMetric::default(); 65], ..LogRule::default() };
        assert!(collect(log("/a.log", &Some(many))).check().is_err());
    }

    #[test]
    fn no_secret_is_part_of_it() {
        let database = |connection: &str| Collect {
            postgresql: vec![Database { connection: connection.into(), ..Database::default() }],
            ..Collect::default()
        };
        for good in
            ["host=/run/postgresql user=arachne", "postgresql://arachne@db:5432/shop", "postgresql://db/shop?user=a"]
        {
            assert_eq!(database(good).check_postgresql(), Ok(()), "{good}");
        }
        for bad in [
            "",
            "host=a password=secret",
            "host=a PASSWORD = secret",
            "postgresql://arachne:secret@db/shop",
            "postgresql://db/shop?user=a&password=secret",
            "host=a\nuser=b",
        ] {
            let error = database(bad).check_postgresql().expect_err(bad).to_string();
            assert!(!error.contains("=secret") && !error.contains(":secret"), "{error}");
        }
        let redis = |address: &str, file: Option<&str>, env: Option<&str>| {
            let password = Secret { file: file.map(str::to_owned), env: env.map(str::to_owned) };
            Collect { redis: vec![RedisServer { address: address.into(), password }], ..Collect::default() }
                .check_redis()
        };
        assert!(redis("127.0.0.1:6379", Some("redis.password"), None).is_ok());
        assert!(redis("[::1]:6379", None, Some("ARACHNE_SECRET_REDIS")).is_ok());
        assert!(redis("localhost", None, None).is_err() && redis("redis://a:1", None, None).is_err());
        for (file, env) in [
            (Some("/etc/shadow"), None),
            (Some("../key"), None),
            (Some(".hidden"), None),
            (None, Some("HOME")),
            (Some("a"), Some("ARACHNE_SECRET_A")),
        ] {
            assert!(redis("a:1", file, env).is_err(), "{file:?} {env:?}");
        }
        let networks = |text: &str| Collect { networks: vec![text.into()], ..Collect::default() };
        let told =
            [("203.0.113.0/24", 24), ("198.51.100.7", 32), ("2001:db8::/32", 32), ("0.0.0.0/0", 0), ("::1", 128)];
        for (text, bits) in told {
            let own = networks(text).own_networks();
            assert_eq!(own.map(|own| own.iter().map(|(_, bits)| *bits).collect()), Ok(vec![bits]), "{text}");
            assert_eq!(networks(text).check_networks(), Ok(()));
        }
        for text in
            ["", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/", "10.0.0.0/8/8", "shop.example", "10.0.0.0/-1"]
        {
            let wrong = networks(text).check_networks().expect_err(text);
            assert!(wrong.detail.starts_with("[0]: ") && wrong.detail.contains("203.0.113.0/24"), "{}", wrong.detail);
        }
        let check = |url: &str| Collect { checks: vec![url.into()], ..Collect::default() }.check_checks();
        assert!(check("https://a/health?x=1").is_ok());
        assert!(["ftp://a", "https://me:secret@a/", "a"].iter().all(|url| check(url).is_err()));
    }

    #[test]
    fn an_empty_one_is_the_default() {
        assert_eq!(serde_json::from_str::<Collect>("{}").expect("all have defaults"), Collect::default());
        assert!(Collect::default().is_anything() && !Collect::nothing().is_anything());
    }
}
