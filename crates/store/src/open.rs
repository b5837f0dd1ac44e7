//! Exchanges that came open and of which nothing more was told.
//!
//! Who publishes an exchange before its end tells of it again each minute, and at last how it ended. Where that never comes
//! (a process was killed, a batch was dropped) the exchange must not stay open for ever.

use std::time::Duration;

use arachne_model::Anomaly;
use arachne_model::table::ExchangeRow;

/// How often engines end a period by themselves, see [`crate::Store::end_period`].
pub const OPEN_PERIOD: Duration = Duration::from_secs(600);

/// Ends of periods after which an exchange counts as given up: the first may come right behind what was told.
pub const SILENT_PERIODS: u16 = 2;

/// The row of an exchange of which nothing more was told. It is no longer open: it lasted until what was last seen of it, and
/// counts as unanswered unless an answer had begun. Its anomalies say that it is `incomplete`.
#[must_use]
pub fn given_up(row: &ExchangeRow) -> ExchangeRow {
    let seen = row.response_start.or(row.request_end).unwrap_or(row.start);
    let incomplete = Anomaly::Incomplete.name();
    let anomalies = match row.anomalies.as_deref() {
        None | Some("") => incomplete.to_owned(),
        Some(words) if words.split(' ').any(|word| word == incomplete) => words.to_owned(),
        Some(words) => format!("{words} {incomplete}"),
    };
    ExchangeRow { end: Some(seen.max(row.start)), provisional: false, anomalies: Some(anomalies), ..row.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_up_ends_where_it_was_last_seen_and_says_so() {
        let open = ExchangeRow { start: 5, provisional: true, ..ExchangeRow::default() };
        let row = |request_end, response_start, anomalies: Option<&str>| ExchangeRow {
            request_end,
            response_start,
            anomalies: anomalies.map(str::to_owned),
            ..open.clone()
        };
        for (row, end, anomalies) in [
            (row(None, None, None), 5, "incomplete"),
            (row(Some(7), None, Some("gap")), 7, "gap incomplete"),
            (row(Some(7), Some(9), Some("incomplete gap")), 9, "incomplete gap"),
            (row(Some(3), None, Some("")), 5, "incomplete"),
        ] {
            let over = given_up(&row);
            assert_eq!((over.end, over.anomalies.as_deref(), over.provisional), (Some(end), Some(anomalies), false));
        }
    }
}
