//! The logs of nginx, as its configuration says: every `access_log` with its format, and every `error_log`.
//!
//! Tolerant: what it does not know it passes over. It follows `include` with wildcards, within bounds.
//! Source: nginx.org, "Configuration file syntax", ngx_http_log_module, ngx_core_module.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use arachne_aggregate::access::Format;
use arachne_aggregate::access::job::Settings;

use super::{LogSpec, What};
use crate::Missing;
use crate::tail::open_regular;

/// Where Debian and nginx's own packages write when the configuration says nothing.
const DEFAULT_ACCESS: &str = "/var/log/nginx/access.log";
/// Where packages have the configuration.
pub const USUAL: &str = "/etc/nginx/nginx.conf";
/// Files that are read. Policy: further ones are passed over, and that is told.
const FILES_MAX: usize = 512;
/// Bytes of all of them.
const BYTES_MAX: u64 = 4 << 20;
/// Files within files.
const DEPTH_MAX: usize = 8;
/// Hosts of one log that are services of their own. Policy: those that come later in the configuration are not told apart.
const HOSTS_MAX: usize = 64;
/// What a log's name says of its kind rather than of its site.
const KINDS: &[&str] = &["access", "error", "ssl", "log"];
/// What nginx itself is called, where a log is of no one site.
const SERVICE: &str = "nginx";

/// What was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// Logs.
    pub logs: Vec<LogSpec>,
    /// What cannot be read.
    pub missing: Vec<Missing>,
}

/// Where an nginx is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its configuration. What that includes is beside it.
    pub file: PathBuf,
    /// Where its logs are whose paths are not absolute; None for the folder of the configuration.
    pub prefix: Option<PathBuf>,
}

impl Place {
    /// A configuration whose logs are beside it, but for those with absolute paths.
    #[must_use]
    pub fn of(file: &Path) -> Self {
        Self { file: file.to_owned(), prefix: None }
    }
}

/// Reads the configuration at `place`; None where there is none.
#[must_use]
pub fn find(place: &Place) -> Option<Found> {
    place.file.exists().then(|| {
        let folder = place.file.parent().unwrap_or(Path::new("/")).to_owned();
        let logs = place.prefix.clone().unwrap_or_else(|| folder.clone());
        let mut reader = Reader { prefix: folder, logs, ..Reader::default() };
        reader.file(&place.file, 0);
        reader.found()
    })
}

/// What nginx calls its first process, with the words that it was started with.
const MASTER: &[u8] = b"nginx: master process ";
/// Masters of a host that are looked at.
const MASTERS_MAX: usize = 16;

/// Where each nginx that runs below `root` (`/`) is configured: where `-c` and `-p` of its start say, or where its program was built to
/// look; of each one once; and those whose configuration is not read. One in a container has other files by the same names, and one in
/// another network is another host's: both are passed over as far as that can be seen.
///
/// Anybody may call a process so, and name a configuration that names any file as a log: only `trusted` users are believed.
#[must_use]
pub fn running(root: &Path, trusted: impl Fn(u32) -> bool) -> (Vec<Place>, Vec<Missing>) {
    let mut missing: Vec<Missing> = Vec::new();
    let processes = root.join("proc");
    let link = |path: &Path| std::fs::read_link(path).ok();
    let network = link(&processes.join("self/ns/net"));
    let files = |root: &Path| std::fs::metadata(root).ok().map(|facts| (facts.dev(), facts.ino()));
    let own = files(root);
    let mut places: Vec<Place> = Vec::new();
    let mut numbers: Vec<u32> = std::fs::read_dir(&processes)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    numbers.sort_unstable();
    for folder in numbers.into_iter().map(|number| processes.join(number.to_string())) {
        let Ok(title) = std::fs::read(folder.join("cmdline")) else { continue };
        let Some(words) = title.strip_prefix(MASTER) else { continue };
        if differ(files(&folder.join("root")), own) || differ(link(&folder.join("ns/net")), network.clone()) {
            continue;
        }
        let place = started(&String::from_utf8_lossy(words), link(&folder.join("exe")).as_deref());
        let Some(place) = place.filter(|place| !places.contains(place)) else { continue };
        match std::fs::metadata(&folder).map(|facts| facts.uid()) {
            Ok(user) if trusted(user) => places.push(place),
            Ok(user) => missing.push(foreign(&place.file, user)),
            // It has ended.
            Err(_) => {}
        }
        if places.len() + missing.len() >= MASTERS_MAX {
            break;
        }
    }
    (places, missing)
}

