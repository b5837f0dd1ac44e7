//! The collector over a real server, which each test starts for itself where PostgreSQL is installed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::*;
use crate::testing::Found;

const SECOND: i64 = 1_000_000_000;

/// A server of a test, behind a Unix socket in a folder of its own.
struct Cluster {
    folder: tempfile::TempDir,
    programs: PathBuf,
}

/// A program as the user that may run a server: nobody may as root.
fn as_owner(program: &Path) -> Command {
    if rustix::process::geteuid().is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.current_dir("/").stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    output.status.success().then_some(()).ok_or_else(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

impl Cluster {
    /// None, with a message, where PostgreSQL is not installed.
    fn start() -> Option<Self> {
        let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let programs = versions.map(|version| version.path().join("bin")).find(|bin| bin.join("initdb").exists());
        let Some(programs) = programs else {
            eprintln!("skipped: PostgreSQL is not installed below /usr/lib/postgresql");
            return None;
        };
        let folder = tempfile::tempdir().expect("a folder");
        if rustix::process::geteuid().is_root() {
            run(Command::new("chown").arg("postgres").arg(folder.path())).expect("the package makes the user");
        }
        let cluster = Self { folder, programs };
        let data = cluster.data();
        let initdb = ["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "-N", "-D"];
        run(as_owner(&cluster.programs.join("initdb")).args(initdb).arg(&data)).expect("a cluster");
        let options = format!(
            "-c listen_addresses= -c unix_socket_directories={} -c shared_preload_libraries=pg_stat_statements -c fsync=off \
             -c track_io_timing=on -c pg_stat_statements.track_utility=on",
            cluster.folder.path().display()
        );
        let start = ["-w", "-t", "120", "-o", &options, "-l"];
        run(as_owner(&cluster.programs.join("pg_ctl"))
            .args(start)
            .arg(data.join("log"))
            .arg("-D")
            .arg(&data)
            .arg("start"))
        .expect("a server");
        Some(cluster)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn config(&self, user: &str) -> String {
        format!("host={} user={user} dbname=postgres", self.folder.path().display())
    }

    /// Runs statements as the superuser.
    fn psql(&self, sql: &str) {
        let psql = ["-q", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-h"];
        run(Command::new(self.programs.join("psql")).args(psql).arg(self.folder.path()).args(["-c", sql])).expect(sql);
    }

    fn collector(&self, user: &str) -> Postgresql {
        Postgresql::new(&self.config(user), Some("test")).expect("a connection")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let stop = ["-m", "immediate", "-w", "stop", "-D"];
        // A server that is gone already stays so.
        let _ = run(as_owner(&self.programs.join("pg_ctl")).args(stop).arg(self.data()));
    }
}

fn read(collector: &mut Postgresql, second: i64) -> Found {
    let mut found = Found::default();
    collector.collect(second * SECOND, &mut found).expect("the server answers");
    found
}

/// Count and sum of the statement whose labels contain a text.
fn statement(found: &Found, metric: &Metric, text: &str) -> Option<(u64, i64)> {
    let mut points = found.points.iter().filter(|point| point.name == metric.name && point.labels.contains(text));
    points.next().map(|point| (point.count, point.sum))
}

#[test]
fn a_real_server_tells_everything_that_is_listed() {
    let Some(cluster) = Cluster::start() else { return };
    let setup = setup_sql("arachne");
    setup.split(';').filter(|part| part.trim().len() > 8).for_each(|part| {
        let sql: String = part.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join(" ");
        if !["begin", "commit"].contains(&sql.trim()) {
            cluster.psql(&sql);
        }
    });
    let mut collector = cluster.collector("arachne");
    read(&mut collector, 10);
    cluster.psql("create table t (a int)");
    for n in 0..7 {
        cluster.psql(&format!("insert into t select generate_series(1, {n} + 1000)"));
    }
    cluster.psql("alter role arachne password 'geheim-4711'");
    cluster.psql("select pg_create_physical_replication_slot('spare', true)");
    // One transaction holds a lock, and another session waits for it.
    let mut holder = background(&cluster, "begin; lock table t; select pg_sleep(600)");
    wait_for(
        &cluster,
        "select 1 / count(*) from pg_locks where relation = 't'::regclass and granted and mode = 'AccessExclusiveLock'",
    );
    let mut waiter = background(&cluster, "select count(*) from t");
    wait_for(&cluster, "select 1 / count(*) from pg_stat_activity where wait_event_type = 'Lock'");
    let found = read(&mut collector, 20);
    for child in [&mut holder, &mut waiter] {
        child.kill().and_then(|()| child.wait().map(drop)).expect("it waits");
    }
    assert_eq!(collector.missing(), []);
    // This server has no replica.
    let replicas = [server::LAG.name, server::LAG_TIME.name];
    let sometimes = [top::IO.name, top::READ.name, top::TEMP.name, server::SIZE.name];
    let listed: Vec<Metric> = METRICS.iter().copied().flatten().copied().collect();
    for metric in listed.iter().filter(|metric| !replicas.contains(&metric.name) && !sometimes.contains(&metric.name)) {
        assert!(found.points.iter().any(|point| point.name == metric.name), "{}", metric.name);
    }
    let insert = "query: insert into t select generate_series($1, $2 + $3)\nuser: postgres\n";
    let (calls, time) = statement(&found, &top::TIME, insert).expect("it was executed");
    assert_eq!(calls, 7);
    assert!(time > 0);
    assert_eq!(statement(&found, &top::ROWS, insert).map(|(_, rows)| rows), Some(7 * 1000 + 21));
    assert!(statement(&found, &top::TIME, "query: alter role arachne password ?\n").is_some());
    assert!(
        found.points.iter().all(|point| !point.labels.contains("geheim") && point.labels.contains("instance: test\n"))
    );
    let locks = "blocker: postgres\nblocker_state: active\ndatabase: postgres\ninstance: test\nuser: postgres\n";
    assert_eq!(statement(&found, &activity::LOCKS, locks), Some((1, 1)));
    let running = "database: postgres\ninstance: test\nuser: postgres\n";
    assert_eq!(statement(&found, &activity::RUNNING, running).map(|(_, sum)| sum), Some(2));
}

fn background(cluster: &Cluster, sql: &str) -> std::process::Child {
    let psql = cluster.programs.join("psql");
    let mut command = Command::new(psql);
    command.args(["-q", "-U", "postgres", "-h"]).arg(cluster.folder.path()).args(["-c", sql]).current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("psql is installed")
}

/// Waits until a question is answered without an error.
fn wait_for(cluster: &Cluster, sql: &str) {
    let psql = ["-q", "-U", "postgres", "-h"];
    for _ in 0..300 {
        let asked =
            run(Command::new(cluster.programs.join("psql")).args(psql).arg(cluster.folder.path()).args(["-c", sql]));
        if asked.is_ok() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("never: {sql}");
}

#[test]
fn resets_and_restarts_of_a_real_server_never_count_backwards() {
    let Some(cluster) = Cluster::start() else { return };
    cluster.psql("create extension pg_stat_statements");
    let calls = |found: &Found| statement(found, &top::TIME, "query: select $1 + $2\n").map(|(calls, _)| calls);
    let ask = |times| (0..times).for_each(|_| cluster.psql("select 1 + 2"));
    let mut collector = cluster.collector("postgres");
    ask(5);
    assert_eq!(calls(&read(&mut collector, 10)), None);
    ask(2);
    assert_eq!(calls(&read(&mut collector, 20)), Some(2));
    cluster.psql("select pg_stat_statements_reset()");
    ask(9);
    assert_eq!(calls(&read(&mut collector, 30)), Some(9));
    assert_eq!(calls(&read(&mut collector, 40)), None);
    // The server ends the connection: one reading says so at the most, the next one connects anew.
    cluster.psql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'arachne'");
    let ended = collector.collect(50 * SECOND, &mut Found::default());
    assert!(ended.is_ok() || ended.is_err_and(|error| error.contains("connection")));
    ask(1);
    assert!(calls(&read(&mut collector, 60)).is_some());
}

#[test]
fn what_a_role_may_not_see_is_said() {
    let Some(cluster) = Cluster::start() else { return };
    cluster.psql("create role nobody login");
    let mut collector = cluster.collector("nobody");
    let found = read(&mut collector, 10);
    assert!(found.total(&activity::LIMIT) > 0);
    let whats: Vec<String> = collector.missing().into_iter().map(|missing| missing.what).collect();
    assert!(whats.iter().any(|what| what == "statements and their times"), "{whats:?}");
    assert!(whats.iter().any(|what| what == "states and statements of other users"), "{whats:?}");
}

#[test]
fn errors_say_what_and_why() {
    let error = Postgresql::new("user=x", None).err().expect("no host");
    assert!(error.contains("no host"), "{error}");
    let error = Postgresql::new("host=x nonsense=1", None).err().expect("no such setting");
    assert!(error.contains("nonsense"), "{error}");
    let folder = tempfile::tempdir().expect("a folder");
    let config = format!("host={} user=x", folder.path().display());
    let mut collector = Postgresql::new(&config, None).expect("well formed");
    let error = collector.collect(10 * SECOND, &mut Found::default()).expect_err("nobody listens");
    assert!(error.contains("cannot connect"), "{error}");
}

#[test]
fn the_role_of_the_setup_cannot_break_out_of_its_name() {
    assert!(setup_sql("a\"; drop").contains("create role \"a\"\"; drop\" login"));
}
