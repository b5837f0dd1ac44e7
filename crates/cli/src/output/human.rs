//! Numbers for people: sizes, durations, rates, grouped digits.

/// `12 345`: groups of three with a blank between them.
#[must_use]
pub fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// `1 session`, `2 sessions`: a grouped number with its noun, which takes an s for the plural.
#[must_use]
pub fn counted(value: u64, noun: &str) -> String {
    let plural = if value == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(value))
}

/// Bytes as `840 B`, `1.2 KiB`, `51.2 MiB`, `512 GiB`; at most eight columns.
#[must_use]
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    // Tenths of the unit, rounded; a value that rounds up to 1024 goes to the next unit.
    let mut unit = 1;
    let mut tenths = round_div(u128::from(bytes) * 10, 1024);
    while tenths >= 10_240 {
        unit += 1;
        tenths = round_div(u128::from(bytes) * 10, 1 << (10 * unit));
    }
    let name = UNITS[unit];
    if tenths < 1000 { format!("{}.{} {name}", tenths / 10, tenths % 10) } else { format!("{} {name}", tenths / 10) }
}

/// Nanoseconds as `120 ns`, `840 µs`, `12.3 ms`, `2.71 s`, `3m 05s`, `2h 03m`, `5d 01h`: three digits that matter.
#[must_use]
pub fn duration(nanos: u64) -> String {
    const STEPS: [(u64, &str); 4] = [(1, "ns"), (1_000, "µs"), (1_000_000, "ms"), (1_000_000_000, "s")];
    let seconds = nanos / 1_000_000_000;
    if seconds >= 60 {
        return long_duration(seconds);
    }
    let last = STEPS.iter().rposition(|(step, _)| nanos >= *step).unwrap_or(0);
    for (step, name) in &STEPS[last..] {
        let text = three_digits(nanos, *step);
        // 999.6 µs rounds to 1000: the next unit says it better.
        if !text.starts_with("1000") {
            return format!("{text} {name}");
        }
    }
    long_duration(60)
}

/// Bytes over nanoseconds as `3.4 GB/s`, `120 MB/s`.
#[must_use]
pub fn rate(bytes: u64, nanos: u64) -> String {
    const UNITS: [&str; 5] = ["B/s", "kB/s", "MB/s", "GB/s", "TB/s"];
    let mut per_second = round_div(u128::from(bytes) * 10_000_000_000, u128::from(nanos.max(1)));
    let mut unit = 0;
    while per_second >= 10_000 && unit + 1 < UNITS.len() {
        per_second = round_div(per_second, 1000);
        unit += 1;
    }
    let name = UNITS[unit];
    if per_second < 100 && unit > 0 {
        format!("{}.{} {name}", per_second / 10, per_second % 10)
    } else {
        format!("{} {name}", per_second / 10)
    }
}

fn long_duration(seconds: u64) -> String {
    const DAY: u64 = 86_400;
    match seconds {
        0..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3600..DAY => format!("{}h {:02}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d {:02}h", seconds / DAY, seconds % DAY / 3600),
    }
}

/// `value / step` with three digits; whole numbers for a step of 1.
fn three_digits(value: u64, step: u64) -> String {
    let hundredths = round_div(u128::from(value) * 100, u128::from(step));
    if step == 1 {
        return value.to_string();
    }
    match hundredths {
        0..1000 => format!("{}.{:02}", hundredths / 100, hundredths % 100),
        1000..9995 => {
            let tenths = round_div(u128::from(value) * 10, u128::from(step));
            format!("{}.{}", tenths / 10, tenths % 10)
        }
        _ => round_div(u128::from(value), u128::from(step)).to_string(),
    }
}

const fn round_div(value: u128, by: u128) -> u128 {
    (value + by / 2) / by
}

#[cfg(test)]
mod tests {
    use super::{counted, duration, grouped, rate, size};

    #[test]
    fn numbers() {
        let check = |value, expected: &str| assert_eq!(grouped(value), expected);
        check(0, "0");
        check(999, "999");
        check(51_621, "51 621");
        check(1_234_567, "1 234 567");
        assert_eq!(counted(1, "packet"), "1 packet");
        assert_eq!(counted(2000, "packet"), "2 000 packets");
    }

    #[test]
    fn sizes() {
        let check = |value, expected: &str| assert_eq!(size(value), expected);
        check(0, "0 B");
        check(1023, "1023 B");
        check(1024, "1.0 KiB");
        check(1229, "1.2 KiB");
        check(102_300, "99.9 KiB");
        check(102_400, "100 KiB");
        check(1_048_575, "1.0 MiB");
        check(u64::MAX, "16.0 EiB");
    }

    #[test]
    fn durations() {
        let check = |value, expected: &str| assert_eq!(duration(value), expected);
        check(0, "0 ns");
        check(999, "999 ns");
        check(840_000, "840 µs");
        check(1_000, "1.00 µs");
        check(999_600, "1.00 ms");
        check(12_345_678, "12.3 ms");
        check(9_996_000, "10.0 ms");
        check(99_960_000, "100 ms");
        check(2_710_000_000, "2.71 s");
        check(59_999_000_000, "60.0 s");
        check(185_000_000_000, "3m 05s");
        check(7_384_000_000_000, "2h 03m");
        check(u64::MAX, "213503d 23h");
    }

    #[test]
    fn rates() {
        let check = |bytes, nanos, expected: &str| assert_eq!(rate(bytes, nanos), expected);
        check(3_400_000_000, 1_000_000_000, "3.4 GB/s");
        check(120_000_000, 1_000_000_000, "120 MB/s");
        check(10, 1_000_000_000, "10 B/s");
        check(0, 0, "0 B/s");
        check(1_500, 1_000_000_000, "1.5 kB/s");
        check(999_960, 1_000_000_000, "1.0 MB/s");
    }
}
