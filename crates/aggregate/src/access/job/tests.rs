//! The job on lines to order: classes, breakdowns that add up, tops.

use proptest::prelude::*;

use super::*;
use crate::series::{OTHER, Value};
use crate::time::SECOND;

const START: i64 = 1_795_290_440;

fn job(settings: Settings) -> Job {
    Job::new(&Format::new("$msec $status $request_time $body_bytes_sent [$upstream_response_time] $upstream_addr $upstream_cache_status \"$http_user_agent\" $request").expect("a good format"), Normaliser::default(), settings, 1)
}

fn line(second: i64, status: u16, time: &str, path: &str, agent: &str) -> String {
    format!(
        "{second}.000 {status:03} {time} 10 [{time}, 0.001] s{}, s1 HIT \"{agent}\" GET {path} HTTP/1.1",
        second % 3
    )
}

fn push(job: &mut Job, line: &str) {
    job.push(line.as_bytes(), (START + 1_000_000) * SECOND).expect("it is a good line");
}

fn classes(job: &mut Job) -> Vec<u64> {
    job.finish()
        .iter()
        .fold(vec![0; 8], |sum, (_, window)| sum.iter().zip(window.totals()).map(|(a, b)| a + b).collect())
}

#[test]
fn requests_have_one_class_each() {
    let mut job = job(Settings { long_polls: vec!["/poll".to_owned()], ..Settings::default() });
    let table = [
        (200, "0.499", "/a", "x"),
        (404, "0.500", "/a", "x"),
        (200, "1.000", "/a", "x"),
        (502, "0.001", "/a", "Googlebot"),
        (429, "0.001", "/a", "x"),
        (200, "0.001", "/a", "Googlebot"),
        (101, "90.00", "/ws", "x"),
        (200, "30.00", "/poll", "x"),
        (408, "1.000", "/a", "x"),
        (200, "-", "/a", "x"),
        (600, "0.001", "/a", "Googlebot"),
        (0, "0.001", "/a", "Googlebot"),
    ];
    for (status, time, path, agent) in table {
        push(&mut job, &line(START, status, time, path, agent));
    }
    assert_eq!(classes(&mut job), [1, 1, 1, 3, 1, 1, 3, 1]);
}

/// Found by review: what a captured exchange counts as, its line counted as something else.
#[test]
fn what_has_no_answer_is_an_error_in_every_log() {
    let nginx = r#"1.1.1.1 - - [21/Nov/2026:19:47:20 +0000] "GET / HTTP/1.1" 000 0 "-" "x" 0.010 - [-] - id"#;
    let apache = r#"1.1.1.1 - - [21/Nov/2026:19:47:20 +0000] "GET / HTTP/1.1" - - "-" "x""#;
    let haproxy =
        "1.1.1.1:9 [21/Nov/2026:19:47:20.000] in back/s1 1/2/3/-1/10 -1 0 - - SD-- 1/1/1/1/0 0/0 \"GET / HTTP/1.1\"";
    for (format, line) in [("combined_plus", nginx), ("apache", apache), ("haproxy", haproxy)] {
        let format = Format::new(format).expect("a known name");
        let mut job = Job::new(&format, Normaliser::default(), Settings::default(), 1);
        push(&mut job, line);
        assert_eq!(classes(&mut job), [0, 0, 0, 1, 0, 0, 0, 0], "{line}");
    }
    let format = Format::new("$msec $request_time").expect("it has variables");
    let mut job = Job::new(&format, Normaliser::default(), Settings::default(), 1);
    push(&mut job, &format!("{START}.000 0.100"));
    assert_eq!(classes(&mut job)[0], 1, "a log without statuses tells no errors");
}

#[test]
fn windows_name_what_they_count() {
    let mut job = job(Settings::default());
    push(&mut job, &line(START, 200, "0.100", "/vacancy/123?a=b", "x"));
    push(&mut job, &line(START, 504, "0.300", "/vacancy/124", "x"));
    job.push(b"nothing", 0).expect_err("it is no line of this format");
    let mut said = Vec::new();
    for (start, window) in job.finish() {
        assert_eq!(start, START * SECOND);
        window.series(&mut |series| {
            let labels: Vec<_> = series.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
            said.push(format!("{}{{{}}} {}", series.name, labels.join(","), series.value.total()));
        });
    }
    let expected = [
        "access.total{class=fast} 1",
        "access.total{class=error} 1",
        "access.methods{method=GET} 2",
        "access.cache{cache=HIT} 2",
        "access.requests{template=/vacancy/{id},class=fast} 1",
        "access.requests{template=/vacancy/{id},class=error} 1",
        "access.upstream.requests{template=/vacancy/{id},class=fast} 1",
        "access.upstream.requests{template=/vacancy/{id},class=error} 1",
        "access.statuses{template=/vacancy/{id},status=200} 1",
        "access.statuses{template=/vacancy/{id},status=504} 1",
        "access.bytes{template=/vacancy/{id}} 20",
        "access.time{template=/vacancy/{id}} 2",
        "access.upstream.time{template=/vacancy/{id}} 2",
        "access.upstream.attempts{upstream=s0} 2",
        "access.upstream.attempt_time{upstream=s0} 2",
        "access.upstream.attempts{upstream=s1} 2",
        "access.upstream.attempt_time{upstream=s1} 2",
        "access.other_max{} 0",
    ];
    let mut expected: Vec<_> = expected.iter().map(|text| text.replace("s0", &format!("s{}", START % 3))).collect();
    said.sort();
    expected.sort();
    assert_eq!(said, expected);
    assert_eq!((job.lines().all, job.lines().counted, job.lines().refused["short"]), (3, 2, 1));
}

