//! A file for an agent of another host: the sections `agent`, `services` and `logs`, as they stand in `arachne.yml`. What it does not
//! name stays as it was.

use arachne_delivery::instructions::{AgentConfig, Collect};

use crate::Log;
use crate::agent::agent;
use crate::mistake::Mistake;
use crate::read::Section;
use crate::schema::told;
use crate::tree::{Node, Value};

/// What a file says of an agent.
#[derive(Clone, Debug)]
pub struct AgentFile {
    /// What it says, with defaults for all else.
    pub config: AgentConfig,
    /// `logs`.
    pub logs: Vec<Log>,
    given: Vec<&'static Part>,
}

/// A part of a configuration that is taken as a whole: the key and how it gets into another configuration.
#[derive(Debug)]
struct Part(&'static str, fn(&mut AgentConfig, &AgentConfig));

const PARTS: [Part; 8] = [
    Part("agent.interfaces", |into, from| into.interfaces.clone_from(&from.interfaces)),
    Part("agent.filter", |into, from| into.filter.clone_from(&from.filter)),
    Part("agent.save", |into, from| into.save.clone_from(&from.save)),
    Part("agent.limits", |into, from| into.limits.clone_from(&from.limits)),
    Part("agent.redact", |into, from| into.redaction.names.clone_from(&from.redaction.names)),
    Part("agent.collect", |into, from| {
        let logs = std::mem::take(&mut into.collect.logs);
        into.collect = Collect { logs, ..from.collect.clone() };
    }),
    Part("services", |into, from| into.services.clone_from(&from.services)),
    Part("logs", |into, from| into.collect.logs.clone_from(&from.collect.logs)),
];

/// Keys of the section `agent` that are of the server's own agent alone, and what to do instead.
const OWN: [(&str, &str); 2] = [
    ("name", "an agent of another host is named on the command line: leave the key out"),
    ("look_up_names", "an agent of another host is told so where it starts: give it --look-up-names there"),
];

impl AgentFile {
    /// `before` with what the file says.
    #[must_use]
    pub fn onto(&self, before: &AgentConfig) -> AgentConfig {
        let mut config = before.clone();
        self.given.iter().for_each(|Part(_, put)| put(&mut config, &self.config));
        config
    }

    /// The keys that the file has, those that are taken as a whole.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.given.iter().map(|Part(key, _)| *key)
    }
}

/// Reads the tree of such a file.
pub(crate) fn agent_file(root: &Node) -> Result<AgentFile, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    for (key, instead) in OWN {
        let found = below(root, "agent").and_then(|agent| below(agent, key));
        mistakes.extend(found.map(|node| node.place.mistake(&format!("agent.{key}"), instead)));
    }
    let given: Vec<_> = PARTS.iter().filter(|Part(key, _)| key.split('.').try_fold(root, below).is_some()).collect();
    if given.is_empty() {
        let keys = PARTS.map(|Part(key, _)| key).join(", ");
        mistakes.push(root.place.mistake("", format!("nothing is said of the agent; there are: {keys}")));
    }
    let file = Section::of(root, "", &mut mistakes).map(|mut file| {
        let (_, agent, logs) = told(&mut file, &mut mistakes, |node, services, mistakes| {
            // Logs without a section are of an agent that is there.
            let empty = Node { place: root.place, value: Value::Scalar(String::new()) };
            agent(node.unwrap_or(&empty), services, mistakes)
        });
        file.end(&mut mistakes);
        agent.map(|agent| AgentFile { config: agent.config, logs, given })
    });
    match file.flatten() {
        Some(file) if mistakes.is_empty() => Ok(file),
        _ => Err(mistakes),
    }
}

fn below<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    let Value::Map(map) = &node.value else { return None };
    map.iter().find(|(name, ..)| name == key).map(|(.., node)| node)
}
