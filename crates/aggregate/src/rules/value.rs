//! Values of metrics: a field, and what its unit becomes.

use crate::fixed::billionths;

/// A field as a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) field: String,
    /// The number is multiplied by the first and divided by the second.
    factor: (i128, i128),
}

/// All transforms by name: what is written before the colon of `ms2sec:field`.
pub const TRANSFORMS: &[(&str, (i128, i128))] = &[
    ("ns2sec", (1, 1_000_000_000)),
    ("us2sec", (1, 1_000_000)),
    ("ms2sec", (1, 1_000)),
    ("min2sec", (60, 1)),
    ("hour2sec", (3_600, 1)),
    ("kb2bytes", (1 << 10, 1)),
    ("mb2bytes", (1 << 20, 1)),
    ("gb2bytes", (1 << 30, 1)),
    ("bits2bytes", (1, 8)),
    ("percent2ratio", (1, 100)),
];

impl Value {
    /// Reads `field` or `transform:field`.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let Some((transform, field)) = text.split_once(':') else {
            return Ok(Self { field: text.to_owned(), factor: (1, 1) });
        };
        match TRANSFORMS.iter().find(|(name, _)| *name == transform) {
            Some((_, factor)) => Ok(Self { field: field.to_owned(), factor: *factor }),
            None => {
                let names: Vec<_> = TRANSFORMS.iter().map(|(name, _)| *name).collect();
                Err(format!("`{transform}` is no transform: {} are", names.join(", ")))
            }
        }
    }

    /// The number that a text is, in billionths of the new unit.
    pub(super) fn read(&self, text: &[u8]) -> Option<i128> {
        Some(billionths(text.trim_ascii())?.checked_mul(self.factor.0)? / self.factor.1)
    }
}

#[cfg(test)]
mod tests {
    use super::Value;

    #[test]
    fn units_change_exactly() {
        let table = [
            ("ms2sec:x", "22.50", Some(22_500_000)),
            ("us2sec:x", "7", Some(7_000)),
            ("min2sec:x", "0.5", Some(30_000_000_000)),
            ("x", " +19 ", Some(19_000_000_000)),
            ("kb2bytes:x", "2", Some(2_048_000_000_000)),
            ("x", "n/a", None),
        ];
        for (value, text, expected) in table {
            assert_eq!(Value::new(value).expect("it is known").read(text.as_bytes()), expected, "{value} {text}");
        }
        assert!(Value::new("ms2min:x").is_err_and(|message| message.contains("ms2sec")));
    }
}