#[test]
fn a_heavy_template_gets_a_place_in_spite_of_many_light_ones() {
    let mut job = job(Settings { templates_max: 8, top: 2, ..Settings::default() });
    for number in 0..50 {
        push(&mut job, &line(START, 200, "0.010", &format!("/light-{}", word(number)), "x"));
    }
    for second in 0..40 {
        push(&mut job, &line(START + second, 200, "0.010", "/heavy", "x"));
        push(&mut job, &line(START + second, 200, "0.010", &format!("/other-{}", word(second)), "x"));
    }
    let windows = job.finish();
    let named = |at: usize, name: &str| windows[at].1.templates().find(|(one, _)| *one == name).map(|(_, r)| r.count());
    assert_eq!((named(0, "/heavy"), named(1, "/heavy"), named(2, "/heavy")), (None, Some(10), Some(10)));
    assert!(windows[0].1.other_max() >= 10, "{}", windows[0].1.other_max());
    assert_eq!(named(0, OTHER), Some(62));
}

/// Found by review: after a pause nobody earned a place, and `~other` was said to hide nothing.
#[test]
fn a_pause_forgets_nobody() {
    let mut job = job(Settings { templates_max: 1, top: 1, ..Settings::default() });
    push(&mut job, &line(START, 200, "0.010", "/light", "x"));
    for _ in 0..5 {
        push(&mut job, &line(START + 1, 200, "0.010", "/heavy", "x"));
    }
    push(&mut job, &line(START + 100, 200, "0.010", "/heavy", "x"));
    let windows = job.finish();
    assert_eq!((windows[0].1.other_max(), windows[1].1.other_max()), (5, 0));
    let counted = windows[1].1.templates().find(|(name, _)| *name == "/heavy").map(|(_, heavy)| heavy.count());
    assert_eq!(counted, Some(1));
}

#[test]
fn requests_that_come_late_count_in_the_bound() {
    let mut job = job(Settings { templates_max: 1, top: 1, ..Settings::default() });
    let seconds = [(0, "/a"), (0, "/a"), (0, "/b"), (0, "/b"), (0, "/c"), (10, "/a"), (0, "/c"), (0, "/c")];
    for (second, path) in seconds {
        push(&mut job, &line(START + second, 200, "0.010", path, "x"));
    }
    assert_eq!(job.finish()[0].1.other_max(), 4, "two of /b, and two that may be of /b as well");
}

/// Found by review: who came behind the first 128 was never named.
#[test]
fn servers_that_are_gone_make_place_for_new_ones() {
    let mut job = job(Settings { servers_max: 2, ..Settings::default() });
    let long = "n".repeat(300);
    let named = |windows: Vec<(i64, Window)>, name: &str| -> u64 {
        let servers = windows.iter().flat_map(|(_, window)| window.servers());
        servers.filter(|(server, _)| *server == name).map(|(_, server)| server.attempts).sum()
    };
    push(&mut job, &line(START, 200, "0.010", "/", "x"));
    let new = |second: i64| line(START + second, 200, "0.010", "/", "x").replace("s1 HIT", &format!("{long} HIT"));
    (1..=5).for_each(|step| push(&mut job, &new(step * 300)));
    assert_eq!(named(job.take_closed(), &long[..255]), 0, "the others may come back");
    (6..=9).for_each(|step| push(&mut job, &new(step * 300)));
    assert_eq!(named(job.finish(), &long[..255]), 2, "half an hour later, cut");
}

fn word(number: i64) -> String {
    let letter = |n: i64| char::from(b'a' + u8::try_from(n % 26).expect("below 26"));
    [letter(number), letter(number / 26), letter(number / 5)].into_iter().collect()
}

