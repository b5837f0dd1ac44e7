//! The outbox, instant by instant.

use std::time::Duration;

use super::{Answer, LaneView, Next, Outbox, Verdict};
use crate::proto::Lane;
use crate::status::BreakerState;

const SECOND: u64 = 1_000_000_000;

fn view(batches: u64) -> LaneView {
    LaneView { batches, front_bytes: 1_000_000, front_age: Duration::from_millis(100) }
}

fn taken() -> Answer {
    Answer::Taken { seen_before: false }
}

fn failed() -> Answer {
    Answer::Failed { why: "connection refused".to_owned() }
}

fn due(outbox: &mut Outbox, now: u64, lanes: &[LaneView; 2]) -> u64 {
    match outbox.next(now, lanes) {
        Next::Wait(Some(at)) => at,
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn lanes_go_beside_each_other_and_one_batch_each() {
    let mut outbox = Outbox::new(1);
    let both = [view(5), view(5)];
    assert_eq!(outbox.next(0, &both), Next::Send(Lane::Live));
    assert_eq!(outbox.next(0, &both), Next::Send(Lane::Backlog));
    assert_eq!(outbox.next(0, &both), Next::Wait(None));
    assert_eq!(outbox.answered(SECOND, Lane::Backlog, taken()), Some(Verdict::Delivered));
    assert_eq!(outbox.answered(SECOND, Lane::Backlog, taken()), None, "an answer that comes twice says nothing");
    assert_eq!(outbox.next(SECOND, &both), Next::Send(Lane::Backlog));
    assert_eq!(outbox.answered(SECOND, Lane::Live, taken()), Some(Verdict::Delivered));
    assert_eq!(outbox.live_lag(), Duration::from_millis(1100));
}

#[test]
fn the_backlog_waits_for_what_is_live() {
    let mut outbox = Outbox::new(1);
    let late = LaneView { front_age: Duration::from_secs(3), ..view(2) };
    assert_eq!(outbox.next(0, &[late, view(5)]), Next::Send(Lane::Live));
    assert_eq!(outbox.next(0, &[late, view(5)]), Next::Wait(None));
    assert_eq!(outbox.next(0, &[LaneView { batches: 1, ..late }, view(5)]), Next::Send(Lane::Backlog));
}

#[test]
fn the_lane_is_live_while_the_server_answers_and_keeps_up() {
    let mut outbox = Outbox::new(1);
    assert_eq!(outbox.lane(&view(0)), Lane::Live);
    assert_eq!(outbox.lane(&view(64)), Lane::Backlog);
    assert_eq!(outbox.lane(&LaneView { front_age: Duration::from_secs(20), ..view(1) }), Lane::Backlog);
    assert_eq!(outbox.next(0, &[view(1), view(0)]), Next::Send(Lane::Live));
    assert_eq!(outbox.answered(0, Lane::Live, failed()), Some(Verdict::Again));
    assert_eq!(outbox.lane(&view(1)), Lane::Backlog);
}

#[test]
fn one_batch_that_is_waited_for_in_vain_opens_the_breaker() {
    let mut outbox = Outbox::new(7);
    let lanes = [view(1), view(0)];
    assert_eq!(outbox.next(0, &lanes), Next::Send(Lane::Live));
    outbox.answered(4 * SECOND, Lane::Live, failed());
    let breaker = outbox.breaker();
    assert_eq!((breaker.state, breaker.opened, breaker.failures), (BreakerState::Open, 1, 1));
    let at = due(&mut outbox, 4 * SECOND, &lanes);
    assert!(at < 5 * SECOND, "it is tried again as soon as after any first failure: {at}");
    assert_eq!(outbox.next(at, &lanes), Next::Send(Lane::Live));
    outbox.answered(at + 9 * SECOND, Lane::Live, failed());
    assert_eq!(outbox.breaker().opened, 1, "it is open already");
}

#[test]
fn failures_wait_longer_and_open_the_breaker() {
    let mut outbox = Outbox::new(7);
    let lanes = [view(1), view(1)];
    let mut now = 0;
    let mut waits = Vec::new();
    for failures in 1..=10_u64 {
        assert_eq!(outbox.next(now, &lanes), Next::Send(Lane::Live));
        if failures > 1 {
            assert_eq!(outbox.next(now, &lanes), Next::Wait(None), "one batch finds out");
        }
        let breaker = outbox.breaker();
        assert_eq!(breaker.state, if failures > 3 { BreakerState::HalfOpen } else { BreakerState::Closed });
        outbox.answered(now, Lane::Live, failed());
        let at = due(&mut outbox, now, &lanes);
        waits.push(at - now);
        now = at;
        let breaker = outbox.breaker();
        assert_eq!((breaker.calls, breaker.failures, breaker.opened), (failures, failures, u64::from(failures >= 3)));
        assert_eq!(breaker.state, if failures >= 3 { BreakerState::Open } else { BreakerState::Closed });
    }
    for (at, wait) in waits.iter().enumerate() {
        let base = ((SECOND / 2) << at).min(16 * SECOND);
        assert!((base / 2..base * 3 / 2).contains(wait), "wait {at}: {wait}");
    }
    assert_eq!(outbox.next(now, &lanes), Next::Send(Lane::Live));
    outbox.answered(now + 5, Lane::Live, taken());
    let breaker = outbox.breaker();
    assert_eq!((breaker.state, breaker.opened, breaker.latency_ns), (BreakerState::Closed, 1, 5));
    assert!(breaker.error_share > 0.9 && breaker.error.as_deref() == Some("connection refused"));
    assert_eq!(outbox.next(now, &lanes), Next::Send(Lane::Live));
}

#[test]
fn what_the_server_asks_for_is_kept() {
    let lanes = [view(1), view(0)];
    let after = |answer: Answer| {
        let mut outbox = Outbox::new(3);
        assert_eq!(outbox.next(0, &lanes), Next::Send(Lane::Live));
        assert_eq!(outbox.answered(0, Lane::Live, answer), Some(Verdict::Again));
        (due(&mut outbox, 0, &lanes), outbox.key_refused)
    };
    let later = |seconds| Answer::Later { after: Some(Duration::from_secs(seconds)), why: String::new() };
    assert!((30 * SECOND..=33 * SECOND).contains(&after(later(30)).0));
    assert!(after(later(1 << 40)).0 <= 3960 * SECOND, "not for ever");
    assert!(after(Answer::Later { after: None, why: String::new() }).0 < SECOND);
    assert!(after(Answer::Full { why: String::new() }).0 >= 10 * SECOND);
    let (at, refused) = after(Answer::Key { why: "revoked".to_owned() });
    assert!(refused && at >= 60 * SECOND);
}

#[test]
fn refused_batches_do_not_stop_the_others() {
    let mut outbox = Outbox::new(3);
    let lanes = [view(1), view(0)];
    assert_eq!(outbox.next(0, &lanes), Next::Send(Lane::Live));
    let refused = Answer::Refused { why: "400: no batch".to_owned() };
    assert_eq!(outbox.answered(0, Lane::Live, refused), Some(Verdict::Refused));
    assert_eq!(outbox.next(0, &lanes), Next::Send(Lane::Live));
}

#[test]
fn no_more_is_sent_than_allowed() {
    let mut outbox = Outbox::new(3);
    outbox.set_limit(6);
    let lanes = [view(9), view(9)];
    let (mut now, mut sent) = (100 * SECOND, 0);
    while now < 400 * SECOND {
        match outbox.next(now, &lanes) {
            Next::Send(lane) => {
                sent += 1;
                outbox.answered(now, lane, taken());
                assert_eq!(lane, Lane::Live, "it goes first");
            }
            Next::Wait(at) => now = at.expect("it will be paid for"),
        }
    }
    assert!((36..=37).contains(&sent), "6 MB in each of five minutes, and those of the minute before: {sent}");
}