/// An nginx that is not root's nor the agent's own.
fn foreign(file: &Path, user: u32) -> Missing {
    Missing {
        what: format!("the logs of the nginx that was started with {}", file.display()),
        why: format!("it runs as user {user}, who could have any file read as a log"),
        fix: "name its logs in the agent's configuration, or its own with --nginx-conf".to_owned(),
    }
}

/// Whom a master process is believed: root, and who the agent is.
#[must_use]
pub fn trusted(user: u32) -> bool {
    user == 0 || user == rustix::process::geteuid().as_raw()
}

/// Whether two things are known, and not the same.
fn differ<T: PartialEq>(one: Option<T>, other: Option<T>) -> bool {
    one.is_some() && other.is_some() && one != other
}

/// Where an nginx is configured that was started with these words. `program` is the file that runs; None where that may not be seen.
fn started(words: &str, program: Option<&Path>) -> Option<Place> {
    let mut words =
        words.split(|letter: char| letter.is_whitespace() || letter == '\0').filter(|word| !word.is_empty());
    let first = words.next().map(PathBuf::from);
    let program = program.map(Path::to_owned).or(first.filter(|first| first.is_absolute()));
    let (mut file, mut prefix) = (None, None);
    while let Some(word) = words.next() {
        let (option, value) = word.split_at_checked(2).unwrap_or((word, ""));
        let into = match option {
            "-c" => &mut file,
            "-p" => &mut prefix,
            // Directives may hold spaces, and so words that look like options: what stands behind them is not read.
            "-g" => break,
            _ => continue,
        };
        let value = if value.is_empty() { words.next() } else { Some(value) };
        *into = value.map(PathBuf::from);
    }
    // As `configure` makes it unless it is told otherwise, and as OpenResty is built.
    let built = program.and_then(|program| Some(program.parent()?.parent()?.to_owned()));
    let built = built.filter(|built| built.join("conf/nginx.conf").exists());
    let given = prefix.is_some();
    let prefix = prefix.or(built.clone()).filter(|prefix| prefix.is_absolute());
    let file = match (file, &prefix) {
        (Some(file), _) if file.is_absolute() => file,
        (Some(file), Some(prefix)) => prefix.join(file),
        (Some(_), None) => return None,
        (None, Some(prefix)) if given || built.is_some() => prefix.join("conf/nginx.conf"),
        (None, _) => PathBuf::from(USUAL),
    };
    Some(Place { file, prefix })
}

#[derive(Default)]
struct Reader {
    /// Where what is included is.
    prefix: PathBuf,
    /// Where logs are.
    logs: PathBuf,
    files: usize,
    bytes: u64,
    tokens: Vec<String>,
    missing: Vec<Missing>,
}

/// An `access_log` or `error_log` with the server it stands in.
struct Written {
    path: String,
    /// None for an error log.
    format: Option<String>,
    server: usize,
}

