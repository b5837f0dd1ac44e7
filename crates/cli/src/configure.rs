//! What `arachne.yml` says goes into the arguments of a command; what the command line says comes first.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use arachne_agent::edge::plan::service_rule;
use arachne_capture::rows::ServiceRule;
use arachne_config::{Agent, Auth, Config, FILE_NAME, Limit, Log, LogJob, Mistakes, PathRule, Service};
use arachne_delivery::instructions::{Collect, Packets};
use arachne_server::{Access, PORT, TlsFiles};

use crate::args::Command;
use crate::exit::ExitStatus;
use crate::reload::Origin;
use crate::serve::{AuthArg, ServeArgs};

/// A configuration and where it stands.
#[derive(Clone, Debug)]
pub struct Found {
    /// The file.
    pub file: PathBuf,
    /// Its bytes.
    pub content: Vec<u8>,
    /// What they mean.
    pub config: Config,
}

/// Reads the configuration: `given`, else `ARACHNE_CONFIG`, else `arachne.yml` in this folder, where it is there.
///
/// # Errors
/// A file that was named is not there, or a file has mistakes.
pub fn find(given: Option<&Path>) -> Result<Option<Found>, Mistakes> {
    let named = std::env::var_os("ARACHNE_CONFIG").filter(|value| !value.is_empty()).map(PathBuf::from);
    let here = || Path::new(FILE_NAME).exists().then(|| PathBuf::from(FILE_NAME));
    let Some(file) = given.map(Path::to_owned).or(named).or_else(here) else { return Ok(None) };
    let content = arachne_config::content(&file)?;
    let config = arachne_config::of_file(&file, &content)?;
    Ok(Some(Found { file, content, config }))
}

/// Fills in what the command line leaves open.
pub fn apply(found: Found, command: &mut Command) {
    let Found { file, content, config } = found;
    let data = |given: &mut Option<PathBuf>| {
        given.get_or_insert_with(|| config.data.clone());
    };
    match command {
        Command::Import(args) => {
            data(&mut args.data);
            args.services = services(&config);
            args.paths = config.paths;
        }
        Command::Serve(args) => {
            let given = Box::new(args.clone());
            fill(&config, args);
            args.origin = Some(Origin { file, content, given });
        }
        Command::Query(args) => data(&mut args.data.data),
        Command::Sql(args) => data(&mut args.data.data),
        Command::Series(args) => data(&mut args.data.data),
        Command::Export(args) => data(&mut args.data.data),
        Command::Mark(args) => data(&mut args.data.data),
        Command::Agents(args) => {
            data(&mut args.command.data().data);
            args.access = Some(access(&config));
        }
        Command::Read(_)
        | Command::Agent(_)
        | Command::Check { .. }
        | Command::Setup(_)
        | Command::Completions { .. } => {}
    }
}

/// Fills in what the command line of a server leaves open.
pub fn fill(config: &Config, args: &mut ServeArgs) {
    args.data.get_or_insert_with(|| config.data.clone());
    args.services = services(config);
    args.paths.clone_from(&config.paths);
    args.retention.clone_from(&config.retention);
    args.listen = args.listen.or(config.listen);
    args.auth = args.auth.or(config.auth.map(|auth| match auth {
        Auth::Local => AuthArg::Local,
        Auth::Required => AuthArg::Required,
    }));
    if let (None, Some(tls)) = (&args.tls_certificate, &config.tls) {
        args.tls_certificate = Some(tls.certificate.clone());
        args.tls_key = Some(tls.key.clone());
    }
    args.agent.clone_from(&config.agent);
    args.public_url.clone_from(&config.public_url);
    args.beacons = config.beacons;
    args.own_series = config.own_series;
}

/// Who may ask a server of this configuration, and where.
fn access(config: &Config) -> Access {
    let auth =
        if config.auth == Some(Auth::Required) { arachne_server::Auth::Required } else { arachne_server::Auth::Local };
    let tls = config.tls.as_ref().map(|tls| TlsFiles { certificate: tls.certificate.clone(), key: tls.key.clone() });
    let listen = config.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], PORT)));
    let (beacons, own_series) = (config.beacons, config.own_series.unwrap_or(true));
    Access { listen, public_url: config.public_url.clone(), auth, tls, beacons, own_series }
}

fn services(config: &Config) -> Vec<ServiceRule> {
    config.services.iter().map(service_rule).collect()
}

/// Says what is wrong with the configuration.
#[must_use]
pub fn refuse(mistakes: &Mistakes) -> ExitStatus {
    // Where standard error is gone, the exit code remains.
    let _ = writeln!(io::stderr().lock(), "{mistakes}");
    ExitStatus::BadConfiguration
}

