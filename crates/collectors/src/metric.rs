//! What is measured, stated as data: once for collectors, documentation and whoever explains a series.

/// What a metric's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What was added in the window.
    Counter,
    /// What was seen at its end.
    Gauge,
    /// A distribution of the values in it.
    Histogram,
    /// How many different ones there were in it.
    Distinct,
}

impl Kind {
    /// Its name, as in the column `kind`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Distinct => "distinct",
        }
    }
}

/// A metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name, OpenTelemetry's where there is one.
    pub name: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// `ns`, `By`, `1` or `1e-9`.
    pub unit: &'static str,
    /// The names of its labels, in the order in which collectors give values.
    pub labels: &'static [&'static str],
    /// What it says, in a line.
    pub says: &'static str,
    /// Where the number comes from.
    pub source: &'static str,
}

/// The constructors share this order: name, unit, labels, what it says, source.
macro_rules! constructor {
    ($function:ident, $kind:ident) => {
        pub(crate) const fn $function(
            name: &'static str,
            unit: &'static str,
            labels: &'static [&'static str],
            says: &'static str,
            source: &'static str,
        ) -> Self {
            Self { name, kind: Kind::$kind, unit, labels, says, source }
        }
    };
}

impl Metric {
    constructor!(counter, Counter);
    constructor!(gauge, Gauge);
    constructor!(histogram, Histogram);
    constructor!(distinct, Distinct);
}