impl Reader {
    /// Puts the tokens of a file behind those that are there, with those of included files in their places.
    fn file(&mut self, path: &Path, depth: usize) {
        let mut text = Vec::new();
        let room = BYTES_MAX + 1 - self.bytes.min(BYTES_MAX);
        let read = open_regular(path).and_then(|(file, _)| file.take(room).read_to_end(&mut text));
        self.files += 1;
        self.bytes += text.len() as u64;
        let too_much = self.files > FILES_MAX || self.bytes > BYTES_MAX || depth > DEPTH_MAX;
        if too_much || read.is_err() {
            let why = read.err().map_or_else(|| "the configuration is too large".to_owned(), |error| error.to_string());
            self.missing.push(Missing {
                what: format!("the logs that {} names", path.display()),
                why,
                fix: "let the agent read it, or name the logs in its configuration".to_owned(),
            });
            return;
        }
        let mut directive = Vec::new();
        for token in tokens(&text) {
            let is_end = matches!(token.as_str(), ";" | "{" | "}");
            directive.push(token);
            if is_end {
                match directive.as_slice() {
                    [include, pattern, end] if include == "include" && end == ";" => {
                        let pattern = self.prefix.join(pattern);
                        for path in glob::glob(&pattern.to_string_lossy()).into_iter().flatten().flatten() {
                            self.file(&path, depth + 1);
                        }
                        directive.clear();
                    }
                    _ => self.tokens.append(&mut directive),
                }
            }
        }
    }

    fn found(mut self) -> Found {
        let (mut formats, mut servers, mut written) = (BTreeMap::new(), vec![Vec::new()], Vec::new());
        let (mut blocks, mut server): (Vec<bool>, usize) = (Vec::new(), 0);
        for directive in self.tokens.split_inclusive(|token| matches!(token.as_str(), ";" | "{" | "}")) {
            let words: Vec<&str> = directive.iter().map(String::as_str).collect();
            match words.as_slice() {
                ["server", "{"] => {
                    servers.push(Vec::new());
                    server = servers.len() - 1;
                    blocks.push(true);
                }
                [.., "{"] => blocks.push(false),
                [.., "}"] => server = if blocks.pop() == Some(true) { 0 } else { server },
                ["log_format", name, text @ .., ";"] => drop(formats.insert((*name).to_owned(), format_text(text))),
                ["server_name", names @ .., ";"] if server > 0 => {
                    servers[server].extend(names.iter().filter_map(|name| host(name)));
                }
                ["access_log", "off", ..] => {}
                ["access_log", path, more @ .., ";"] => {
                    let format = more.first().filter(|word| !word.contains('=')).copied().unwrap_or("combined");
                    written.push(Written { path: (*path).to_owned(), format: Some(format.to_owned()), server });
                }
                ["error_log", path, .., ";"] => {
                    written.push(Written { path: (*path).to_owned(), format: None, server })
                }
                _ => {}
            }
        }
        if !written.iter().any(|log| log.format.is_some()) {
            written.push(Written { path: DEFAULT_ACCESS.to_owned(), format: Some("combined".to_owned()), server: 0 });
        }
        let asks = |word: &String| {
            ["proxy_pass", "fastcgi_pass", "uwsgi_pass", "grpc_pass", "scgi_pass"].contains(&word.as_str())
        };
        let asks = self.tokens.iter().any(asks);
        self.missing.extend(untimed(&formats, &written, asks));
        self.specs(&formats, &servers, &written)
    }

    fn specs(self, formats: &BTreeMap<String, String>, servers: &[Vec<String>], written: &[Written]) -> Found {
        let Self { logs: prefix, mut missing, .. } = self;
        let mut logs: Vec<LogSpec> = Vec::new();
        for log in written {
            let is_file = !["syslog:", "/dev/", "memory:", "stderr"].iter().any(|kind| log.path.starts_with(kind));
            let pattern = pattern(&prefix, &log.path);
            if !is_file || logs.iter().any(|known| known.pattern == pattern) {
                continue;
            }
            let what = match &log.format {
                None => What::Rules(Vec::new()),
                Some(name) => {
                    let text = formats.get(name).map_or(name.as_str(), String::as_str);
                    match Format::new(text) {
                        Ok(format) => {
                            let (format, settings) = (Box::new(format), Settings::default());
                            What::Access { format, settings, hosts: Vec::new() }
                        }
                        Err(error) => {
                            missing.push(Missing {
                                what: format!("the requests in {pattern}"),
                                why: format!("its log_format {name}: {error}"),
                                fix: "change the format, or name the log in the agent's configuration".to_owned(),
                            });
                            continue;
                        }
                    }
                }
            };
            let same = written.iter().filter(|other| other.path == log.path).map(|other| other.server);
            let sites = Sites::new(servers, &same.collect::<Vec<_>>());
            let service = sites.one().map_or_else(|| file_service(&pattern), str::to_owned);
            let mut labels = vec![("service".to_owned(), service)];
            labels.extend(sites.one().map(|server| ("server".to_owned(), server.to_owned())));
            let what = match what {
                What::Access { format, settings, .. } => What::Access { format, settings, hosts: sites.hosts() },
                rules => rules,
            };
            logs.push(LogSpec { pattern, labels, what });
        }
        Found { logs, missing }
    }
}

