//! How long a capture process is waited for. Only what it could have said in time counts against it.

use std::time::{Duration, Instant};

/// A process that says nothing for so long hangs. It speaks every second, unless its words wait for the spool.
const SILENCE: Duration = Duration::from_secs(30);
/// How long it may take to hand over what it has.
const FINISH: Duration = Duration::from_secs(6);

/// See the module.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// When it last said something.
    pub last_word: Instant,
    /// Since when it was asked to end.
    pub finishing: Option<Instant>,
}

impl Patience {
    /// With a process that starts.
    pub const fn new(now: Instant) -> Self {
        Self { last_word: now, finishing: None }
    }

    /// Whether it hangs.
    pub fn is_over(&self, now: Instant) -> bool {
        match self.finishing {
            Some(since) => now.duration_since(since) > FINISH,
            None => now.duration_since(self.last_word) > SILENCE,
        }
    }

    /// Nobody listened until `now`: silence is not its own, nor is it slow in ending.
    pub fn excuse(&mut self, now: Instant) {
        self.last_word = now;
        self.finishing = self.finishing.map(|_| now);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{FINISH, Patience, SILENCE};

    const MOMENT: Duration = Duration::from_millis(1);

    #[test]
    fn who_is_not_listened_to_does_not_hang() {
        let begun = Instant::now();
        let mut patience = Patience::new(begun);
        assert!(!patience.is_over(begun + SILENCE) && patience.is_over(begun + SILENCE + MOMENT));
        patience.excuse(begun + SILENCE);
        assert!(!patience.is_over(begun + 2 * SILENCE));
        assert_eq!(patience.finishing, None);

        patience.finishing = Some(begun);
        assert!(!patience.is_over(begun + FINISH) && patience.is_over(begun + FINISH + MOMENT));
        patience.excuse(begun + 2 * FINISH);
        assert!(!patience.is_over(begun + 3 * FINISH) && patience.is_over(begun + 3 * FINISH + MOMENT));
    }
}
