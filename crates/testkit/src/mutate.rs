//! `testkit mutate`: changes bytes of a file at random, from a seed, to see that readers survive it.

use crate::random::Random;

/// Values that sit on edges of length fields and counters.
const EDGES: [u8; 6] = [0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF];

/// Makes `changes` changes to `bytes`: flipped bits, edge values, copied, cut and repeated stretches.
///
/// The file grows by at most 64 bytes per change.
pub fn mutate(bytes: &mut Vec<u8>, changes: usize, random: &mut Random) {
    for _ in 0..changes {
        if bytes.is_empty() {
            bytes.push(random.byte());
            continue;
        }
        let at = random.below(bytes.len());
        let length = (1 + random.below(64)).min(bytes.len() - at);
        match random.below(8) {
            0..=2 => bytes[at] ^= 1 << random.below(8),
            3 => bytes[at] = random.byte(),
            4 => bytes[at] = EDGES[random.below(EDGES.len())],
            5 => {
                let from = random.below(bytes.len() - length + 1);
                bytes.copy_within(from..from + length, at);
            }
            6 => drop(bytes.drain(at..at + length)),
            _ => {
                let copy = bytes[at..at + length].to_vec();
                drop(bytes.splice(at..at, copy));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::mutate;
    use crate::random::Random;

    #[test]
    fn the_same_seed_makes_the_same_damage() {
        let damaged = |seed| {
            let mut bytes: Vec<u8> = (0..=255).collect();
            mutate(&mut bytes, 20, &mut Random::new(seed));
            bytes
        };
        assert_eq!(damaged(3), damaged(3));
        assert_ne!(damaged(3), damaged(4));
        let mut empty = Vec::new();
        mutate(&mut empty, 500, &mut Random::new(1));
        assert!(empty.len() <= 500 * 65);
    }
}