/// Runs `arachne check`, with a sample of log lines or without; `agent`: of a file for an agent of another host.
#[must_use]
pub fn check(file: &Path, sample: Option<&Path>, agent: bool) -> ExitStatus {
    let read = || -> Result<_, Mistakes> {
        if agent {
            let file = arachne_config::load_for_agent(file)?;
            let agent = Agent { name: "any".to_owned(), look_up_names: false, config: file.config };
            return Ok((told(&agent, &file.logs), file.logs, Vec::new()));
        }
        let config = arachne_config::load(file)?;
        Ok((meaning(&config), config.logs, config.paths))
    };
    match (read(), sample) {
        (Ok((_, logs, paths)), Some(sample)) => crate::sample::run(&logs, paths, sample),
        (Ok((meaning, ..)), None) => match io::stdout().lock().write_all(meaning.as_bytes()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitStatus::Unexpected,
            _ => ExitStatus::Done,
        },
        (Err(mistakes), _) => refuse(&mistakes),
    }
}

/// What a configuration means, in words.
fn meaning(config: &Config) -> String {
    let mut text = format!("store     {}\n", config.data.display());
    if let Some(listen) = config.listen {
        text.push_str(&format!("listen    {listen}\n"));
    }
    if let Some(url) = &config.public_url {
        text.push_str(&format!("agents    find it at {url}\n"));
    }
    let auth = if config.auth == Some(Auth::Required) { "whoever has a token" } else { "whoever is on this machine" };
    text.push_str(&format!("may ask   {auth}\n"));
    if let Some(beacons) = config.beacons {
        text.push_str(if beacons { "beacons   are taken from any page\n" } else { "beacons   are not taken\n" });
    }
    if config.own_series == Some(false) {
        text.push_str("its own   figures are not kept as series\n");
    }
    if let Some(tls) = &config.tls {
        text.push_str(&format!("TLS       {} with the key {}\n", tls.certificate.display(), tls.key.display()));
    }
    for retention in &config.retention {
        let limit = match retention.limit {
            Limit::Age(age) => format!("for {} s", age.as_secs()),
            Limit::Bytes(bytes) => format!("up to {bytes} bytes"),
        };
        text.push_str(&format!("stays     {} {limit}\n", retention.table));
    }
    for PathRule { pattern, template } in &config.paths {
        let template = template.as_ref().map_or_else(String::new, |template| format!(" is {template}"));
        text.push_str(&format!("paths     {pattern}{template}\n"));
    }
    if let Some(agent) = &config.agent {
        text.push_str(&agent_meaning(agent));
    }
    text + &read_meaning(&config.services, &config.logs)
}

/// What an agent is told, in words.
#[must_use]
pub fn told(agent: &Agent, logs: &[Log]) -> String {
    agent_meaning(agent) + &read_meaning(&agent.config.services, logs)
}

/// What services are called, and which logs are read as what.
fn read_meaning(services: &[Service], logs: &[Log]) -> String {
    let mut text = String::new();
    for service in services {
        text.push_str(&format!("service   {}\n", service.name));
    }
    for log in logs {
        let job = match &log.job {
            LogJob::Access(access) => format!("requests, as {}", access.written),
            LogJob::Rule(rule) => format!("{} with {} metrics", rule.name, rule.metrics.len()),
        };
        text.push_str(&format!("log       {}: {job}\n", log.file));
    }
    text
}

/// What an agent does, in words.
fn agent_meaning(agent: &Agent) -> String {
    let Agent { name, look_up_names, config } = agent;
    let filter = if config.filter.is_empty() { "everything" } else { &config.filter };
    let mut kept = vec!["exchanges"];
    kept.extend(config.save.sessions.then_some("sessions"));
    kept.extend(config.save.bodies.then_some("bodies"));
    kept.extend(match config.save.packets {
        Packets::None => None,
        Packets::Headers => Some("packets to the end of the TCP header"),
        Packets::Whole => Some("whole packets, secrets included"),
    });
    let only = if config.save.keep.is_empty() { String::new() } else { format!(", only {}", config.save.keep) };
    let names = if *look_up_names { "names     of addresses are looked up\n" } else { "" };
    let limits = &config.limits;
    let load = |value: u32, unit: &str| if value == 0 { format!("any {unit}") } else { format!("{value} {unit}") };
    format!(
        "agent     {name}: {filter} on {}\nkeeps     {}{only}\nlimits    {}, {}, {} bytes of memory, {} bytes of spool\n{names}",
        config.interfaces.join(", "),
        kept.join(", "),
        load(limits.cpu_percent, "% of a core"),
        load(limits.megabytes_per_minute, "MB/min"),
        limits.memory_bytes,
        limits.spool_bytes,
    ) + &asked_meaning(&config.collect)
}

/// What it asks beside its own host.
fn asked_meaning(collect: &Collect) -> String {
    let databases = collect.postgresql.iter().map(|database| match &database.name {
        Some(name) => format!("PostgreSQL {name}"),
        None => "PostgreSQL".to_owned(),
    });
    let redis = collect.redis.iter().map(|server| format!("Redis {}", server.address));
    let checks = collect.checks.iter().map(|url| url.split('?').next().unwrap_or_default().to_owned());
    databases.chain(redis).chain(checks).map(|what| format!("asks      {what}\n")).collect()
}