/// The sites whose requests are in a log.
struct Sites<'a>(Vec<&'a [String]>);

impl<'a> Sites<'a> {
    /// Of the servers that write it; a log of no server (0) is one of all of them.
    fn new(servers: &'a [Vec<String>], writers: &[usize]) -> Self {
        let of_all = writers.contains(&0);
        let all = servers.iter().enumerate().skip(1).filter(|(at, _)| of_all || writers.contains(at));
        Self(all.map(|(_, names)| names.as_slice()).collect())
    }

    /// The name of the site, where it is one.
    fn one(&self) -> Option<&'a str> {
        let mut names = self.0.iter().map(|names| names.first());
        let first = names.next()??;
        names.all(|name| name == Some(first)).then_some(first.as_str())
    }

    /// All their names: by these captured exchanges are called, too.
    fn hosts(&self) -> Vec<String> {
        let all: BTreeSet<&String> = self.0.iter().copied().flatten().take(HOSTS_MAX).collect();
        all.into_iter().cloned().collect()
    }
}

/// A `server_name` as the host that clients ask for; None of `_`, patterns and expressions, which are no one host.
fn host(name: &str) -> Option<String> {
    let name = name.strip_prefix('.').unwrap_or(name);
    let is_host = !name.is_empty() && name != "_" && !name.contains(['*', '~', '$']);
    is_host.then(|| name.to_ascii_lowercase())
}

/// The service of a log that is of no one site: what its file is called. `/var/log/nginx/shop-access.log` is of `shop`.
fn file_service(pattern: &str) -> String {
    let between = ['.', '-', '_'];
    let file = Path::new(pattern).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let ends = |rest: &str| rest.is_empty() || rest.ends_with(between);
    let mut name = file.as_str();
    while let Some(rest) = KINDS.iter().find_map(|kind| name.strip_suffix(kind).filter(|rest| ends(rest))) {
        name = rest.trim_end_matches(between);
    }
    if name.is_empty() || name.contains('*') { SERVICE.to_owned() } else { name.to_owned() }
}

/// `combined_plus` as it is pasted into a configuration.
const COMBINED_PLUS: &str = concat!(
    r#"log_format combined_plus '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#,
    " $request_time $upstream_cache_status [$upstream_response_time] $upstream_addr $request_id';"
);

/// What formats of requests leave out without which the edge is grey: how long requests took, and upstreams where any is asked.
fn untimed(formats: &BTreeMap<String, String>, written: &[Written], asks_upstreams: bool) -> Option<Missing> {
    let poor = |log: &&Written| {
        let name = log.format.as_deref()?;
        let text = formats.get(name).map_or(name, String::as_str);
        let has = |variable: &str| {
            [format!("${variable}"), format!("${{{variable}}}")].iter().any(|form| text.contains(form.as_str()))
        };
        let (timed, upstream) = (has("request_time"), has("upstream_response_time") || !asks_upstreams);
        (!timed || !upstream).then_some((timed, upstream))
    };
    let all: Vec<_> = written.iter().filter(|log| poor(log).is_some()).collect();
    let first = all.first()?;
    let (lacks, what) = match poor(first)? {
        (true, _) => ("$upstream_response_time", "the times of upstreams"),
        (false, true) => ("$request_time", "the times of requests"),
        (false, false) => ("$request_time and $upstream_response_time", "the times of requests and of upstreams"),
    };
    let more = if all.len() > 1 { format!(" and {} more logs of nginx", all.len() - 1) } else { String::new() };
    Some(Missing {
        what: format!("{what} in {}{more}", first.path),
        why: format!("log_format {} has no {lacks}", first.format.as_deref().unwrap_or_default()),
        fix: format!(
            "write into `http {{}}` of nginx: {} and then `access_log {} combined_plus;`, and let it reload",
            COMBINED_PLUS, first.path
        ),
    })
}

