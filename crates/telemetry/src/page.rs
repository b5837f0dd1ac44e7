//! The page `docs/log-codes.md`.

use std::fmt::Write as _;

use crate::LogCode;
use crate::codes::ALL;

const INTRODUCTION: &str = "\
# Log codes

Each message of level info and above carries a code: `[SERVICE]-[FEATURE]-NNN`. A code never changes its meaning and is
never used again for another one. Messages go to stderr; the same code is printed at most ten times a second, then the
number of those that were not shown.

This page is generated from the table in `crates/telemetry/src/codes.rs`. After a change there, run
`UPDATE_EXPECT=1 cargo test -p arachne-telemetry`.
";

/// Renders the page of all codes.
#[must_use]
pub fn render_markdown() -> String {
    let mut page = String::from(INTRODUCTION);
    page.push_str("\n| code | level | message |\n|---|---|---|\n");
    for code in ALL {
        let anchor = code.id.to_ascii_lowercase();
        // Writing to a string cannot fail.
        let _ = writeln!(page, "| [{}](#{anchor}) | {} | {} |", code.id, code.level.name(), code.message);
    }
    ALL.iter().for_each(|code| push_code(&mut page, code));
    page
}

fn push_code(page: &mut String, code: &LogCode) {
    let LogCode { id, message, meaning, cause, action, since, .. } = code;
    let level = code.level.name();
    let retired = code.retired.map(|version| format!(", not emitted from {version} on")).unwrap_or_default();
    let _ = write!(
        page,
        "\n## {id}\n\n`{message}` ({level}, since {since}{retired})\n\n{meaning}\n\n\
         - Likely cause: {cause}\n- What to do: {action}\n"
    );
}
