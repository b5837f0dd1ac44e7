//! Files that are right, files that are wrong in every way we know, and any text at all.

use std::path::{Path, PathBuf};
use std::time::Duration;

use arachne_delivery::instructions::{AgentConfig, AgentLimits, Packets, Save};
use proptest::prelude::*;

use crate::{Agent, Auth, Config, Limit, LogJob, PathRule, parse};

fn config(text: &str) -> Config {
    parse("arachne.yml", text.as_bytes(), Path::new("/etc/arachne")).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn mistakes(text: &str) -> String {
    parse("arachne.yml", text.as_bytes(), Path::new("")).expect_err("it has mistakes").to_string()
}

#[test]
fn a_whole_file() {
    let text = "server:\n  listen: 127.0.0.1:7117\n  auth: required\n  tls:\n    certificate: c.pem\n    key: /k.pem\nstorage:\n  path: data\n  retention:\n    exchanges: 30d\n    \
                bodies: 50GiB\nservices:\n  - name: pricing\n    host: Pricing.internal\n    port: 8080\n  - name: rest\n";
    let config = config(text);
    assert_eq!((config.listen, config.auth), ("127.0.0.1:7117".parse().ok(), Some(Auth::Required)));
    let tls = config.tls.expect("both are there");
    assert_eq!((tls.certificate, tls.key), (PathBuf::from("/etc/arachne/c.pem"), PathBuf::from("/k.pem")));
    assert_eq!(config.data, PathBuf::from("/etc/arachne/data"));
    let limits: Vec<_> = config.retention.iter().map(|one| (one.table, one.limit)).collect();
    assert_eq!(
        limits,
        [("exchanges", Limit::Age(Duration::from_secs(30 * 86_400))), ("bodies", Limit::Bytes(50 << 30))]
    );
    assert_eq!(config.services[0].host.as_deref(), Some("pricing.internal"));
    assert_eq!((config.services[0].port, config.services[1].name.as_str()), (Some(8080), "rest"));
}

#[test]
fn rules_for_paths() {
    let text = "storage: {path: d}\npaths:\n  - /users/me\n  - /users/{user}\n  - pattern: /static/**\n    template: /static/{file}\n";
    let rule = |pattern: &str, template: Option<&str>| PathRule {
        pattern: pattern.to_owned(),
        template: template.map(str::to_owned),
    };
    let expected = [rule("/users/me", None), rule("/users/{user}", None), rule("/static/**", Some("/static/{file}"))];
    assert_eq!(config(text).paths, expected);
    assert_eq!(config("storage: {path: d}\npaths: []\n").paths, []);

    let many = (0..300).fold(String::new(), |all, n| all + &format!("  - /{n}\n"));
    let text = "storage: {path: d}\npaths:\n  - users\n  - /a/{b}\n  - pattern: /a/me\n  - template: /x\n  - pattern: /c\n    template: x\n  - {patern: /d}\n  \
                - /e*\n  - [/f]\n";
    for wanted in [
        "3:5: paths[0]: \"users\" does not start with /: write the whole path, such as /users\n",
        "5:14: paths[2]: is never used: paths[1], \"/a/{b}\", takes all its paths; put this one before it",
        "6:5: paths[3].pattern: is missing: write `pattern: /users/{user}`",
        "8:15: paths[4].template: \"x\" does not start with /",
        "9:6: paths[5].patern: unknown key; did you mean `pattern`",
        "10:5: paths[6]: \"/e*\" has a placeholder for part of a segment",
        "11:5: paths[7]: keys are expected below it",
    ] {
        let told = mistakes(text);
        assert!(told.contains(wanted), "{told}\nwithout {wanted:?}");
    }
    assert!(mistakes("storage: {path: d}\npaths: /a\n").contains("2:8: paths: a list is expected: `- /users/{user}`"));
    let told = mistakes(&format!("storage: {{path: d}}\npaths:\n{many}"));
    assert!(told.contains("paths: 300 rules: there may be 256") && !told.contains("never used"), "{told}");
}

#[test]
fn an_agent_has_defaults_and_every_key() {
    assert_eq!(config("storage: {path: d}\n").agent, None);
    let whole =
        config("agent:\nstorage: {path: d}\nservices:\n  - name: shop\n    port: 80\n").agent.expect("it is there");
    let wanted = AgentConfig { services: whole.config.services.clone(), ..AgentConfig::default() };
    assert_eq!((whole.name.as_str(), whole.look_up_names, &whole.config), ("local", false, &wanted));
    let text = "agent:\n  name: web-1\n  look_up_names: yes\n  interfaces: [eth0, lo]\n  filter: tcp port 80\n  save:\n    packets: headers\n    \
                sessions: no\n    bodies: no\n    keep: status:>=500\n  limits:\n    cpu_percent: 20\n    \
                megabytes_per_minute: 100\n    memory: 64MiB\n    ring: 8MiB\n    threads: 2\n    spool: 2GiB\n    body: 64KiB\n  \
                redact: [x-shop, pin]\nstorage: {path: d}\n";
    let Agent { name, look_up_names, config: agent } = config(text).agent.expect("it is there");
    assert_eq!(
        (name.as_str(), agent.interfaces, agent.filter.as_str()),
        ("web-1", vec!["eth0".to_owned(), "lo".to_owned()], "tcp port 80")
    );
    assert!(look_up_names);
    let save = Save { sessions: false, bodies: false, packets: Packets::Headers, keep: "status:>=500".to_owned() };
    assert_eq!(agent.save, save);
    let limits = AgentLimits {
        cpu_percent: 20,
        megabytes_per_minute: 100,
        memory_bytes: 64 << 20,
        ring_bytes: 8 << 20,
        threads: 2,
        spool_bytes: 2 << 30,
        body_bytes: 64 << 10,
    };
    assert_eq!((agent.limits, agent.redaction.names), (limits, vec!["x-shop".to_owned(), "pin".to_owned()]));
    let logs = "logs:\n  - {plugin: access, file: /a.log, format: combined, service: shop}\n";
    let text = format!("agent: {{collect: {{tcp: no}}}}\nstorage: {{path: d}}\n{logs}");
    let collect = config(&text).agent.expect("it is there").config.collect;
    assert!(collect.system && collect.process && !collect.tcp && collect.nginx);
    assert_eq!((collect.logs[0].file.as_str(), collect.logs[0].service.as_deref()), ("/a.log", Some("shop")));
    assert_eq!(collect.logs[0].access.as_ref().map(|access| access.format.as_str()), Some("combined"));
    let one = config("agent: {interfaces: eth0}\nstorage: {path: d}\n").agent.expect("it is there");
    assert_eq!(one.config.interfaces, ["eth0"]);
}

#[test]
fn all_mistakes_of_an_agent_are_told() {
    let text = "agent:\n  name: a b\n  interface: eth0\n  interfaces: [eth0, a/b]\n  save:\n    packets: all\n    bodies: maybe\n    \
                keep: status:abc\n    keeep: x\n  limits:\n    memory: 1d\n    threads: -1\n    spol: 1GiB\n  redact: ['']\nstorage: {path: d}\n";
    let told = mistakes(text);
    for part in [
        "2:9: agent.name: `a b` is no name",
        "3:3: agent.interface: unknown key; did you mean `interfaces`",
        "4:15: agent.interfaces: `a/b` is no name of an interface",
        "agent.save.packets: `all` is none of: none, headers",
        "agent.save.bodies: `maybe` is neither yes nor no",
        "agent.save.keep: `status:abc` is no filter: ",
        "agent.save.keeep: unknown key; did you mean `keep`",
        "agent.limits.memory: `1d` is no size",
        "agent.limits.threads: `-1` is no whole number",
        "agent.limits.spol: unknown key; did you mean `spool`",
        "agent.redact[0]: `` is no word",
    ] {
        assert!(told.contains(part), "{told}\nwithout {part}");
    }
    assert_eq!(told.matches("arachne.yml:").count(), 11, "{told}");
}

#[test]
fn what_the_server_or_the_agent_would_refuse_is_told_with_its_place() {
    for (lines, told) in [
        ("  name: -x\n", "2:9: agent.name: `-x` is no name"),
        ("  filter: tcp porf 80\n", "2:11: agent.filter: `tcp porf 80` is no filter of packets: "),
        ("  limits:\n    threads: 0\n", "3:14: agent.limits.threads: it is 0"),
        ("  limits:\n    memory: 32MiB\n", "3:13: agent.limits.memory: it is 33554432: 37748736 are the least"),
        ("  limits:\n    ring: 120MiB\n", "3:5: agent.limits.memory: it is 134217728: "),
        ("  limits: {body: 8MiB}\n", "2:18: agent.limits.body: it is 8388608"),
        ("  interfaces: [any, lo]\n", "2:15: agent.interfaces: `any` stands alone"),
    ] {
        let all = mistakes(&format!("agent:\n{lines}storage: {{path: d}}\n"));
        assert!(all.contains(told) && all.matches("arachne.yml:").count() == 1, "{all}\nwithout {told}");
    }
}

#[test]
fn one_limit_for_all_tables() {
    let config = config("storage:\n  path: /var/lib/arachne\n  retention: 7d\n");
    assert_eq!(config.data, PathBuf::from("/var/lib/arachne"));
    assert!(config.retention.len() > 4);
}

#[test]
fn values_are_the_text_that_stands_there() {
    let config = config("storage: { path: NO }\nservices:\n  - { name: 1.10, host: 0755, path: 12:30:45 }\n");
    let service = &config.services[0];
    assert_eq!(config.data, PathBuf::from("/etc/arachne/NO"));
    assert_eq!(
        (service.name.as_str(), service.host.as_deref(), service.path.as_deref()),
        ("1.10", Some("0755"), Some("12:30:45"))
    );
}

#[test]
fn every_mistake_says_where_and_what_to_do() {
    for (text, wanted) in [
        ("", vec!["storage.path: is missing", "/var/lib/arachne"]),
        ("storage:\n", vec!["storage.path: is missing"]),
        (
            "storage:\n  path: d\n  retenion: 7d\n",
            vec!["arachne.yml:3:3: storage.retenion: unknown key", "did you mean `retention`", "|   retenion:"],
        ),
        ("storage:\n  path: d\n  retenion_days: 7\n", vec!["did you mean `retention`"]),
        ("storage:\n  path: d\n  retention: -7d\n", vec!["3:14: storage.retention: `-7d` is no limit"]),
        ("storage:\n  path: d\n  retention: 99999999999999999999d\n", vec!["is no limit"]),
        ("storage:\n  path: d\n  retention: [7]\n", vec!["storage.retention: a list is no limit"]),
        (
            "storage:\n  path: d\n  retention:\n    points: 30d\n    points_1m: 7d\n",
            vec!["points_1m is what points becomes", "give points_1m the longer age"],
        ),
        (
            "storage:\n  path: d\n  retention:\n    shops: 3d\n",
            vec!["4:5: storage.retention.shops: unknown key; there are: exchanges"],
        ),
        (
            "server:\n  public_url: http://shop/$(reboot)\nstorage: {path: d}\n",
            vec!["2:15: server.public_url: `http://shop/$(reboot)` is not https://"],
        ),
        (
            "server:\n  listen: 8443.5\nstorage:\n  path: d\n  retention: [7]\n",
            vec!["server.listen: `8443.5`", "storage.retention: a list"],
        ),
        ("storage:\n  path: d\nstorage:\n  path: e\n", vec!["3:1: storage: given twice: it stands on line 1"]),
        ("storage: d\n", vec!["storage: keys are expected below it"]),
        ("- a\n", vec!["sections are expected"]),
        ("services: shop\nstorage: {path: d}\n", vec!["services: a list is expected"]),
        ("services:\n  - port: 70000\nstorage: {path: d}\n", vec!["services[0].port: `70000` is no port"]),
        ("services:\n  - host: a\nstorage: {path: d}\n", vec!["services[0].name: is missing"]),
        ("server:\n  auth: yes\nstorage: {path: d}\n", vec!["server.auth: `yes` is neither local nor required"]),
        (
            "server:\n  listen: 0.0.0.0:7117\nstorage: {path: d}\n",
            vec!["2:11: server.listen: other machines", "`auth: required`"],
        ),
        (
            "server:\n  tls:\n    certificate: c\nstorage: {path: d}\n",
            vec!["server.tls.key: is missing: write `key: key.pem`"],
        ),
        (
            "server:\n  tls: {certificate: [a], kei: b}\nstorage: {path: d}\n",
            vec![
                "certificate: a list is no file",
                "server.tls.key: is missing",
                "server.tls.kei: unknown key; did you mean `key`",
            ],
        ),
        ("a: &x 1\nb: *x\n", vec!["anchors are not used"]),
        ("a: !!str 1\n", vec!["tags are not used"]),
        ("storage: {path: d}\n---\nstorage: {path: e}\n", vec!["a second document"]),
        ("a: [\n", vec!["no YAML"]),
    ] {
        let told = mistakes(text);
        for part in wanted {
            assert!(told.contains(part), "{text:?} gives\n{told}\nwithout {part:?}");
        }
    }
}

#[test]
fn what_may_be_secret_is_not_repeated() {
    let told = mistakes("storage: {path: d}\nauth:\n  api_key: hunter2\n  api_keyy: hunter3\nhunter4\n");
    assert!(!told.contains("hunter"), "{told}");
}

#[test]
fn bytes_that_are_no_text_are_named_by_their_place() {
    let told = parse("f", b"stor\xffage", Path::new("")).expect_err("no text").to_string();
    assert!(told.contains("byte 4"), "{told}");
    let told = parse("f", b"\x7fELF", Path::new("")).expect_err("no text").to_string();
    assert!(told.contains("byte 0"), "{told}");
}

#[test]
fn depth_and_size_are_bounded() {
    assert!(mistakes(&format!("a: {}1{}", "[".repeat(30), "]".repeat(30))).contains("inside each other"));
    assert!(!mistakes(&format!("a: {}", "[".repeat(20_000))).is_empty());
    let long = vec![b'#'; (1 << 20) + 1];
    assert!(parse("f", &long, Path::new("")).expect_err("too long").to_string().contains("larger than"));
}

proptest! {
    #[test]
    fn any_bytes_give_a_configuration_or_mistakes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = parse("f", &bytes, Path::new("")).map_err(|mistakes| mistakes.to_string());
    }

    #[test]
    fn any_yaml_like_text_does_too(text in "([a-z]{1,3}: ?|- |\\[|\\]|\\{|\\}|\n|  |\"|'|&a |\\*a|[0-9é#|>%@`]){0,60}") {
        let _ = parse("f", text.as_bytes(), Path::new("")).map_err(|mistakes| mistakes.to_string());
    }
}