proptest! {
    /// Sums over any label equal the totals, whatever comes, however small the tops are.
    #[test]
    fn every_breakdown_adds_up(
        requests in proptest::collection::vec((0_i64..25, 0_usize..6, 0_u32..3000, 0_i64..40, 0_usize..3), 1..300),
        templates_max in 0_usize..8,
        top in 1_usize..4,
        servers_max in 0_usize..3,
    ) {
        let mut job = job(Settings { templates_max, top, servers_max, errors_min: 1, ..Settings::default() });
        let (mut sent, mut truth) = (0, BTreeMap::<_, u64>::new());
        for (late, status, millis, path, agent) in &requests {
            let second = sent * 100 / requests.len() as i64 - late;
            let time = format!("{}.{:03}", millis / 1000, millis % 1000);
            let status = [200, 404, 429, 502, 101, 301][*status];
            let agent = ["a", "bot", ""][*agent];
            let text = line(START + second, status, &time, &format!("/{}", word(*path)), agent);
            let counted = job.lines().counted;
            push(&mut job, &text);
            *truth.entry(((START + second) / 10, format!("/{}", word(*path)))).or_default() += job.lines().counted - counted;
            sent += 1;
        }
        let windows = job.finish();
        let lines = job.lines();
        prop_assert_eq!(lines.all, sent as u64);
        prop_assert_eq!(lines.counted + lines.missed.late + lines.missed.ahead, sent as u64);
        for ((number, path), count) in truth {
            let same = windows.iter().filter(|(start, _)| start / SECOND / 10 == number).map(|(_, window)| window);
            let named = |window: &Window| window.templates().filter(|(name, _)| *name == path).map(|(_, r)| r.count()).sum::<u64>();
            let (named, bound) = same.fold((0, 0), |(sum, bound), window| (sum + named(window), bound + window.other_max()));
            prop_assert!(count - named <= bound, "{} of {} are not named, {} at most", count - named, path, bound);
        }
        let mut all = 0;
        for (_, window) in &windows {
            let mut sums: BTreeMap<(String, String), i128> = BTreeMap::new();
            window.series(&mut |series| {
                let class = series.labels.iter().find(|(name, _)| *name == "class").map_or("", |(_, value)| *value);
                *sums.entry((series.name.to_owned(), class.to_owned())).or_default() += series.value.total();
            });
            let sum = |name: &str| -> i128 { sums.iter().filter(|((n, _), _)| n == name).map(|(_, sum)| *sum).sum() };
            let total = i128::from(window.totals().iter().sum::<u64>());
            all += total;
            for name in ["access.total", "access.requests", "access.upstream.requests", "access.statuses", "access.methods", "access.cache"] {
                prop_assert_eq!(sum(name), total, "{}", name);
            }
            prop_assert_eq!((sum("access.bytes"), sum("access.upstream.attempts")), (total * 10, total * 2));
            for (class, count) in CLASSES.iter().zip(window.totals()) {
                let of = |name: &str| sums.get(&(name.to_owned(), class.name().to_owned())).copied().unwrap_or(0);
                prop_assert_eq!((of("access.total"), of("access.requests")), (count.into(), count.into()));
            }
            let timed: u64 = CLASSES.iter().zip(window.totals()).filter(|(class, _)| class.is_timed()).map(|(_, n)| n).sum();
            prop_assert_eq!(sum("access.time"), i128::from(timed));
        }
        prop_assert_eq!(all, i128::from(lines.counted));
        prop_assert_eq!(Value::Count(1).total(), 1);
    }
}

/// "One user or all?": who had errors, of all who asked; a client of two servers is one.
#[test]
fn clients_are_counted_once_over_classes_templates_and_servers() {
    let format = Format::new("$msec $remote_addr $status $request_time $request").expect("a good format");
    let served = |lines: &[(u16, u16, &str, &str)]| {
        let mut job = Job::new(&format, Normaliser::default(), Settings::default(), 1);
        for (client, status, time, path) in lines {
            push(&mut job, &format!("{START}.000 10.0.{client}.1 {status} {time} GET {path} HTTP/1.1"));
        }
        job.finish()
    };
    // One client alone has all the errors of /pay, and everybody an error of /.
    let mut one: Vec<_> = (0..80).map(|_| (1, 502, "0.1", "/pay")).collect();
    one.extend((0..60).map(|client| (client, 200, "0.1", "/")));
    let mut two: Vec<_> = (0..100).map(|client| (client, 502, "0.1", "/")).collect();
    two.extend([(1, 504, "0.1", "/pay"), (200, 200, "3.0", "/pay")]);
    let count = |wanted: &[(&str, &str)]| {
        let mut all = crate::Distinct::new();
        for (_, window) in [served(&one), served(&two)].iter().flatten() {
            window.series(&mut |series| {
                if let (Value::Distinct(clients), true) =
                    (series.value, wanted.iter().all(|label| series.labels.contains(label)))
                {
                    all.merge(clients);
                }
            });
        }
        all.estimate()
    };
    let error = ("class", "error");
    assert_eq!(count(&[error, ("template", "/pay")]), 1);
    assert!(count(&[error, ("template", "/")]).abs_diff(100) <= 2);
    assert_eq!(count(&[("class", "slow")]), 1);
    assert!(count(&[("class", OTHER)]).abs_diff(60) <= 1);
    assert!(count(&[]).abs_diff(101) <= 2, "all, each once");
}
