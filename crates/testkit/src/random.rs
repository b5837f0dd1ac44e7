//! Random numbers from a seed: the same seed gives the same test on every machine and in every year.
//!
//! Not for secrets. Source: Marsaglia, "Xorshift RNGs", 2003 (xorshift64*, multiplier by Vigna, 2016).

/// A generator. Small, fast, copied to fork it.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator from any seed, zero included.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        // Neighbouring seeds must not give neighbouring sequences, and the state must not be zero.
        let mixed = (seed ^ 0x9E37_79B9_7F4A_7C15).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        Self(mixed ^ (mixed >> 31) | 1)
    }

    /// The next 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `end`; 0 when `end` is 0. The bias is below `end` / 2^32, which no test can see.
    pub fn below(&mut self, end: usize) -> usize {
        let high = self.bits() >> 32;
        usize::try_from((u128::from(high) * end as u128) >> 32).expect("a part of `end`, which is a usize")
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// A byte.
    pub const fn byte(&mut self) -> u8 {
        self.bits().to_be_bytes()[0]
    }

    /// Brings `items` into a random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn same_seed_same_numbers_and_all_values_come() {
        let numbers = |seed| {
            let mut random = Random::new(seed);
            (0..200).map(|_| random.below(10)).collect::<Vec<_>>()
        };
        assert_eq!(numbers(0), numbers(0));
        assert_ne!(numbers(0), numbers(1));
        assert!((0..10).all(|n| numbers(7).contains(&n)));
        assert_eq!(Random::new(1).below(0), 0);
    }
}