const ARTICLE: &str = r"storage: {path: d}
logs:
  - plugin: logparser
    config:
      file: /var/log/hh-xhh.log
      regex: '(?P<datetime>\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}),\d+ [^:]+: applied XSL (?P<xsl_file>\S+) in (?P<xsl_time>\d+\.\d+)ms'
      time_field: datetime
      time_field_format: 2006-01-02 15:04:05
      metrics:
        - type: rate
          name: xhh.xsl.calls.rate
          labels:
            xsl_file: =xsl_file
        - type: rate
          name: xhh.xsl.cpu_time.rate
          value: ms2sec:xsl_time
          labels:
            xsl_file: =xsl_file
        - type: percentiles
          name: xhh.xsl.time.percentiles
          value: ms2sec:xsl_time
          args: [50, 75, 95, 99.9]
          labels:
            xsl_file: =xsl_file
  - plugin: access
    file: /var/log/nginx/access.log
    format: combined
    fast: 300ms
    long_polls: [/events]
";

#[test]
fn the_rule_of_the_article_is_read_as_it_stands() {
    let logs = config(ARTICLE).logs;
    let LogJob::Rule(rule) = &logs[0].job else { panic!("it is a rule") };
    assert_eq!((logs[0].file.as_str(), rule.name.as_str()), ("/var/log/hh-xhh.log", "logs[0]"));
    assert_eq!(rule.time_format.as_deref(), Some("2006-01-02 15:04:05"));
    assert_eq!((rule.metrics.len(), rule.metrics[1].value.as_deref()), (3, Some("ms2sec:xsl_time")));
    assert_eq!(rule.metrics[2].percents, [5000, 7500, 9500, 9990]);
    assert_eq!(rule.metrics[2].labels, [("xsl_file".to_owned(), "=xsl_file".to_owned())]);
    let LogJob::Access(access) = &logs[1].job else { panic!("it is an access log") };
    assert_eq!((access.settings.thresholds.fast_ns, access.settings.long_polls.len()), (300_000_000, 1));
}

