//! Emitting an event with a code.

use std::error::Error;
use std::fmt;

/// Emits an event: the code (a constant of [`codes`](crate::codes)), then fields as `tracing` takes them.
///
/// The message is the code's own; values go into fields, with units at the end of their names. `%value` takes the
/// `Display` of a value, `?value` its `Debug`. An error goes into `error` with [`chain`], so that nothing of it is lost.
/// The event is counted in any case, and printed by what [`init`](crate::init) set up.
///
/// ```
/// # use arachne_telemetry::{chain, codes, emit};
/// # let error = std::io::Error::other("no such file");
/// emit!(codes::READ_FILE_003, file = "trace.pcap", error = %chain(&error));
/// ```
#[macro_export]
macro_rules! emit {
    ($code:expr $(, $($fields:tt)*)?) => {{
        const CODE: $crate::LogCode = $code;
        $crate::count(&CODE);
        $crate::tracing::event!(
            target: "arachne",
            CODE.level.tracing(),
            code = CODE.id,
            message = CODE.message
            $(, $($fields)*)?
        );
    }};
}

/// Displays an error with its sources: `a: b: c`. See [`chain`].
#[derive(Debug)]
pub struct Chain<'a>(&'a (dyn Error + 'a));

/// Displays `error` with all its sources, so that the reader learns the cause and not only what was tried.
pub fn chain<'a>(error: &'a (dyn Error + 'a)) -> Chain<'a> {
    Chain(error)
}

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}
