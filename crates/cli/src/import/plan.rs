//! What an import keeps, and how that is told to the store.

use arachne_aggregate::Normaliser;
use arachne_capture::FrameBytes;
use arachne_capture::rows::{Choice, ROWS_VERSION, RowOptions, ServiceRule, Vantage};
use arachne_config::PathRule;
use arachne_content::redact::RULES_VERSION;
use arachne_filter::{Diagnostic, Predicate, Settings, parse};
use arachne_model::Limits;
use arachne_model::table::{ExchangeRow, Row as _};

use crate::args::{Decode, ImportArgs};

/// What is kept of a capture, and what is said of its rows.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Which bytes of frames.
    pub frames: FrameBytes,
    /// TCP sessions.
    pub sessions: bool,
    /// Bodies.
    pub bodies: bool,
    /// Content codings are undone.
    pub decode: bool,
    /// Which exchanges; the text as it was given.
    pub keep: String,
    predicate: Predicate,
    /// Name of the host that the capture was made on.
    pub agent: String,
    /// Where it was made.
    pub vantage: Option<Vantage>,
    /// Words for all rows.
    pub tags: Vec<String>,
    /// What services are called.
    pub services: Vec<ServiceRule>,
    /// What templates paths have.
    pub paths: Vec<PathRule>,
    /// All caps.
    pub limits: Limits,
}

impl Plan {
    /// What the command line asks for.
    ///
    /// # Errors
    /// What is wrong with the filter.
    pub fn of(args: &ImportArgs) -> Result<Self, Vec<Diagnostic>> {
        let keep = args.keep.clone().unwrap_or_default();
        let parsed = parse(&keep, ExchangeRow::TABLE, &Settings::default());
        let predicate = parsed.predicate.ok_or(parsed.diagnostics)?;
        let frames = match (args.no_packets, args.full_packets) {
            (true, _) => FrameBytes::None,
            (_, true) => FrameBytes::Whole,
            _ => FrameBytes::Headers,
        };
        let decode = args.decode.unwrap_or(if args.no_bodies { Decode::Never } else { Decode::Auto });
        Ok(Self {
            frames,
            sessions: !args.no_sessions,
            bodies: !args.no_bodies,
            decode: decode == Decode::Auto,
            keep,
            predicate,
            agent: args.agent.clone(),
            vantage: args.vantage.map(Vantage::from),
            tags: args.tags.clone(),
            services: args.services.clone(),
            paths: args.paths.clone(),
            limits: Limits::default(),
        })
    }

    /// What is kept of a source.
    #[must_use]
    pub fn choice(&self) -> Choice {
        Choice {
            frames: self.frames,
            sessions: self.sessions,
            bodies: self.bodies,
            keep: self.predicate.clone(),
            undecided_frames_max: self.limits.undecided_frames_max,
        }
    }

    /// What is said of the rows of `source`.
    #[must_use]
    pub fn row_options(&self, source: &str) -> RowOptions {
        RowOptions {
            source: source.to_owned(),
            agent: self.agent.clone(),
            vantage: self.vantage,
            tags: self.tags.clone(),
            services: self.services.clone(),
            limits: self.limits.clone(),
            ..RowOptions::default()
        }
    }

    /// What makes templates of paths.
    #[must_use]
    pub fn normaliser(&self) -> Normaliser {
        Normaliser::default().with_rules(self.paths.iter().cloned())
    }

    /// Everything that changes rows, as text for people: equal texts, equal rows.
    #[must_use]
    pub fn options(&self) -> String {
        let packets = match self.frames {
            FrameBytes::None => "no packets",
            FrameBytes::Headers => "packets without payload",
            FrameBytes::Whole => "full packets",
        };
        let mut parts = vec![
            format!("rows {ROWS_VERSION}, redaction {RULES_VERSION}"),
            packets.to_owned(),
            if self.sessions { "sessions" } else { "no sessions" }.to_owned(),
            if self.bodies { "bodies" } else { "no bodies" }.to_owned(),
            if self.decode { "decoded" } else { "not decoded" }.to_owned(),
            format!("agent {:?}", self.agent),
        ];
        if let Some(vantage) = self.vantage {
            parts.push(format!("vantage {}", vantage.name()));
        }
        if !self.services.is_empty() {
            parts.push(format!("services {}", self.services.iter().map(rule).collect::<Vec<_>>().join(", ")));
        }
        if !self.paths.is_empty() {
            let paths = self.paths.iter().map(|rule| match &rule.template {
                Some(template) => format!("{:?} as {template:?}", rule.pattern),
                None => format!("{:?}", rule.pattern),
            });
            parts.push(format!("paths {}", paths.collect::<Vec<_>>().join(", ")));
        }
        if !self.tags.is_empty() {
            parts.push(format!("tags {}", self.tags.join(" ")));
        }
        if !self.keep.trim().is_empty() {
            parts.push(format!("keep {:?}", self.keep));
        }
        parts.join(", ")
    }
}

/// A rule with its conditions, as text.
fn rule(rule: &ServiceRule) -> String {
    let mut text = format!("{:?}", rule.name);
    let mut condition = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            text.push_str(&format!(" {name} {value:?}"));
        }
    };
    condition("host", rule.host.clone());
    condition("address", rule.address.map(|address| address.to_string()));
    condition("port", rule.port.map(|port| port.to_string()));
    condition("path", rule.path_prefix.clone());
    text
}
