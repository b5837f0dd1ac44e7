//! The command line: `arachne-agent`, and `arachne agent`, which is the same.

use std::net::SocketAddr;
use std::path::PathBuf;

use arachne_delivery::instructions::AgentConfig;

/// Records what the services of this host say to each other, and delivers it to a server.
///
/// The right to capture packets is needed (root, or CAP_NET_RAW): it is given up once the sockets are open. Secrets are
/// replaced before anything leaves the capture process. Without --server everything is kept in the folder of --spool.
///
/// Exit codes: 0 done · 1 unexpected · 2 usage · 4 not permitted to capture · 6 damaged spool.
#[derive(Clone, Debug, clap::Args)]
pub struct AgentArgs {
    /// The server: https://HOST:PORT, http://127.0.0.1:PORT, or unix:/PATH of its socket.
    #[arg(long, value_name = "URL", env = "ARACHNE_SERVER", requires = "key_file")]
    pub server: Option<String>,
    /// File with the key of this agent, which `arachne agents add NAME` prints.
    #[arg(long, value_name = "FILE", env = "ARACHNE_KEY_FILE")]
    pub key_file: Option<PathBuf>,
    /// The server's certificate must have this key: sha256/BASE64, as `arachne agents add` prints it.
    #[arg(long, value_name = "PIN", env = "ARACHNE_PIN")]
    pub pin: Option<String>,
    /// The server's certificate must be signed by this one (PEM).
    #[arg(long, value_name = "FILE", env = "ARACHNE_CA", conflicts_with = "pin")]
    pub ca: Option<PathBuf>,
    /// Folder that keeps what is not delivered yet.
    #[arg(long, value_name = "DIR", env = "ARACHNE_SPOOL", default_value = "/var/lib/arachne-agent")]
    pub spool: PathBuf,
    /// Interface to capture, repeatable; all of them when none is given. Holds until the agent is configured at its server.
    #[arg(long = "interface", value_name = "NAME")]
    pub interfaces: Vec<String>,
    /// What to capture, in the syntax of tcpdump. Holds until the agent is configured at its server.
    #[arg(long, value_name = "FILTER")]
    pub filter: Option<String>,
    /// Capture file to read instead of interfaces, repeatable; one that grows is followed.
    #[arg(long = "file", value_name = "FILE", conflicts_with = "interfaces")]
    pub files: Vec<PathBuf>,
    /// Name of the agent while no server has told one; the host's name by default.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Look up names of the addresses that talk, at the name servers of the host: a few questions a second, answers are kept for
    /// an hour.
    #[arg(long, env = "ARACHNE_LOOK_UP_NAMES")]
    pub look_up_names: bool,
    /// The name server to ask instead of those in /etc/resolv.conf.
    #[arg(long, value_name = "ADDRESS:PORT", env = "ARACHNE_NAME_SERVER", requires = "look_up_names")]
    pub name_server: Option<SocketAddr>,
    /// The configuration of nginx, whose logs are read. Without, /etc/nginx/nginx.conf and those of every nginx that runs: as its
    /// -c and -p say.
    #[arg(long, value_name = "FILE", env = "ARACHNE_NGINX_CONF")]
    pub nginx_conf: Option<PathBuf>,
    /// The folder of files with passwords: a configuration names files in it, and no others are opened for that.
    #[arg(long, value_name = "DIR", env = "ARACHNE_SECRETS", default_value = "/etc/arachne-agent/secrets")]
    pub secrets: PathBuf,
    /// Number of the user that the capture process becomes where it is root.
    #[arg(long, value_name = "UID", default_value_t = crate::sandbox::NOBODY)]
    pub user: u32,
    /// End when standard input does: for a server that starts its own agent, and may be killed.
    #[arg(long, hide = true)]
    pub with_parent: bool,
    /// Print the systemd unit that runs this program, and end.
    #[arg(long)]
    pub print_unit: bool,
    /// Log lines as JSON.
    #[arg(long)]
    pub log_json: bool,
}

impl AgentArgs {
    /// The configuration until a server tells another one.
    #[must_use]
    pub fn config(&self) -> AgentConfig {
        let mut config = AgentConfig::default();
        self.over(&mut config);
        config
    }

    /// What the command line asks for, over what nobody chose.
    pub fn over(&self, config: &mut AgentConfig) {
        if !self.interfaces.is_empty() {
            config.interfaces.clone_from(&self.interfaces);
        }
        if let Some(filter) = &self.filter {
            config.filter.clone_from(filter);
        }
        if !self.files.is_empty() {
            config.files = self.files.iter().map(|file| file.to_string_lossy().into_owned()).collect();
        }
    }
}
