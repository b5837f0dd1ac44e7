//! An agent's courier, a network and a server in virtual time, on one thread, from one seed.
//!
//! Whatever happens to any of them: what was promised arrives or is counted as dropped, nothing arrives twice, each lane in
//! order, and the counts balance at every instant. A failing seed is printed; `ARACHNE_SIM_SEED=n` runs it alone,
//! `ARACHNE_SIM_SEEDS=n` runs more of them.

mod crowd;
mod server;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::random::Random;
use crate::spool::Class;
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
            dropped += world.dropped().iter().sum::<u64>();
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
    let mut world = World::new(Random(1), Plan::none());
    world.run(60 * SECOND);
    world.server.up = false;
    world.run(60 * SECOND + DAY);
    assert!(world.waiting() > 86_000, "{} wait", world.waiting());
    make_up(&mut world);
    assert!(world.server.live_seen > 1000, "new data is live again: {}", world.server.live_seen);
    assert_eq!(world.dropped(), [0; 3]);
}

/// The same with a spool that holds half of a day: what is worth least is gone, the oldest of it, and counted.
#[test]
fn a_day_without_a_server_and_a_spool_for_half_of_it() {
    let mut world = World::new(Random(2), Plan { cap_bytes: 5 << 20, ..Plan::none() });
    world.run(60 * SECOND);
    world.server.up = false;
    world.run(60 * SECOND + DAY);
    let full = world.disk_bytes();
    assert!(full <= 5 << 20 && full > 4 << 20, "{full} bytes");
    make_up(&mut world);
    let missing = Class::ALL.map(|class| world.missing(class));
    let counts = missing.clone().map(|numbers| numbers.len() as u64);
    assert_eq!(counts, world.dropped(), "all that is missing is counted");
    let [bulk, records, facts] = counts;
    assert!(bulk > 20_000 && records > 1000 && facts == 0, "{counts:?}");
    // What is new and worth less than all that is there comes and goes; of the rest the oldest are missing, without a hole.
    assert!(missing[1].windows(2).all(|pair| pair[1] == pair[0] + 3), "the oldest are missing, one after the other");
}

/// Clocks that are set all the time, or run backwards, delay nothing and make nobody busy.
#[test]
fn clocks_that_jump_cost_nothing() {
    let turns = |plan: Plan| {
        let mut world = World::new(Random(3), plan);
        world.run(3600 * SECOND);
        let waiting = world.waiting();
        assert!(waiting <= 3, "{waiting} wait");
        world.drain();
        world.check();
        assert_eq!(world.dropped(), [0; 3]);
        world.turns
    };
    let calm = turns(Plan::none());
    for plan in [
        Plan { jump: 20, ..Plan::none() },
        Plan { back: 1_000_000, ..Plan::none() },
        Plan { back: 3_000_000_000, ..Plan::none() },
    ] {
        let turns = turns(plan);
        assert!(turns < calm * 3 / 2, "{turns} turns, {calm} with a good clock: {plan:?}");
    }
}

const DAY: u64 = 24 * 3600 * SECOND;

/// The server is back: what waits comes at three times the rate of what is made or faster, which is not late for it.
fn make_up(world: &mut World) {
    world.server.up = true;
    let (back, waited) = (world.now, world.waiting());
    world.server.watch_live_from = world.wall() + 30 * 1_000_000_000;
    while world.backlog() > 0 {
        world.run(world.now + 10 * SECOND);
        assert!(world.now - back < DAY / 3, "{} wait after {} s", world.waiting(), (world.now - back) / SECOND);
    }
    let (took, live) = ((world.now - back) / SECOND, world.made_per_second());
    eprintln!(
        "{waited} batches in {took} s, {live:.1} made a second, live ones late by {} ms at most",
        world.server.live_lag_max / 1_000_000
    );
    assert!(waited as f64 / took as f64 >= 3.0 * live, "{waited} in {took} s, {live} a second are made");
    world.drain();
    world.check();
    assert!(world.server.live_lag_max <= 60 * SECOND, "{} ns", world.server.live_lag_max);
}