#[test]
fn wrong_rules_are_told_with_line_and_column() {
    let wrong = |from: &str, to: &str| mistakes(&ARTICLE.replacen(from, to, 1));
    let table = [
        (
            r"(?P<xsl_time>\d+\.\d+)ms",
            r"(?P<xsl_time>\d+\.\d+ms",
            ":6:109: logs[0].regex: the expression unclosed group",
        ),
        ("value: ms2sec:xsl_time", "value: ms2sec:time", ":6:14: logs[0].regex: the expression has no group (?P<time>"),
        ("value: ms2sec:xsl_time", "value: ms2min:xsl_time", ":14:11: logs[0].metrics[1]: `ms2min` is no transform: "),
        ("2006-01-02 15:04:05", "yesterday", ":8:26: logs[0].time_field_format: `yesterday` names no part of a time"),
        ("type: rate", "type: rates", "logs[0].config.metrics[0].type: `rates` is neither rate nor percentiles"),
        ("labels:", "label:", "did you mean `labels`?"),
        ("      time_field: datetime\n", "", "time_field_format needs time_field"),
        ("format: combined", "format: '$a$b'", "$a is followed by a variable"),
        ("fast: 300ms", "fast: 300", "`300` is no time: write 500ms or 1s"),
        ("fast: 300ms", "fast: 2s", ":28:11: logs[1].fast: `fast` ends at 2000 ms and `medium` at 1000 ms"),
        ("fast: 300ms", "fast: 2s\n    medium: 1s", ":29:13: logs[1].medium: `fast` ends at 2000 ms"),
        (
            "format: combined",
            "format: '{\"request\":\"$a $uri\"}'",
            ":27:13: logs[1].format: `request` holds more than",
        ),
        (
            "format: combined",
            "format: combined\n  - plugin: access\n    file: /var/log/nginx/access.log\n    format: common",
            ":28:5: logs[2]: /var/log/nginx/access.log is read as requests by logs[1] already",
        ),
        ("plugin: access", "plugin: nginx", "`nginx` is neither access nor logparser"),
        ("99.9", "999", "`999` is no percentage"),
        ("regex: '", "format: json\n      regex: '", "one of `regex`, `grok` and `format` is enough"),
    ];
    for (from, to, message) in table {
        let told = wrong(from, to);
        assert!(told.contains(message), "{to}: {told}");
    }
}

