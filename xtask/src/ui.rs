//! `cargo xtask ui`: checks the web interface: types, units, and the real program in a real browser.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::say;

/// Runs all checks of `ui/`; true when each passed. The first that fails ends the run: what follows would only repeat it.
///
/// # Errors
/// When Node, npm or Chromium are not there.
pub fn run(root: &Path) -> Result<bool> {
    let ui = root.join("ui");
    ensure!(starts("npm"), "npm does not start: install Node 20.19 or newer with npm");
    let browser = std::env::var("CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".to_owned());
    ensure!(Path::new(&browser).exists(), "{browser} is missing: install chromium, or name it by CHROMIUM");
    let types = ui.join("src/api/schema.d.ts");
    let before = std::fs::read(&types).with_context(|| format!("cannot read {}", types.display()))?;
    if !npm(&ui, &["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"])
        || !npm(&ui, &["run", "--silent", "types"])
    {
        return Ok(false);
    }
    if std::fs::read(&types)? != before {
        say("ui/src/api/schema.d.ts was not that of docs/openapi.json. It is renewed: look at it, and commit it.\n");
        return Ok(false);
    }
    // The program as the tests of the workspace have it: built for itself alone, its libraries would be built once more, with other
    // features.
    let cargo = |words: &[&str]| step(Command::new("cargo").args(words).current_dir(root));
    let built = || {
        cargo(&["test", "--workspace", "--no-run", "--quiet"])
            && cargo(&["build", "--package", "arachne-testkit", "--quiet"])
    };
    Ok(npm(&ui, &["run", "--silent", "check"])
        && npm(&ui, &["run", "--silent", "test"])
        && npm(&ui, &["run", "--silent", "component"])
        && built()
        && npm(&ui, &["run", "--silent", "e2e"]))
}

fn starts(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

fn npm(ui: &Path, arguments: &[&str]) -> bool {
    step(Command::new("npm").args(arguments).current_dir(ui))
}

fn step(command: &mut Command) -> bool {
    match command.status() {
        Ok(status) => status.success(),
        Err(error) => {
            say(&format!("{} does not start: {error}\n", command.get_program().display()));
            false
        }
    }
}
