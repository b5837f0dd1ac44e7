//! Rows of all tables.

use super::{BodyRow, ExchangeRow, HostRow, LogRow, PacketRow, PointRow, QualityRow, SessionRow};

/// Rows of all tables that belong together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// Exchanges.
    pub exchanges: Vec<ExchangeRow>,
    /// TCP sessions.
    pub sessions: Vec<SessionRow>,
    /// Frames.
    pub packets: Vec<PacketRow>,
    /// Bodies.
    pub bodies: Vec<BodyRow>,
    /// Capture quality.
    pub quality: Vec<QualityRow>,
    /// Names of addresses.
    pub hosts: Vec<HostRow>,
    /// Values of series.
    pub points: Vec<PointRow>,
    /// Lines of logs.
    pub logs: Vec<LogRow>,
}

impl Rows {
    /// Rows in all tables.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.exchanges.len()
            + self.sessions.len()
            + self.packets.len()
            + self.bodies.len()
            + self.quality.len()
            + self.hosts.len()
            + self.points.len()
            + self.logs.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds all of `more`, behind those that are there.
    pub fn append(&mut self, more: Self) {
        let Self { exchanges, sessions, packets, bodies, quality, hosts, points, logs } = more;
        self.exchanges.extend(exchanges);
        self.sessions.extend(sessions);
        self.packets.extend(packets);
        self.bodies.extend(bodies);
        self.quality.extend(quality);
        self.hosts.extend(hosts);
        self.points.extend(points);
        self.logs.extend(logs);
    }
}