#[test]
fn databases_and_checks_of_the_agent() {
    let text = "storage: {path: d}\nserver: {beacons: yes, own_series: no}\nagent:\n  collect:\n    postgresql:\n      - connection: host=db user=arachne\n        name: main\n        password_file: main\n      \
                - connection: postgresql://arachne@other/shop\n    redis: {address: \"127.0.0.1:6379\", password_env: ARACHNE_SECRET_REDIS}\n    \
                checks: [https://shop.example/health]\n\
                \x20   networks: [203.0.113.0/24]\n";
    let config = config(text);
    assert_eq!((config.beacons, config.own_series), (Some(true), Some(false)));
    let collect = config.agent.expect("an agent").config.collect;
    assert_eq!(collect.postgresql.len(), 2);
    assert_eq!(collect.postgresql[0].password.file.as_deref(), Some("main"));
    assert_eq!(collect.redis[0].password.env.as_deref(), Some("ARACHNE_SECRET_REDIS"));
    assert_eq!(collect.checks, ["https://shop.example/health"]);
    assert_eq!(collect.networks, ["203.0.113.0/24"]);
    let wrong = "storage: {path: d}\nagent:\n  collect:\n    postgresql:\n      - connection: host=db password=hunter2\n    redis:\n      - adress: a:1\n";
    let mistakes = mistakes(wrong);
    assert!(mistakes.contains("did you mean `address`?") && mistakes.contains("a password has no place"), "{mistakes}");
    assert!(!mistakes.contains("hunter2"), "{mistakes}");
}

