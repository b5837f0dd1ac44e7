//! The tasks that talk to the server.

use std::sync::Arc;
use std::time::Duration;

use arachne_delivery::client::Told;
use arachne_delivery::clock::Clock;
use arachne_delivery::courier::{Parcel, Task};
use arachne_delivery::outbox::Answer;
use arachne_delivery::status::{BreakerState, Status};
use arachne_telemetry::{chain, codes, emit};
use tokio::sync::mpsc::Sender;
use tokio::sync::watch;

use super::link::Link;
use super::{Shared, spooling};

/// Longest time without a look at what is to be sent.
const LOOK: Duration = Duration::from_secs(1);
/// Wait after the disk could not be read.
const AFTER_FAULT: Duration = Duration::from_secs(1);

/// What is known of the server's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The server's clock less this host's.
    pub offset_ns: Option<i64>,
    /// Round trip of the last answer.
    pub round_trip_ns: Option<u64>,
    /// Whether the server has answered at all.
    pub any: bool,
}

/// Sends batches as the courier says, for ever.
pub async fn send(shared: Arc<Shared>, link: Arc<Link>) {
    loop {
        let task = shared.courier().next(shared.now());
        match task {
            Ok(Task::Send(parcel)) => drop(tokio::spawn(deliver(Arc::clone(&shared), Arc::clone(&link), parcel))),
            Ok(Task::Wait(until)) => {
                let now = shared.now().monotonic;
                let wait = until.map_or(LOOK, |at| Duration::from_nanos(at.saturating_sub(now)).min(LOOK));
                tokio::select! {
                    () = shared.changed.notified() => {}
                    () = tokio::time::sleep(wait) => {}
                }
            }
            Err(error) => {
                spooling::complain(Some(error));
                tokio::time::sleep(AFTER_FAULT).await;
            }
        }
    }
}

async fn deliver(shared: Arc<Shared>, link: Arc<Link>, parcel: Parcel) {
    let parcel = Arc::new(parcel);
    let sent = Arc::clone(&parcel);
    let answer = answered(async move { link.client.deliver(&sent).await }).await;
    if let Answer::Refused { why } = &answer {
        emit!(codes::AGENT_SPOOL_003, sequence = parcel.head.sequence, error = why.as_str());
    }
    settle(&shared, &parcel, answer);
    shared.changed.notify_one();
}

/// The answer, whatever happens on the way to it: its lane waits for one, and would for ever.
async fn answered(answer: impl Future<Output = Answer> + Send + 'static) -> Answer {
    let ended = tokio::spawn(answer).await;
    ended.unwrap_or_else(|fault| Answer::Failed { why: format!("the agent failed while it sent a batch: {fault}") })
}

/// Hands an answer on, and tells when the circuit breaker opens or closes by it.
fn settle(shared: &Shared, parcel: &Parcel, answer: Answer) {
    let mut courier = shared.courier();
    let before = courier.outbox.breaker();
    courier.answered(shared.now(), &parcel.head, answer);
    let after = courier.outbox.breaker();
    drop(courier);
    if after.opened > before.opened {
        emit!(codes::AGENT_NET_003, failures = after.failures, error = after.error.unwrap_or_default().as_str());
    } else if after.state == BreakerState::Closed && before.state != BreakerState::Closed {
        emit!(codes::AGENT_NET_004);
    }
}

/// Tells each status that comes, and hands on what the server answers, for ever.
pub async fn tell(
    link: Arc<Link>,
    mut status: watch::Receiver<Option<Status>>,
    instructions: Sender<Told>,
    clock: watch::Sender<Seen>,
) {
    let (mut reached, mut samples) = (None, Clock::default());
    while status.changed().await.is_ok() {
        let Some(status) = status.borrow_and_update().clone() else { continue };
        match link.client.tell(status).await {
            Ok(told) => {
                if reached.replace(true) != Some(true) {
                    emit!(codes::AGENT_NET_002, server = link.name.as_str());
                }
                samples.add(&told.exchange);
                clock.send_replace(Seen {
                    offset_ns: samples.offset_ns(),
                    round_trip_ns: samples.round_trip_ns(),
                    any: true,
                });
                if instructions.send(told).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                if reached.replace(false) != Some(false) {
                    emit!(codes::AGENT_NET_001, server = link.name.as_str(), error = %chain(&error));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_fault_while_a_batch_is_sent_is_an_answer() {
        let taken = Answer::Taken { seen_before: true };
        assert_eq!(answered(std::future::ready(taken.clone())).await, taken);
        let fault = answered(async { std::panic::resume_unwind(Box::new("odd")) }).await;
        let Answer::Failed { why } = fault else { unreachable!("{fault:?}") };
        assert!(why.contains("panic") && why.contains("sent a batch"), "{why}");
    }
}
