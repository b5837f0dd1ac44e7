//! Names near to a misspelt one.

/// Longer names are compared no further.
const LENGTH_MAX: usize = 64;

/// Up to three of `names` that `wanted` may have meant, nearest first.
pub(crate) fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted: String = wanted.chars().take(LENGTH_MAX).flat_map(char::to_lowercase).collect();
    let allowed = (wanted.chars().count() / 3).max(1);
    let mut near: Vec<(usize, &str)> = names
        .filter_map(|name| {
            let distance = distance(&wanted, name);
            let inside = wanted.len() >= 3 && (name.contains(&wanted) || (name.len() >= 3 && wanted.contains(name)));
            (distance <= allowed || inside).then_some((distance, name))
        })
        .collect();
    near.sort();
    near.dedup();
    near.into_iter().take(3).map(|(_, name)| name).collect()
}

/// Insertions, deletions, replacements and swaps of neighbours that make `b` of `a`.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut previous = None;
    for (i, x) in a.chars().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let swapped = j > 0 && previous == Some(*y) && b[j - 1] == x;
            let swap = if swapped { before.get(j - 1).map_or(usize::MAX, |n| n + 1) } else { usize::MAX };
            let replaced = last[j] + usize::from(x != *y);
            row.push(replaced.min(last[j + 1] + 1).min(row[j] + 1).min(swap));
        }
        before = std::mem::replace(&mut last, row);
        previous = Some(x);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn distances() {
        for (a, b, expected) in
            [("", "", 0), ("abc", "", 3), ("", "ab", 2), ("status", "sattus", 1), ("path", "pth", 1), ("a", "b", 1)]
        {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn near_names_come_first_and_far_ones_not() {
        let names = ["status", "http.response.status_code", "path", "start"];
        assert_eq!(nearest("statsu", names.into_iter()), ["status"]);
        assert_eq!(nearest("STATUS", names.into_iter()), ["status", "http.response.status_code"]);
        assert!(nearest("__proto__", names.into_iter()).is_empty());
        assert!(nearest(&"x".repeat(10_000), names.into_iter()).is_empty());
    }
}
