//! The one connection to a server: never two questions at once, each with a limit of time, rows as text.
//!
//! The simple protocol is used throughout: it prepares nothing, so that it also works through a pooler, and a column's type may
//! differ from version to version.

use std::time::Duration;

use tokio_postgres::{Client, Config, SimpleQueryMessage, SimpleQueryRow};
use tokio_postgres_rustls::MakeRustlsConnect;

/// The server ends a question after this.
const STATEMENT_TIMEOUT: &str = "5s";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// More rows than `pg_stat_statements` holds, or a server with more connections, are cut.
pub(super) const ROWS_MAX: usize = 20_000;

/// A connection. Its other half runs on the runtime that made it.
pub(super) struct Connection {
    client: Client,
    pub(super) version: u32,
}

impl Connection {
    /// Connects and says who asks.
    pub(super) async fn open(mut config: Config, tls: MakeRustlsConnect) -> Result<Self, String> {
        config.application_name("arachne").connect_timeout(CONNECT_TIMEOUT);
        let (client, connection) =
            config.connect(tls).await.map_err(|error| format!("cannot connect: {}", chain(&error)))?;
        // It ends with the client.
        tokio::spawn(connection);
        let mut this = Self { client, version: 0 };
        let settings = format!(
            "set statement_timeout = '{STATEMENT_TIMEOUT}'; set lock_timeout = '1s'; set default_transaction_read_only = on; set jit = off"
        );
        this.client.batch_execute(&settings).await.map_err(|error| chain(&error))?;
        let rows = this.ask("select current_setting('server_version_num') as version").await?;
        this.version = rows.first().and_then(|row| u32::try_from(row.number("version")).ok()).unwrap_or(0);
        Ok(this)
    }

    /// Whether the server or the network ended it.
    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// The rows of an answer.
    pub(super) async fn ask(&self, sql: &str) -> Result<Vec<Row>, String> {
        let messages = self.client.simple_query(sql).await.map_err(|error| chain(&error))?;
        let row = |message| match message {
            SimpleQueryMessage::Row(row) => Some(Row(row)),
            _ => None,
        };
        Ok(messages.into_iter().filter_map(row).take(ROWS_MAX).collect())
    }
}

/// An error with its causes: what the server said stands at the end.
pub(super) fn chain(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(said) => format!("{} ({})", said.message(), said.code().code()),
        None => {
            let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
            causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
        }
    }
}

/// A row whose columns are text. What is null or no number is 0, since all that is read here counts something.
pub(super) struct Row(SimpleQueryRow);

impl Row {
    pub(super) fn text(&self, column: &str) -> Option<&str> {
        self.0.try_get(column).ok().flatten()
    }

    /// Text, empty where it is null.
    pub(super) fn label(&self, column: &str) -> &str {
        self.text(column).unwrap_or_default()
    }

    pub(super) fn number(&self, column: &str) -> u64 {
        self.text(column).map_or(0, number)
    }

    /// Nanoseconds of a column in milliseconds.
    pub(super) fn milliseconds(&self, column: &str) -> u64 {
        self.text(column).map_or(0, |text| scaled(text, 1e6))
    }

    /// Nanoseconds of a column in seconds.
    pub(super) fn seconds(&self, column: &str) -> u64 {
        self.text(column).map_or(0, |text| scaled(text, 1e9))
    }
}

/// Whole numbers exactly; others, and what does not fit, as nearly as possible.
fn number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| scaled(text, 1.0))
}

fn scaled(text: &str, by: f64) -> u64 {
    // A cast from a float stops at the ends; what is no number is 0.
    (text.parse::<f64>().unwrap_or(0.0) * by).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact_where_they_are_whole() {
        let cases = [
            ("18446744073709551615", u64::MAX),
            ("1.6", 2),
            ("-5", 0),
            ("", 0),
            ("NaN", 0),
            ("1e3", 1000),
            ("1e99", u64::MAX),
        ];
        cases.into_iter().for_each(|(text, expected)| assert_eq!(number(text), expected, "{text}"));
        assert_eq!(scaled("0.0123", 1e6), 12_300);
    }
}
