//! `arachne agents configure`: what an agent of another host is to do, as a file with sections of `arachne.yml` says it.

use std::io::{self, Write as _};

use anyhow::{Context as _, Result, bail};
use arachne_config::{Agent, AgentFile};
use arachne_delivery::instructions::AgentConfig;

use super::Holder;
use crate::{configure, http};

/// Sets what the agent called `name` is to do to what it was and `file` says, unless somebody else changes it meanwhile, and prints
/// what it means.
pub(super) fn run(name: &str, file: &AgentFile, holder: &Holder) -> Result<()> {
    let now = match holder {
        Holder::Here(registry, ..) => {
            let agent = registry.one(name).with_context(|| format!("there is no agent {}", name.escape_debug()))?;
            if agent.local {
                bail!("the server starts this agent itself: change the section `agent:` of its arachne.yml");
            }
            let config = file.onto(&agent.config);
            if let Some(wrong) = config.wrongs().into_iter().next() {
                bail!("with what the agent is to do already: {wrong}");
            }
            registry.configure(name, config, Some(agent.config.version))?.config
        }
        Holder::Served(socket) => {
            let path = format!("/api/v1/agents/{}", http::encoded(name));
            let before = config(http::request(http::connect(socket)?, "GET", &path, b"")?)?;
            let body = serde_json::to_vec(&file.onto(&before))?;
            let tag = format!("\"{}\"", before.version);
            config(http::put(http::connect(socket)?, &format!("{path}/config"), &tag, &body)?)?
        }
    };
    let version = now.version;
    let agent = Agent { name: name.to_owned(), look_up_names: false, config: now };
    let keys: Vec<_> = file.keys().collect();
    let meaning = configure::told(&agent, &file.logs);
    write!(io::stdout().lock(), "set       {} (version {version})\n{meaning}", keys.join(", "))?;
    Ok(())
}

/// What an agent is to do, of an answer about it.
fn config(answer: http::Answer) -> Result<AgentConfig> {
    let agent = http::json(answer)?;
    serde_json::from_value(agent["config"].clone()).context("the server is of another version than this program")
}
