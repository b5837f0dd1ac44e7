//! Time in windows of 10 s, by the time that lines say.
//!
//! A window stays open for two more, so that lines may come late. What is later still, and what claims to be of the
//! future, is counted and not used. A line of another time altogether (more than [`JUMP`] windows away, either way) gets a
//! window of its own, so that one wrong clock does not end all others; when the next line is of that time too, time goes
//! on there. So a window can come more than once: what it holds is to be added to what came before.

use crate::time::SECOND;

/// How long a window is, in nanoseconds.
pub const WIDTH: i64 = 10 * SECOND;
/// How many windows behind the newest still take lines.
pub const LATE_MAX: i64 = 2;
/// Windows between lines beyond which they are of different times: ten minutes.
pub const JUMP: u64 = 60;
/// How far ahead of its arrival a line may claim to be, in nanoseconds: clocks differ.
pub const AHEAD_MAX: i64 = 120 * SECOND;

/// Lines that belong to no open window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missed {
    /// More than [`LATE_MAX`] windows behind the newest line.
    pub late: u64,
    /// More than [`AHEAD_MAX`] behind their own arrival.
    pub ahead: u64,
}

/// Windows that are open, and those that closed and were not taken yet.
#[derive(Clone, Debug)]
pub(crate) struct Windows<T> {
    /// By number, ascending; at most [`LATE_MAX`] + 1.
    open: Vec<(i64, T)>,
    closed: Vec<(i64, T)>,
    /// The window of the last line when that was of another time.
    elsewhere: Option<i64>,
    missed: Missed,
}

impl<T> Default for Windows<T> {
    fn default() -> Self {
        Self { open: Vec::new(), closed: Vec::new(), elsewhere: None, missed: Missed::default() }
    }
}

impl<T> Windows<T> {
    /// The number of the window of an instant, which is held from now on; None, counted, where it is too late or too early.
    /// `arrived` is when the line came. What is to be done when a window ends can be done before the line is counted.
    pub(crate) fn enter(&mut self, at: i64, arrived: i64, make: impl FnOnce() -> T) -> Option<i64> {
        let number = at.div_euclid(WIDTH);
        match self.newest() {
            Some(newest) if number == newest => {
                self.elsewhere = None;
                return Some(number);
            }
            _ if at.saturating_sub(arrived) > AHEAD_MAX => {
                self.missed.ahead += 1;
                return None;
            }
            Some(newest) if newest.abs_diff(number) > JUMP => {
                let before = self.elsewhere.replace(number);
                if before.is_none_or(|before| before.abs_diff(number) > JUMP) {
                    self.enter_another_time(number, make);
                    return Some(number);
                }
                self.closed.append(&mut self.open);
            }
            Some(newest) if newest - number > LATE_MAX => {
                self.missed.late += 1;
                return None;
            }
            _ => {}
        }
        self.elsewhere = None;
        let place = self.open.partition_point(|(other, _)| *other < number);
        if self.open.get(place).is_none_or(|(other, _)| *other != number) {
            self.open.insert(place, (number, make()));
            self.shut();
        }
        Some(number)
    }

    /// A window that is closed as soon as it is filled.
    fn enter_another_time(&mut self, number: i64, make: impl FnOnce() -> T) {
        if self.closed.last().is_none_or(|(other, _)| *other != number) {
            self.closed.push((number, make()));
        }
    }

    /// Closes what is too old beside the newest.
    fn shut(&mut self) {
        let Some(&(newest, _)) = self.open.last() else { return };
        let old = self.open.partition_point(|(number, _)| newest.saturating_sub(*number) > LATE_MAX);
        self.closed.extend(self.open.drain(..old));
    }

    /// The number of the newest window.
    pub(crate) fn newest(&self) -> Option<i64> {
        self.open.last().map(|(number, _)| *number)
    }

    /// The window of a number that was not taken yet, open or closed; of several the last.
    pub(crate) fn held(&mut self, number: i64) -> Option<&mut T> {
        let mut all = self.closed.iter_mut().chain(&mut self.open).rev();
        all.find(|(held, _)| *held == number).map(|(_, window)| window)
    }

    /// All windows that were not taken yet, to be changed.
    pub(crate) fn held_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.closed.iter_mut().chain(&mut self.open).map(|(_, window)| window)
    }

    /// The windows that closed since this was asked last, each with its start in nanoseconds since the Unix epoch.
    pub(crate) fn take_closed(&mut self) -> Vec<(i64, T)> {
        self.closed.drain(..).map(|(number, window)| (number.saturating_mul(WIDTH), window)).collect()
    }

    /// Closes all.
    pub(crate) fn close(&mut self) {
        self.closed.append(&mut self.open);
    }

    /// Lines of no window.
    pub(crate) fn missed(&self) -> Missed {
        self.missed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_lines_find_their_window_until_it_closes() {
        let mut windows: Windows<u32> = Windows::default();
        let mut add = |second: i64| {
            let number = windows.enter(second * SECOND, 1000 * SECOND, || 0);
            number.and_then(|number| windows.held(number)).map(|count| *count += 1).is_some()
        };
        let added = [5, 9, 15, 35, 25, 19, 9, 36, 1131].map(&mut add);
        assert_eq!(added, [true, true, true, true, true, true, false, true, false]);
        assert_eq!(windows.missed(), Missed { late: 1, ahead: 1 });
        assert_eq!(windows.take_closed(), [(0, 2)]);
        windows.close();
        assert_eq!(windows.take_closed(), [(10 * SECOND, 2), (20 * SECOND, 1), (30 * SECOND, 2)]);
    }

    #[test]
    fn one_wrong_clock_does_not_end_windows_and_two_lines_move_time() {
        let mut windows: Windows<u32> = Windows::default();
        let mut add = |second: i64| {
            let number = windows.enter(second * SECOND, i64::MAX, || 0);
            number.and_then(|number| windows.held(number)).map(|count| *count += 1).is_some()
        };
        let seconds = [5, 900_000, 6, 15, 900_000, 900_001, 900_015, 4, 5, 6];
        assert!(seconds.into_iter().all(&mut add));
        windows.close();
        let at = |second: i64, count: u32| (second * SECOND, count);
        let expected = [at(900_000, 2), at(0, 2), at(10, 1), at(0, 1), at(900_000, 1), at(900_010, 1), at(0, 2)];
        assert_eq!(windows.take_closed(), expected);
    }

    #[test]
    fn instants_at_the_ends_of_time_are_instants() {
        let mut windows: Windows<()> = Windows::default();
        for (at, arrived) in [(i64::MIN, 0), (i64::MAX, i64::MAX), (i64::MIN, 0)] {
            assert!(windows.enter(at, arrived, || ()).is_some());
        }
    }
}
