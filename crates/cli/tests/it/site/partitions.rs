//! Ways between agent and server that swallow frames without a word: in one direction, in both, and again and again (R10).

use std::thread;
use std::time::{Duration, Instant};

use super::delivery::is_delivered;
use super::net::Far;
use super::process::{Process, wait_or};
use super::{Host, Site, hosts, ip, web};

/// How long it may take until it is noticed that nothing gets through.
const NOTICED: Duration = Duration::from_secs(15);
/// How long until everything is normal again.
const NORMAL: Duration = Duration::from_secs(30);

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    ToServer,
    ToAgent,
}

/// Frames of these directions go to nobody: no answer, no refusal.
fn cut(far: &Far, ways: &[Way]) {
    for way in ways {
        match way {
            Way::ToServer => {
                far.run(|| ip("neigh replace 10.9.1.1 lladdr 02:00:00:00:00:99 dev far nud permanent"));
            }
            Way::ToAgent => ip("neigh replace 10.9.1.2 lladdr 02:00:00:00:00:99 dev near nud permanent"),
        }
    }
}

fn heal(far: &Far, ways: &[Way]) {
    for way in ways {
        match way {
            Way::ToServer => far.run(|| ip("neigh del 10.9.1.1 dev far")),
            Way::ToAgent => ip("neigh del 10.9.1.2 dev near"),
        }
    }
}

/// Everything in one place.
struct Partition<'a> {
    site: Site<'a>,
    agent: Process,
    paths: Vec<String>,
}

impl<'a> Partition<'a> {
    fn new(far: &'a Far) -> Self {
        let site = Site::new(far);
        web::serve(&site, "hello");
        let agent = site.start_agent("web-1", Host::Far, &site.register("web-1"));
        Self { site, agent, paths: Vec::new() }
    }

    /// A visit that must be there in the end.
    fn visit(&mut self) {
        let path = format!("/visit/{}", self.paths.len());
        web::visit(std::slice::from_ref(&path));
        self.paths.push(path);
        thread::sleep(Duration::from_millis(50));
    }

    /// Visits until the agent says that it takes the server for lost; how long that took.
    fn until_noticed(&mut self, times: usize) -> Duration {
        let begun = Instant::now();
        while self.agent.said().matches("AGENT-NET-003").count() < times {
            self.visit();
            assert!(begun.elapsed() < 2 * NOTICED, "nobody notices: {}", self.agent.said());
        }
        begun.elapsed()
    }

    /// Waits until nothing is left to be made up for; how long that took.
    fn until_normal(&mut self) -> Duration {
        let begun = Instant::now();
        self.visit();
        let (site, paths) = (&self.site, &self.paths);
        site.wait_for_each_once(paths);
        site.wait_agent("web-1", "all is made up for", |agent| {
            is_delivered(agent) && agent["status"]["delivery"]["state"] == "closed"
        });
        begun.elapsed()
    }
}

#[test]
fn a_way_that_swallows_everything_is_noticed_and_made_up_for() {
    hosts(|far| {
        let mut all = Partition::new(far);
        all.visit();
        all.site.wait_for_each_once(&all.paths);
        let ways: [&[Way]; 3] = [&[Way::ToServer], &[Way::ToAgent], &[Way::ToServer, Way::ToAgent]];
        for (round, ways) in (1..).zip(ways) {
            let before = all.site.seen(0).map(|rows| rows.len());
            cut(far, ways);
            let noticed = all.until_noticed(round);
            let there = all.site.seen(0).map(|rows| rows.len());
            assert!(there == before || ways == [Way::ToAgent], "nothing comes: {before:?} {there:?}");
            heal(far, ways);
            let normal = all.until_normal();
            eprintln!("{ways:?} cut: noticed after {noticed:.1?}, normal {normal:.1?} after it was whole");
            assert!(noticed <= NOTICED && normal <= NORMAL, "{ways:?}: {noticed:?} {normal:?}");
        }
        let how = all.site.agent("web-1").expect("the server answers");
        assert!(how["status"]["delivery"]["opened"].as_u64() >= Some(3), "{how}");
        assert_eq!(all.agent.said().matches("AGENT-NET-004").count(), 3, "{}", all.agent.said());
        assert_eq!(all.agent.end(), Some(0));
    });
}

#[test]
fn a_way_that_comes_and_goes_loses_and_doubles_nothing() {
    hosts(|far| {
        let mut all = Partition::new(far);
        let both = [Way::ToServer, Way::ToAgent];
        for ways in [&both[..], &both[..1], &both[1..]] {
            for is_cut in [true, false] {
                if is_cut {
                    cut(far, ways)
                } else {
                    heal(far, ways)
                }
                let turn = Instant::now();
                while turn.elapsed() < Duration::from_secs(5) {
                    all.visit();
                }
            }
        }
        let normal = all.until_normal();
        eprintln!("flapping each 5 s, three times: {} visits, normal after {normal:.1?}", all.paths.len());
        assert!(normal <= NORMAL, "{normal:?}");
        wait_or("nothing comes later", || {
            let rows = all.site.seen(0).unwrap_or_default();
            if rows.len() == all.paths.len() { Ok(()) } else { Err(format!("{} rows", rows.len())) }
        });
        assert_eq!(all.agent.end(), Some(0));
    });
}
