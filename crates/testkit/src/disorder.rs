//! What networks and capture points do to segments: split, reorder within a limit, repeat, lose. From a seed.

use crate::conversation::Packet;
use crate::random::Random;

/// Cuts `bytes` into pieces at random places, as (offset, piece). At least one piece, none empty unless `bytes` is.
#[must_use]
pub fn pieces<'a>(bytes: &'a [u8], count_max: usize, random: &mut Random) -> Vec<(usize, &'a [u8])> {
    let wanted = 1 + random.below(count_max.max(1));
    let mut cuts: Vec<usize> = (1..wanted).map(|_| random.below(bytes.len() + 1)).collect();
    cuts.extend([0, bytes.len()]);
    cuts.sort_unstable();
    cuts.dedup();
    if bytes.is_empty() {
        return vec![(0, bytes)];
    }
    cuts.windows(2).map(|pair| (pair[0], &bytes[pair[0]..pair[1]])).collect()
}

/// Moves items at most `distance` places from where they were.
pub fn reorder<T>(items: &mut [T], distance: usize, random: &mut Random) {
    // Shuffling inside blocks moves nothing further than a block is long.
    for block in items.chunks_mut(distance + 1) {
        random.shuffle(block);
    }
}

/// Repeats about one item in `one_in`, the copy at most `distance` places behind.
#[must_use]
pub fn repeat<T: Clone>(items: &[T], one_in: usize, distance: usize, random: &mut Random) -> Vec<T> {
    let mut waiting: Vec<(usize, T)> = Vec::new();
    let mut out = Vec::with_capacity(items.len() * 2);
    for (at, item) in items.iter().enumerate() {
        out.push(item.clone());
        if random.one_in(one_in) {
            waiting.push((at + random.below(distance + 1), item.clone()));
        }
        let due = waiting.extract_if(.., |(when, _)| *when <= at).map(|(_, copy)| copy);
        out.extend(due);
    }
    out.extend(waiting.into_iter().map(|(_, copy)| copy));
    out
}

/// Loses about one item in `one_in`.
#[must_use]
pub fn lose<T: Clone>(items: &[T], one_in: usize, random: &mut Random) -> Vec<T> {
    items.iter().filter(|_| !random.one_in(one_in)).cloned().collect()
}

/// Gives `packets` rising times again after they were moved: the k-th packet gets the k-th time.
pub fn retime(packets: &mut [Packet]) {
    let mut times: Vec<i64> = packets.iter().map(|packet| packet.at).collect();
    times.sort_unstable();
    for (packet, at) in packets.iter_mut().zip(times) {
        packet.at = at;
    }
}

#[cfg(test)]
mod tests {
    use super::{lose, pieces, reorder, repeat};
    use crate::random::Random;

    #[test]
    fn pieces_make_the_whole() {
        for seed in 0..200 {
            let mut random = Random::new(seed);
            let bytes: Vec<u8> = (0..20).collect();
            let cut = pieces(&bytes, 8, &mut random);
            assert!(cut.iter().all(|(at, piece)| bytes[*at..].starts_with(piece) && !piece.is_empty()), "{seed}");
            assert_eq!(cut.iter().flat_map(|(_, piece)| piece.iter().copied()).collect::<Vec<_>>(), bytes, "{seed}");
        }
        assert_eq!(pieces(b"", 5, &mut Random::new(1)), [(0, &b""[..])]);
    }

    #[test]
    fn disorder_stays_within_its_limits() {
        for seed in 0..100 {
            let mut random = Random::new(seed);
            let mut items: Vec<usize> = (0..50).collect();
            reorder(&mut items, 3, &mut random);
            assert!(items.iter().enumerate().all(|(at, item)| at.abs_diff(*item) <= 3), "{seed}");
            let twice = repeat(&items, 4, 5, &mut random);
            assert!(twice.len() > items.len() && items.iter().all(|item| twice.contains(item)), "{seed}");
            assert!(lose(&items, 4, &mut random).len() < items.len(), "{seed}");
        }
    }
}
