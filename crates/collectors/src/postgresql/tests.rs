//! The collector over a real server, which each test starts for itself where PostgreSQL is installed.

use super::*;
use crate::testing::Found;

const SECOND: i64 = 1_000_000_000;

/// A server of a test, with the folder that it is in.
struct Cluster(
    arachne_testkit::postgresql::Cluster,
    #[expect(dead_code, reason = "it is there as long as this is")] tempfile::TempDir,
);

impl Cluster {
    /// None, with a message, where PostgreSQL is not installed.
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let cluster = arachne_testkit::postgresql::Cluster::start(folder.path()).expect("a server");
        cluster.map(|cluster| Self(cluster, folder))
    }

    /// Runs statements as the superuser.
    fn psql(&self, sql: &str) {
        self.0.run(sql).expect(sql);
    }

    fn collector(&self, user: &str) -> Postgresql {
        Postgresql::new(&self.0.connection(user), None, None, Some("test")).expect("a connection")
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
    cluster.0.run_script(&setup_sql("arachne")).expect("psql takes it as it is printed");
    let mut collector = cluster.collector("arachne");
    read(&mut collector, 10);
    cluster.psql("create table t (a int)");
    for n in 0..7 {
        cluster.psql(&format!("insert into t select generate_series(1, {n} + 1000)"));
    }
    cluster.psql("alter role arachne password 'geheim-4711'");
    cluster.psql("select pg_create_physical_replication_slot('spare', true)");
    // One transaction holds a lock, and another session waits for it.
    let mut holder = cluster.0.begin("begin; lock table t; select pg_sleep(600)").expect("psql");
    let locked =
        "select 1 / count(*) from pg_locks where relation = 't'::regclass and granted and mode = 'AccessExclusiveLock'";
    cluster.0.wait_for(locked).expect("it locks");
    let mut waiter = cluster.0.begin("select count(*) from t").expect("psql");
    cluster.0.wait_for("select 1 / count(*) from pg_stat_activity where wait_event_type = 'Lock'").expect("it waits");
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

/// A report that runs for minutes is seen while it runs, by its text, and not once more when it ends.
#[test]
fn a_long_statement_shows_while_it_runs_and_counts_once() {
    let Some(cluster) = Cluster::start() else { return };
    cluster.psql("create extension pg_stat_statements");
    let mut collector = cluster.collector("postgres");
    read(&mut collector, 10);
    let runs = |what: &str, seconds: u32| {
        let active = "state = 'active' and pid <> pg_backend_pid()";
        format!(
            "select 1 / count(*) from pg_stat_activity where query like '%{what}%' and {active} \
             and clock_timestamp() - query_start > '{seconds} s'"
        )
    };
    let mut long = cluster.0.begin("select pg_sleep(6), 'long'").expect("psql");
    cluster.0.wait_for(&runs("long", 1)).expect("it runs");
    let text = "query: select pg_sleep($1), $2\n";
    let busy = |found: &Found| statement(found, &top::BUSY, text).map_or(0, |(_, sum)| sum);
    let found = read(&mut collector, 20);
    let while_it_ran = busy(&found);
    assert!((SECOND..6 * SECOND).contains(&while_it_ran), "{while_it_ran}");
    assert_eq!(statement(&found, &top::TIME, text), None, "it has not ended");
    assert!(statement(&found, &top::TEXT, "text: select pg_sleep($1), $2\n").is_some());
    assert!(long.wait().expect("psql").success());
    let found = read(&mut collector, 30);
    let (_, whole) = statement(&found, &top::TIME, text).expect("it ended");
    assert!(whole >= 6 * SECOND, "{whole}");
    assert!(
        busy(&found).abs_diff(whole - while_it_ran) < 1_000_000,
        "{} after {while_it_ran} of {whole}",
        busy(&found)
    );
    // One that fails is in no entry: what ran of it was told, and nobody else pays for it.
    let mut killed = cluster.0.begin("select pg_sleep(600), 'killed'").expect("psql");
    cluster.0.wait_for(&runs("killed", 0)).expect("it runs");
    assert!(busy(&read(&mut collector, 40)) > 0);
    cluster.psql(
        "select pg_cancel_backend(pid) from pg_stat_activity where query like '%killed%' and pid <> pg_backend_pid()",
    );
    killed.wait().expect("psql");
    assert_eq!([50, 60, 70].map(|second| busy(&read(&mut collector, second))), [0; 3]);
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

/// An authority and a certificate of it for 127.0.0.1, with its key; all PEM.
fn certificates() -> (String, String, String) {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let key = || KeyPair::generate().expect("a key");
    let (authority_key, own_key) = (key(), key());
    let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let signed = authority.self_signed(&authority_key).expect("an authority");
    let issuer = Issuer::new(authority, authority_key);
    let own = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("parameters");
    let own = own.signed_by(&own_key, &issuer).expect("a certificate");
    (signed.pem(), own.pem(), own_key.serialize_pem())
}

#[test]
fn a_server_over_tls_has_a_certificate_of_its_authority_or_is_not_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
    let (authority, certificate, key) = certificates();
    let started = arachne_testkit::postgresql::Cluster::start_tls(folder.path(), port, &certificate, &key);
    let Some(_cluster) = started.expect("a server") else { return };
    let ask = |more: &str, authority: Option<&str>| {
        let connection = format!("host=127.0.0.1 port={port} user=postgres dbname=postgres {more}");
        let mut collector = Postgresql::new(&connection, None, authority, None).expect("a connection");
        let mut found = Found::default();
        collector.collect(10 * SECOND, &mut found).map(|()| found.total(&activity::LIMIT))
    };
    assert!(ask("", Some(&authority)).expect("its own authority") > 0);
    assert!(ask("", None).expect("any certificate where none is asked for") > 0);
    let (another, ..) = certificates();
    let error = ask("", Some(&another)).expect_err("signed by somebody else");
    assert!(error.contains("certificate"), "{error}");
    // What shows that the others came over TLS.
    let error = ask("sslmode=disable", None).expect_err("the server takes none without TLS");
    assert!(error.contains("pg_hba"), "{error}");
}

#[test]
fn errors_say_what_and_why() {
    let error = Postgresql::new("host=x sslmode=disable", None, Some(""), None).err().expect("both");
    assert!(error.contains("without TLS"), "{error}");
    let error = Postgresql::new("host=x", None, Some("nothing"), None).err().expect("no certificate");
    assert!(error.contains("BEGIN CERTIFICATE"), "{error}");
    let error = Postgresql::new("user=x", None, None, None).err().expect("no host");
    assert!(error.contains("no host"), "{error}");
    let error = Postgresql::new("host=x nonsense=1", None, None, None).err().expect("no such setting");
    assert!(error.contains("nonsense"), "{error}");
    let folder = tempfile::tempdir().expect("a folder");
    let config = format!("host={} user=x", folder.path().display());
    let mut collector = Postgresql::new(&config, None, None, None).expect("well formed");
    let error = collector.collect(10 * SECOND, &mut Found::default()).expect_err("nobody listens");
    assert!(error.contains("cannot connect"), "{error}");
}

#[test]
fn the_role_of_the_setup_cannot_break_out_of_its_name() {
    assert!(setup_sql("a\"; drop").contains("create role \"a\"\"; drop\" login"));
}
