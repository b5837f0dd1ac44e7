//! Bucket bounds at scale 5: 32 buckets between a power of two and the next, found without floating point.
//!
//! Bucket `i` holds the values `v` with `2^(i/32) < v <= 2^((i+1)/32)`, so `i = ceil(log2(v) * 32) - 1`, exact also at the
//! bounds. Source: OpenTelemetry metrics data model, "Exponential Histogram", scale 5, upper-inclusive buckets.

/// The scale of OpenTelemetry: a bucket is `2^(2^-5)` times as wide as the one before.
pub const SCALE: u32 = 5;
/// The bucket of the value 1.
pub const INDEX_MIN: i16 = -1;
/// The bucket of `u64::MAX`.
pub const INDEX_MAX: i16 = 2047;

/// Buckets between a power of two and the next.
const STEPS: usize = 1 << SCALE;

/// `floor(2^63 * 2^(k/32))`: where bucket k starts in a number shifted until its top bit is set.
const STARTS: [u64; STEPS] = [
    0x8000000000000000,
    0x82cd8698ac2ba1d7,
    0x85aac367cc487b14,
    0x88980e8092da8527,
    0x8b95c1e3ea8bd6e6,
    0x8ea4398b45cd53c0,
    0x91c3d373ab11c336,
    0x94f4efa8fef70961,
    0x9837f0518db8a96f,
    0x9b8d39b9d54e5538,
    0x9ef5326091a111ad,
    0xa27043030c496818,
    0xa5fed6a9b15138ea,
    0xa9a15ab4ea7c0ef8,
    0xad583eea42a14ac6,
    0xb123f581d2ac258f,
    0xb504f333f9de6484,
    0xb8fbaf4762fb9ee9,
    0xbd08a39f580c36be,
    0xc12c4cca66709456,
    0xc5672a115506dadd,
    0xc9b9bd866e2f27a2,
    0xce248c151f8480e3,
    0xd2a81d91f12ae45a,
    0xd744fccad69d6af4,
    0xdbfbb797daf23755,
    0xe0ccdeec2a94e111,
    0xe5b906e77c8348a8,
    0xeac0c6e7dd24392e,
    0xefe4b99bdcdaf5cb,
    0xf5257d152486cc2c,
    0xfa83b2db722a033a,
];

/// Bits below the top one that choose a slot. 64 slots are narrower than any bucket, so a slot meets at most one start.
const SLOT_BITS: u32 = 6;

/// For each slot, how many starts lie below its first number.
const BELOW_SLOT: [u8; 1 << SLOT_BITS] = {
    let mut below = [0; 1 << SLOT_BITS];
    let mut slot = 0;
    while slot < below.len() {
        let first = (1 << 63) | ((slot as u64) << (63 - SLOT_BITS));
        while (below[slot] as usize) < STEPS && STARTS[below[slot] as usize] < first {
            below[slot] += 1;
        }
        slot += 1;
    }
    below
};

/// The bucket of `value`, from [`INDEX_MIN`] to [`INDEX_MAX`]; none for zero, which has a counter of its own.
#[inline]
#[must_use]
pub fn index_of(value: u64) -> Option<i16> {
    let shift = value.leading_zeros();
    let mantissa = value.checked_shl(shift)?;
    let slot = (mantissa >> (63 - SLOT_BITS)) as usize & (BELOW_SLOT.len() - 1);
    let below = BELOW_SLOT[slot] as usize;
    let starts = below + usize::from(below < STEPS && mantissa > STARTS[below]);
    // At most 63 * 32 + 32 - 1, which an i16 holds.
    Some(((63 - shift) as usize * STEPS + starts) as i16 - 1)
}

/// The largest whole value of the bucket, or of the last bucket for an index past it; 0 for one before the first.
#[must_use]
pub fn upper_bound(index: i16) -> u64 {
    match usize::try_from(i32::from(index) + 1) {
        Err(_) => 0,
        Ok(steps) if steps >= 64 * STEPS => u64::MAX,
        Ok(steps) => STARTS[steps % STEPS] >> (63 - steps / STEPS),
    }
}

