//! Decimal text as whole billionths, so that sums are exact and do not depend on their order.

/// A decimal number such as `0.035`, `-3`, `+19`, `1e-3` in billionths; digits behind the ninth are dropped. None when it is
/// none or too large for an i128 of billionths: then it has more than 28 digits.
#[must_use]
pub fn billionths(text: &[u8]) -> Option<i128> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let (digits, exponent) = match digits.iter().position(|b| matches!(b, b'e' | b'E')) {
        Some(at) => (&digits[..at], exponent(&digits[at + 1..])?),
        None => (digits, 0),
    };
    let (whole, fraction) = match memchr::memchr(b'.', digits) {
        Some(at) => (&digits[..at], &digits[at + 1..]),
        None => (digits, &[][..]),
    };
    if whole.is_empty() && fraction.is_empty() || whole.len() > 28 {
        return None;
    }
    let value = scaled(whole, fraction, exponent)?;
    Some(if negative { -value } else { value })
}

/// The power of ten behind `e`, within what could matter.
fn exponent(text: &[u8]) -> Option<i32> {
    let text = std::str::from_utf8(text).ok()?;
    let exponent: i32 = text.parse().ok()?;
    (-40..=28).contains(&exponent).then_some(exponent)
}

fn scaled(whole: &[u8], fraction: &[u8], exponent: i32) -> Option<i128> {
    let (mut value, mut places) = (0_i128, 9 + exponent);
    for digit in whole.iter().chain(fraction) {
        if !digit.is_ascii_digit() {
            return None;
        }
    }
    for digit in whole {
        value = value * 10 + i128::from(digit - b'0');
    }
    for digit in fraction {
        if places <= 0 {
            break;
        }
        value = value.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
        places -= 1;
    }
    let power = 10_i128.checked_pow(places.unsigned_abs());
    if places >= 0 { value.checked_mul(power?) } else { Some(power.map_or(0, |power| value / power)) }
}

/// Seconds as nanoseconds, for times that cannot be negative: the common case of at most nine digits before and three
/// behind the point without any detour.
#[must_use]
pub fn nanos(text: &[u8]) -> Option<u64> {
    let (point, fraction) = match text {
        [whole @ .., b'.', _, _, _] if (1..=9).contains(&whole.len()) => (whole.len(), 3),
        _ => return u64::try_from(billionths(text)?).ok(),
    };
    let mut value = 0_u64;
    for &digit in text[..point].iter().chain(&text[point + 1..point + 1 + fraction]) {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value * 10 + u64::from(digit - b'0');
    }
    Some(value * 1_000_000)
}

/// A whole number without a sign.
#[must_use]
pub fn whole(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 20 {
        return None;
    }
    text.iter().try_fold(0_u64, |value, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimal_text_is_read_exactly() {
        let table: &[(&str, Option<i128>)] = &[
            ("0.035", Some(35_000_000)),
            ("22.50", Some(22_500_000_000)),
            ("+19", Some(19_000_000_000)),
            ("-3", Some(-3_000_000_000)),
            (".5", Some(500_000_000)),
            ("5.", Some(5_000_000_000)),
            ("0.1234567899", Some(123_456_789)),
            ("1e-3", Some(1_000_000)),
            ("1.5e3", Some(1_500_000_000_000)),
            ("1e-12", Some(0)),
            ("12e-12", Some(0)),
            ("1234e-12", Some(1)),
            ("", None),
            (".", None),
            ("-", None),
            ("1.2.3", None),
            ("1e999", None),
            ("12a", None),
            ("99999999999999999999999999999999", None),
        ];
        for &(text, value) in table {
            assert_eq!(billionths(text.as_bytes()), value, "{text}");
        }
        assert_eq!(nanos(b"-0.001"), None);
        assert_eq!(nanos(b".123"), Some(123_000_000));
        assert_eq!(nanos(b"99999999999999.123"), None);
    }

    proptest! {
        #[test]
        fn the_short_way_is_the_long_one(seconds in 0_u32.., millis in 0_u32..1000) {
            let text = format!("{seconds}.{millis:03}");
            prop_assert_eq!(nanos(text.as_bytes()).map(i128::from), billionths(text.as_bytes()));
        }

        #[test]
        fn any_bytes_are_read_or_refused(text in proptest::collection::vec(any::<u8>(), 0..40), digits in "[-+]?[0-9]{0,30}[.]?[0-9]{0,30}(e-?[0-9]{1,3})?") {
            let _ = (billionths(&text), nanos(&text), whole(&text));
            let _ = billionths(digits.as_bytes());
        }
    }
}