#[test]
fn a_file_for_an_agent_sets_what_it_names_and_nothing_else() {
    let file = |text: &str| crate::parse_for_agent("web-1.yml", text.as_bytes());
    let before = AgentConfig {
        version: 4,
        capture: false,
        filter: "tcp port 80".to_owned(),
        services: config("storage: {path: d}\nservices: [{name: shop}]\n").services,
        ..config("storage: {path: d}\nagent:\n  collect: {checks: [http://a/]}\nlogs: [{plugin: access, file: /a, format: combined}]\n")
            .agent
            .expect("an agent")
            .config
    };
    let told = file("agent:\n  collect: {tcp: no}\n").expect("it is right").onto(&before);
    assert!(!told.collect.tcp && told.collect.checks.is_empty(), "the whole section is set");
    assert_eq!((told.version, told.capture, told.filter.as_str()), (4, false, "tcp port 80"));
    assert_eq!((&told.services, &told.collect.logs), (&before.services, &before.collect.logs));
    let logs = file("logs:\n  - plugin: access\n    file: /b\n    format: combined\n").expect("it is right");
    let told = logs.onto(&before);
    assert_eq!((logs.logs.len(), told.collect.logs[0].file.as_str()), (1, "/b"));
    assert_eq!((&told.collect.checks, &told.services), (&before.collect.checks, &before.services));
    let text = "agent: {interfaces: [lo], filter: udp, save: {bodies: no}, limits: {threads: 2}, redact: [pin]}\nservices: []\n";
    let told = file(text).expect("it is right").onto(&before);
    assert_eq!((told.interfaces, told.filter, told.limits.threads), (vec!["lo".to_owned()], "udp".to_owned(), 2));
    assert!(!told.save.bodies && told.redaction.names == ["pin"] && told.services.is_empty());

    for (text, wanted) in [
        ("", "nothing is said of the agent; there are: agent.interfaces, "),
        ("agent:\n", "nothing is said of the agent"),
        ("agent: {name: web-1, filter: udp}\n", "1:15: agent.name: an agent of another host is named on the command"),
        ("agent: {look_up_names: yes, filter: udp}\n", "give it --look-up-names there"),
        ("storage: {path: d}\nlogs: []\n", "1:1: storage: unknown key; there are: services, agent, logs"),
        ("paths: [/a]\nlogs: []\n", "1:1: paths: unknown key; there are: services, agent, logs"),
        ("logs:\n  - plugin: access\n    file: a.log\n    format: combined\n", "logs: `a.log` is no absolute path"),
        ("agent: {collect: {chekcs: []}}\n", "did you mean `checks`?"),
        ("agent: {collect: {networks: [10.0.0.0/40]}}\n", "no network"),
    ] {
        let told = file(text).expect_err("it has mistakes").to_string();
        assert!(told.contains(wanted), "{text:?} gives\n{told}\nwithout {wanted:?}");
    }
}