/// The bucket holds only values above this one: `lower_bound(i) < v <= upper_bound(i)`.
///
/// Where powers of two are narrow (below 64) some buckets hold no whole value, and both bounds are equal.
#[must_use]
pub fn lower_bound(index: i16) -> u64 {
    upper_bound(index.saturating_sub(1))
}

/// The whole value of the bucket whose largest relative distance to any other is smallest.
pub(super) fn middle(index: i16) -> u64 {
    let (low, high) = (u128::from(lower_bound(index)) + 1, u128::from(upper_bound(index)));
    let width = high.saturating_sub(low);
    // The harmonic mean, 2lh/(l+h), rounded to the nearest; written so that nothing exceeds 128 bits.
    let middle = low + (low * width + (low + high) / 2) / (low + high);
    u64::try_from(middle).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `value^2`, least significant limb first.
    fn square(value: &[u64]) -> Vec<u64> {
        let mut product = vec![0_u64; value.len() * 2];
        for (i, &a) in value.iter().enumerate() {
            let mut carry = 0;
            for (j, &b) in value.iter().enumerate() {
                let sum = u128::from(a) * u128::from(b) + u128::from(product[i + j]) + carry;
                product[i + j] = sum as u64;
                carry = sum >> 64;
            }
            product[i + value.len()] = carry as u64;
        }
        product
    }

    /// Bits of `value^32`: `value^32 < 2^n` when it has at most n.
    fn bits_of_power_32(value: u64) -> u32 {
        let power = (0..5).fold(vec![value], |power, _| square(&power));
        let top = power.iter().rposition(|&limb| limb != 0).expect("no power of a positive number is zero");
        top as u32 * 64 + 64 - power[top].leading_zeros()
    }

    #[test]
    fn starts_are_exact() {
        for (k, &start) in STARTS.iter().enumerate().skip(1) {
            let limit = 63 * 32 + k as u32;
            assert!(bits_of_power_32(start) <= limit, "start {k} is too large");
            assert!(bits_of_power_32(start + 1) > limit, "start {k} is too small");
        }
    }

    #[test]
    fn bounds_of_buckets() {
        let cases = [(1, -1), (2, 31), (3, 50), (4, 63), (5, 74), (1 << 32, 1023), ((1 << 32) + 1, 1024)];
        for (value, index) in cases {
            assert_eq!(index_of(value), Some(index), "{value}");
        }
        assert_eq!(index_of(0), None);
        assert_eq!(index_of(u64::MAX), Some(INDEX_MAX));
        assert_eq!(index_of(1 << 63), Some(63 * 32 - 1));
        assert_eq!((lower_bound(-1), upper_bound(-1), upper_bound(31), upper_bound(INDEX_MAX)), (0, 1, 2, u64::MAX));
        assert_eq!((upper_bound(i16::MIN), lower_bound(i16::MIN), upper_bound(i16::MAX)), (0, 0, u64::MAX));
    }

    #[test]
    fn each_bound_belongs_to_the_bucket_below_it() {
        for index in INDEX_MIN..=INDEX_MAX {
            let (low, high) = (lower_bound(index), upper_bound(index));
            if low < high {
                assert_eq!((index_of(low + 1), index_of(high)), (Some(index), Some(index)));
            }
        }
    }

    proptest! {
        #[test]
        fn a_value_lies_in_its_bucket(shift in 0_u32..64, bits: u64) {
            let value = (bits >> shift).max(1);
            let index = index_of(value).expect("the value is positive");
            prop_assert!(lower_bound(index) < value && value <= upper_bound(index));
            prop_assert!((INDEX_MIN..=INDEX_MAX).contains(&index));
            let wanted = ((value as f64).log2() * 32.0).ceil() as i16 - 1;
            prop_assert!((index - wanted).abs() <= 1, "{} is not near {}", index, wanted);
        }
    }
}
