//! An agent's courier, a network and a server in virtual time, on one thread, from one seed.
//!
//! Whatever happens to any of them: what was promised arrives or is counted as dropped, nothing arrives twice, each lane in
//! order, and the counts balance at every instant. A failing seed is printed; `ARACHNE_SIM_SEED=n` runs it alone,
//! `ARACHNE_SIM_SEEDS=n` runs more of them.

mod server;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::random::Random;
use world::{Plan, SECOND, World};

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("whoever sets it gives a number"))
}

/// Runs each seed; says which one failed.
fn seeds(count: u64, run: impl Fn(u64)) {
    let seeds = match (setting("ARACHNE_SIM_SEED"), setting("ARACHNE_SIM_SEEDS")) {
        (Some(seed), _) => seed..seed + 1,
        (None, more) => 0..more.unwrap_or(count),
    };
    for seed in seeds {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(seed))) {
            eprintln!("run it again with ARACHNE_SIM_SEED={seed}");
            resume_unwind(panic);
        }
    }
}

#[test]
fn nothing_is_lost_doubled_or_out_of_order() {
    let (mut lost_requests, mut crashes, mut dropped, mut seen_before) = (0, 0, 0, 0);
    seeds(120, |seed| {
        let mut random = Random(seed);
        let plan = Plan::any(&mut random);
        let mut world = World::new(random, plan);
        world.run(10 * 60 * SECOND);
        world.heal();
        world.drain();
        world.check();
    });
    // The faults do happen: one world in which all of them are common.
    if setting("ARACHNE_SIM_SEED").is_none() {
        for seed in 0..5 {
            let mut world = World::new(Random(seed), Plan::worst());
            world.run(10 * 60 * SECOND);
            world.heal();
            world.drain();
            world.check();
            lost_requests += world.network.lost;
            crashes += world.crashes;
            dropped += world.dropped();
            seen_before += world.server.seen_before;
        }
        assert!(
            lost_requests > 50 && crashes > 20 && dropped > 0 && seen_before > 20,
            "{lost_requests} {crashes} {dropped} {seen_before}"
        );
    }
}

/// The server is away for a day: all of it arrives, faster than three times as fast as it was made, and what is made
/// meanwhile does not wait for it.
#[test]
fn a_day_without_a_server_is_made_up_for() {
    const DAY: u64 = 24 * 3600 * SECOND;
    let mut world = World::new(Random(1), Plan::none());
    world.run(60 * SECOND);
    world.server.up = false;
    world.run(60 * SECOND + DAY);
    let waiting = world.waiting();
    assert!(waiting > 86_000, "{waiting} wait");
    world.server.up = true;
    let back = world.now;
    world.server.watch_live_from = world.wall() + 30 * 1_000_000_000;
    while world.backlog() > 0 {
        world.run(world.now + 60 * SECOND);
        assert!(world.now - back < DAY / 3, "{} wait after {} s", world.waiting(), (world.now - back) / SECOND);
    }
    world.drain();
    world.check();
    assert!(world.server.live_lag_max <= 60 * SECOND, "{} ns", world.server.live_lag_max);
    assert!(world.server.live_seen > 1000, "new data is live again: {}", world.server.live_seen);
    assert_eq!(world.dropped(), 0);
}
