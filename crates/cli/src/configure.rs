//! What `arachne.yml` says goes into the arguments of a command; what the command line says comes first.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use arachne_capture::rows::ServiceRule;
use arachne_config::{Auth, Config, FILE_NAME, Limit, Mistakes, Service};

use crate::args::Command;
use crate::exit::ExitStatus;
use crate::serve::AuthArg;

/// Reads the configuration: `given`, else `ARACHNE_CONFIG`, else `arachne.yml` in this folder, where it is there.
///
/// # Errors
/// A file that was named is not there, or a file has mistakes.
pub fn find(given: Option<&Path>) -> Result<Option<Config>, Mistakes> {
    let named = std::env::var_os("ARACHNE_CONFIG").filter(|value| !value.is_empty()).map(PathBuf::from);
    let file = given.map(Path::to_owned).or(named);
    match file {
        Some(file) => arachne_config::load(&file).map(Some),
        None if Path::new(FILE_NAME).exists() => arachne_config::load(Path::new(FILE_NAME)).map(Some),
        None => Ok(None),
    }
}

/// Fills in what the command line leaves open.
pub fn apply(config: &Config, command: &mut Command) {
    let data = |given: &mut Option<PathBuf>| {
        given.get_or_insert_with(|| config.data.clone());
    };
    match command {
        Command::Import(args) => {
            data(&mut args.data);
            args.services = services(config);
        }
        Command::Serve(args) => {
            data(&mut args.data);
            args.services = services(config);
            args.retention.clone_from(&config.retention);
            args.listen = args.listen.or(config.listen);
            args.auth = args.auth.or(config.auth.map(|auth| match auth {
                Auth::Local => AuthArg::Local,
                Auth::Required => AuthArg::Required,
            }));
        }
        Command::Query(args) => data(&mut args.data.data),
        Command::Sql(args) => data(&mut args.data.data),
        Command::Export(args) => data(&mut args.data.data),
        Command::Agents(args) => data(&mut args.command.data().data),
        Command::Read(_) | Command::Agent(_) | Command::Check { .. } | Command::Completions { .. } => {}
    }
}

fn services(config: &Config) -> Vec<ServiceRule> {
    let rule = |service: &Service| ServiceRule {
        name: service.name.clone(),
        host: service.host.clone(),
        address: service.address,
        port: service.port,
        path_prefix: service.path.clone(),
    };
    config.services.iter().map(rule).collect()
}

/// Says what is wrong with the configuration.
#[must_use]
pub fn refuse(mistakes: &Mistakes) -> ExitStatus {
    // Where standard error is gone, the exit code remains.
    let _ = writeln!(io::stderr().lock(), "{mistakes}");
    ExitStatus::BadConfiguration
}

/// Runs `arachne check`.
#[must_use]
pub fn check(file: &Path) -> ExitStatus {
    match arachne_config::load(file) {
        Ok(config) => match io::stdout().lock().write_all(meaning(&config).as_bytes()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitStatus::Unexpected,
            _ => ExitStatus::Done,
        },
        Err(mistakes) => refuse(&mistakes),
    }
}

/// What a configuration means, in words.
fn meaning(config: &Config) -> String {
    let mut text = format!("store     {}\n", config.data.display());
    if let Some(listen) = config.listen {
        text.push_str(&format!("listen    {listen}\n"));
    }
    let auth = if config.auth == Some(Auth::Required) { "whoever has a token" } else { "whoever is on this machine" };
    text.push_str(&format!("may ask   {auth}\n"));
    for retention in &config.retention {
        let limit = match retention.limit {
            Limit::Age(age) => format!("for {} s", age.as_secs()),
            Limit::Bytes(bytes) => format!("up to {bytes} bytes"),
        };
        text.push_str(&format!("stays     {} {limit}\n", retention.table));
    }
    for service in &config.services {
        text.push_str(&format!("service   {}\n", service.name));
    }
    text
}
