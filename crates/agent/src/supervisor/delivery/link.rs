//! One server: its address, who it must be, and the key that it knows us by.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use arachne_delivery::client::{Address, Client, ClientError, Trust};

use crate::args::AgentArgs;

/// Bytes of a file with a key or certificates: those of all public issuers together have half a megabyte at most.
const FILE_BYTES_MAX: usize = 1 << 20;

/// Why there is no way to a server.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The address, the certificate or the key.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A file.
    #[error("cannot read {} ({option})", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// The option that names it.
        option: &'static str,
        /// Why.
        source: io::Error,
    },
    /// No key.
    #[error("a server needs a key: --key-file with the line that `arachne agents add NAME` prints there")]
    NoKey,
}

/// A server.
pub struct Link {
    /// Talks to it.
    pub client: Client,
    /// Its address as people write it.
    pub name: String,
}

impl Link {
    /// The server of a command line; `None` where none is named.
    ///
    /// # Errors
    /// See [`LinkError`].
    pub async fn of(args: &AgentArgs) -> Result<Option<Self>, LinkError> {
        let Some(server) = &args.server else { return Ok(None) };
        let address: Address = server.parse()?;
        let key = read(args.key_file.as_deref().ok_or(LinkError::NoKey)?, "--key-file")?;
        let trust = match (&args.pin, &args.ca) {
            (Some(pin), _) => Some(Trust::Pin(pin.parse()?)),
            (None, Some(file)) => Some(Trust::Roots(read(file, "--ca")?.into_bytes())),
            (None, None) => None,
        };
        let client = Client::new(address.clone(), trust.as_ref(), key.trim())?;
        // Not captured from the first packet on; a name that is not known yet is resolved when something is sent.
        let _ = client.resolve().await;
        Ok(Some(Self { client, name: address.to_string() }))
    }
}

fn read(file: &Path, option: &'static str) -> Result<String, LinkError> {
    let failed = |source| LinkError::File { file: file.to_owned(), option, source };
    let text = fs::read_to_string(file).map_err(failed)?;
    if text.len() > FILE_BYTES_MAX {
        return Err(failed(io::Error::other("it is far too long")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::Link;
    use crate::args::AgentArgs;

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        args: AgentArgs,
    }

    fn link(arguments: &str) -> Result<bool, String> {
        let args =
            Cli::try_parse_from(["x"].into_iter().chain(arguments.split_whitespace())).map_err(|e| e.to_string())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
        runtime.block_on(Link::of(&args.args)).map(|link| link.is_some()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_wrong_with_a_command_line_is_told() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let key = folder.path().join("key");
        std::fs::write(&key, "ara_x\n").expect("writable");
        let key = key.display();
        assert_eq!(link(""), Ok(false));
        assert_eq!(link(&format!("--server http://127.0.0.1:7117 --key-file {key}")), Ok(true));
        assert_eq!(link(&format!("--server unix:/run/a.socket --key-file {key}")), Ok(true));
        for (arguments, told) in [
            ("--server http://127.0.0.1:1".to_owned(), "--key-file"),
            (format!("--server https://a:1 --key-file {key}"), "--pin"),
            (format!("--server http://a:1 --key-file {key}"), "https://"),
            (format!("--server https://a:1 --key-file {key} --pin x"), "no pin"),
            ("--server https://a:1 --key-file /nowhere".to_owned(), "/nowhere"),
        ] {
            let error = link(&arguments).expect_err("it is wrong");
            assert!(error.contains(told), "{arguments}: {error}");
        }
    }
}