/// `escape=json` and the pieces of a format, joined.
fn format_text(pieces: &[&str]) -> String {
    match pieces {
        [escape, rest @ ..] if escape.starts_with("escape=") => format!("{escape} {}", rest.concat()),
        all => all.concat(),
    }
}

/// A path with variables is a pattern: `/var/log/$host.log`.
fn pattern(prefix: &Path, path: &str) -> String {
    let whole = prefix.join(path).to_string_lossy().into_owned();
    let (mut out, mut rest) = (String::new(), whole.as_str());
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        out.push('*');
        let behind = &rest[at + 1..];
        let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        rest = match behind.strip_prefix('{').and_then(|inside| inside.split_once('}')) {
            Some((_, behind)) => behind,
            None => behind.trim_start_matches(name),
        };
    }
    out + rest
}

/// Words, texts in quotes, and `;`, `{`, `}` as tokens of their own. A `{` within a word (`${name}`) is part of it.
fn tokens(text: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(text);
    let (mut out, mut word, mut quote, mut comment) = (Vec::new(), String::new(), None, false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            _ if comment => comment = letter != '\n',
            (Some(end), letter) if letter == end => {
                quote = None;
                out.push(std::mem::take(&mut word));
            }
            (_, '\\') if letters.peek().is_some_and(|next| matches!(next, '"' | '\'' | '\\' | ';')) => {
                word.extend(letters.next());
            }
            (Some(_), letter) => word.push(letter),
            (None, '"' | '\'') if word.is_empty() => quote = Some(letter),
            (None, '#') if word.is_empty() => comment = true,
            (None, '{') if word.ends_with('$') => {
                word.push('{');
                word.extend(std::iter::from_fn(|| letters.next_if(|next| !matches!(next, '}' | ';' | '\n'))));
                word.extend(letters.next_if_eq(&'}'));
            }
            (None, ';' | '{' | '}') => {
                if !word.is_empty() {
                    out.push(std::mem::take(&mut word));
                }
                out.push(letter.to_string());
            }
            (None, letter) if letter.is_whitespace() => {
                if !word.is_empty() {
                    out.push(std::mem::take(&mut word));
                }
            }
            (None, letter) => word.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> (tempfile::TempDir, Found) {
        let folder = tempfile::tempdir().expect("a temporary directory");
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("below the folder")).expect("room");
            std::fs::write(path, text).expect("room");
        }
        let found = find(&Place::of(&folder.path().join("nginx.conf"))).expect("it is there");
        (folder, found)
    }

    #[test]
    fn an_nginx_that_runs_says_where_it_is_configured() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let built = root.path().join("openresty/nginx");
        std::fs::create_dir_all(built.join("conf")).expect("room");
        std::fs::write(built.join("conf/nginx.conf"), "").expect("room");
        let openresty = built.join("sbin/nginx").display().to_string();
        let processes = [
            (
                7,
                "nginx: master process /usr/sbin/nginx -g daemon on; master_process on; -c /no\0\0\0",
                "/usr/sbin/nginx",
            ),
            (8, "nginx: worker process", "/usr/sbin/nginx"),
            (9, "nginx: master process nginx -p/srv/shop/ -c edge.conf", "/usr/sbin/nginx"),
            (10, "nginx: master process nginx -q -c /srv/two.conf", "/usr/sbin/nginx"),
            (11, "nginx: master process nginx -p /srv/three", ""),
            (12, "nginx: master process nginx -c /srv/two.conf -q", "/usr/sbin/nginx"),
            (13, "nginx: master process openresty", openresty.as_str()),
            (14, "nginx: master process nginx -c ../relative", ""),
            (15, "nginx: master process ", ""),
            (16, "vi nginx: master process nginx -c /editor", ""),
            (17, "nginx: master process nginx -c /srv/of-another-network.conf", ""),
            (18, "nginx: master process nginx -c /etc/nginx/of-a-container.conf", ""),
        ];
        for (number, title, program) in processes {
            let folder = root.path().join(format!("proc/{number}"));
            std::fs::create_dir_all(&folder).expect("room");
            std::fs::write(folder.join("cmdline"), title).expect("room");
            if !program.is_empty() {
                std::os::unix::fs::symlink(program, folder.join("exe")).expect("room");
            }
        }
        let link = |to: &Path, from: &str| {
            let from = root.path().join("proc").join(from);
            std::fs::create_dir_all(from.parent().expect("below the folder")).expect("room");
            std::os::unix::fs::symlink(to, from).expect("room");
        };
        for (process, network) in [("self", "net:[1]"), ("9", "net:[1]"), ("17", "net:[2]")] {
            link(Path::new(network), &format!("{process}/ns/net"));
        }
        link(root.path(), "9/root");
        link(&built, "18/root");
        let (told, missing) = running(root.path(), trusted);
        assert_eq!(missing, []);
        let place = |file: &str, prefix: Option<&Path>| Place { file: file.into(), prefix: prefix.map(Path::to_owned) };
        let conf = built.join("conf/nginx.conf");
        let expected = [
            place(USUAL, None),
            place("/srv/shop/edge.conf", Some(Path::new("/srv/shop/"))),
            place("/srv/two.conf", None),
            place("/srv/three/conf/nginx.conf", Some(Path::new("/srv/three"))),
            place(conf.to_str().expect("of letters"), Some(&built)),
        ];
        assert_eq!(told, expected);
        // Anybody can call a process so, and any file a log.
        let (told, missing) = running(root.path(), |_| false);
        assert_eq!(told, []);
        assert!(missing.iter().any(|missing| missing.what.ends_with(" /srv/two.conf")), "{missing:?}");
    }

    #[test]
    fn logs_are_below_the_prefix_and_what_is_included_beside_the_configuration() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        std::fs::create_dir_all(folder.path().join("conf")).expect("room");
        let file = folder.path().join("conf/nginx.conf");
        std::fs::write(&file, "include more.conf;").expect("room");
        std::fs::write(folder.path().join("conf/more.conf"), "access_log logs/a.log;").expect("room");
        let found = find(&Place { file, prefix: Some(folder.path().to_owned()) }).expect("it is there");
        assert_eq!(found.logs[0].pattern, folder.path().join("logs/a.log").display().to_string());
    }

    #[test]
    fn every_log_of_a_configuration_with_its_format_and_server() {
        let main = r#"
            error_log /var/log/nginx/error.log; # a comment; with { signs
            http {
                log_format plus '$remote_addr - $remote_user [$time_local] "$request" '
                                "$status $body_bytes_sent $request_time";
                log_format json escape=json '{"status":"$status",'
                    '"rt":"$request_time"}';
                access_log /var/log/nginx/access.log plus buffer=32k;
                include sites/*.conf;
                server { access_log off; location / { return 204; } }
            }"#;
        let shop = r"server { listen 80; server_name shop.example www.shop.example;
            access_log /var/log/nginx/${host}.log json; location = /stat { access_log logs/stat.log; } }";
        let (folder, found) = found(&[("nginx.conf", main), ("sites/shop.conf", shop), ("sites/z", "nonsense {{{")]);
        let lacking: Vec<_> = found.missing.iter().map(|missing| missing.what.as_str()).collect();
        assert_eq!(lacking, ["the times of requests in logs/stat.log"]);
        let told: Vec<_> = found.logs.iter().map(|log| (log.pattern.as_str(), log.labels.len(), &log.what)).collect();
        let json = Format::new(r#"escape=json {"status":"$status","rt":"$request_time"}"#).expect("a format");
        let plus = Format::new(
            r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent $request_time"#,
        );
        let access = |format: Format, hosts: &[&str]| What::Access {
            format: Box::new(format),
            settings: Settings::default(),
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
        };
        let shop = ["shop.example", "www.shop.example"];
        let stat = folder.path().join("logs/stat.log").display().to_string();
        let expected = [
            ("/var/log/nginx/error.log", 1, &What::Rules(Vec::new())),
            ("/var/log/nginx/access.log", 1, &access(plus.expect("a format"), &shop)),
            ("/var/log/nginx/*.log", 2, &access(json, &shop)),
            (stat.as_str(), 2, &access(Format::new("combined").expect("a format"), &shop)),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn services_are_called_as_their_clients_call_them() {
        let conf = r"http {
            access_log all.log; access_log access.log;
            server { server_name one.example; access_log one.log; access_log both-access.log; error_log error.log; }
            server { server_name Two.example .two.test ~^x *.two; access_log both-access.log; access_log error_log.log; }
            server { server_name _; access_log /logs/$host.log; } }";
        let (_folder, all) = found(&[("nginx.conf", conf)]);
        let told: Vec<_> = all
            .logs
            .iter()
            .map(|log| {
                let name = log.pattern.rsplit('/').next().unwrap_or_default();
                let hosts = if let What::Access { hosts, .. } = &log.what { hosts.join(" ") } else { String::new() };
                format!(
                    "{name}: {} [{hosts}]",
                    log.labels.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(" ")
                )
            })
            .collect();
        let expected = [
            "all.log: all [one.example two.example two.test]",
            "access.log: nginx [one.example two.example two.test]",
            "one.log: one.example one.example [one.example]",
            "both-access.log: both [one.example two.example two.test]",
            "error.log: one.example one.example []",
            "error_log.log: two.example two.example [two.example two.test]",
            "*.log: nginx []",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_format_without_times_is_told_with_one_that_has_them() {
        let (_folder, all) = found(&[("nginx.conf", "http { server { location / { proxy_pass http://a; } } }")]);
        let [lack] = all.missing.as_slice() else { panic!("one thing is missing: {:?}", all.missing) };
        assert_eq!(lack.what, "the times of requests and of upstreams in /var/log/nginx/access.log");
        assert_eq!(lack.why, "log_format combined has no $request_time and $upstream_response_time");
        let pasted = lack.fix.split_once("nginx: ").and_then(|(_, fix)| fix.split_once(" and then `"));
        let (format, log) = pasted.expect("a format and a log");
        let log = log.split_once('`').expect("a directive").0;
        let (_folder, all) = found(&[("nginx.conf", &format!("http {{ {format} {log} proxy_pass http://a; }}"))]);
        assert_eq!(all.missing, [], "what is told to be done helps");
        let plus = Format::new("combined_plus").expect("a format");
        assert!(matches!(&all.logs[0].what, What::Access { format, .. } if **format == plus), "{:?}", all.logs);
        let time = "log_format t '$remote_addr [$time_local] $request_time'; access_log /a.log t; access_log /b.log t;";
        assert_eq!(found(&[("nginx.conf", time)]).1.missing, []);
        let asks = found(&[("nginx.conf", &format!("{time} fastcgi_pass b;"))]).1.missing;
        assert_eq!(asks[0].what, "the times of upstreams in /a.log and 1 more logs of nginx");
    }

    #[test]
    fn what_cannot_be_read_is_told_and_nonsense_is_passed_over() {
        let (_folder, all) =
            found(&[("nginx.conf", "log_format bad $a$status; access_log /x.log bad; include nginx.conf;")]);
        assert!(all.missing.len() >= 2, "{:?}", all.missing);
        for text in ["", "}}}", "log_format;", "access_log", "'", "\\", "server { server_name"] {
            let (_folder, all) = found(&[("nginx.conf", text)]);
            assert_eq!(all.logs.len(), 1, "{text}: the default one");
        }
    }
}
