//! A PostgreSQL server of a test, behind a Unix socket in a folder of its own.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A running server; it ends with this.
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
}

fn is_root() -> bool {
    // Who a process is owns its folder there.
    std::fs::metadata("/proc/self").is_ok_and(|facts| facts.uid() == 0)
}

/// A program as the user that may run a server: nobody may as root.
fn as_owner(program: &Path) -> Command {
    if is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

fn run(command: &mut Command) -> io::Result<()> {
    let output = command.current_dir("/").stdin(Stdio::null()).output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(io::Error::other(said)) }
}

impl Cluster {
    /// Starts one in an empty `folder`, with `pg_stat_statements` loaded. None, with a message, where PostgreSQL is not installed.
    ///
    /// # Errors
    /// It is installed, and does not start.
    pub fn start(folder: &Path) -> io::Result<Option<Self>> {
        Self::start_with(folder, None)
    }

    /// The same, which is reached at `port` of 127.0.0.1, too, over TLS alone, with this certificate and key (PEM).
    ///
    /// # Errors
    /// It is installed, and does not start.
    pub fn start_tls(folder: &Path, port: u16, certificate: &str, key: &str) -> io::Result<Option<Self>> {
        Self::start_with(folder, Some((port, certificate, key)))
    }

    #[allow(clippy::print_stderr, reason = "a skipped test says so")]
    fn start_with(folder: &Path, tls: Option<(u16, &str, &str)>) -> io::Result<Option<Self>> {
        let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let programs = versions.map(|version| version.path().join("bin")).find(|bin| bin.join("initdb").exists());
        let Some(programs) = programs else {
            eprintln!("skipped: PostgreSQL is not installed below /usr/lib/postgresql");
            return Ok(None);
        };
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(folder))?;
        }
        let cluster = Self { folder: folder.to_owned(), programs };
        let data = cluster.data();
        let initdb = ["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "-N", "-D"];
        run(as_owner(&cluster.programs.join("initdb")).args(initdb).arg(&data))?;
        let mut listen = "-c listen_addresses=".to_owned();
        if let Some((port, certificate, key)) = tls {
            let rules = "local all all trust\nhostssl all all 127.0.0.1/32 trust\n";
            for (name, text) in [("server.crt", certificate), ("server.key", key), ("pg_hba.conf", rules)] {
                let file = data.join(name);
                std::fs::write(&file, text)?;
                run(Command::new("chmod").arg("600").arg(&file))?;
                if is_root() {
                    run(Command::new("chown").arg("postgres").arg(&file))?;
                }
            }
            listen = format!("-c listen_addresses=127.0.0.1 -c port={port} -c ssl=on");
        }
        let options = format!(
            "{listen} -c unix_socket_directories={} -c shared_preload_libraries=pg_stat_statements -c fsync=off \
             -c track_io_timing=on -c pg_stat_statements.track_utility=on",
            folder.display()
        );
        let mut start = as_owner(&cluster.programs.join("pg_ctl"));
        start.args(["-w", "-t", "120", "-o", &options, "-l"]).arg(data.join("log")).arg("-D").arg(&data).arg("start");
        run(&mut start)?;
        Ok(Some(cluster))
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The text of a connection as a user.
    #[must_use]
    pub fn connection(&self, user: &str) -> String {
        format!("host={} user={user} dbname=postgres", self.folder.display())
    }

    fn client(&self, sql: &str) -> Command {
        let mut command = Command::new(self.programs.join("psql"));
        command.args(["-q", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-h"]).arg(&self.folder).args(["-c", sql]);
        command
    }

    /// Runs statements as the superuser.
    ///
    /// # Errors
    /// What the server said.
    pub fn run(&self, sql: &str) -> io::Result<()> {
        run(&mut self.client(sql))
    }

    /// Runs statements without waiting for their end.
    ///
    /// # Errors
    /// There is no client.
    pub fn begin(&self, sql: &str) -> io::Result<Child> {
        let mut command = self.client(sql);
        command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
    }

    /// Runs the statements that `arachne setup` prints, as psql does with them on its standard input.
    ///
    /// # Errors
    /// What the server said.
    pub fn run_script(&self, script: &str) -> io::Result<()> {
        let file = self.folder.join("script.sql");
        std::fs::write(&file, script)?;
        let mut command = Command::new(self.programs.join("psql"));
        command.args(["-q", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-h"]).arg(&self.folder).arg("-f").arg(&file);
        run(&mut command)
    }

    /// Waits until statements succeed.
    ///
    /// # Errors
    /// They never do; what was said last.
    pub fn wait_for(&self, sql: &str) -> io::Result<()> {
        let mut last = Ok(());
        for _ in 0..300 {
            last = self.run(sql);
            if last.is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        last
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let stop = ["-m", "immediate", "-w", "stop", "-D"];
        // A server that is gone already stays so.
        let _ = run(as_owner(&self.programs.join("pg_ctl")).args(stop).arg(self.data()));
    }
}
