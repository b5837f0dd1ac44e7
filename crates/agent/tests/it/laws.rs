//! What holds for any bytes on the channels between the processes of an agent. Called by the property here and by the fuzz target
//! `channel`.

use arachne_agent::channel::{Order, Reader, Said, next_order, next_said, send_order, write};
use arachne_agent::edge::plan::{Plan, key};
use arachne_agent::scope;

/// Bytes are frames or an error, in both directions; what is taken is the same after another journey. A setup of any content is refused
/// or can be.
///
/// # Panics
/// When they are not.
pub fn any_bytes(bytes: &[u8]) {
    frames(bytes);
    // The fuzzer does not find checksums: what is behind them gets the bytes too, as a frame of each kind.
    for kind in 0..5 {
        let mut framed = Vec::new();
        if write(&mut framed, kind, bytes).is_ok() {
            frames(&framed);
        }
    }
}

fn frames(bytes: &[u8]) {
    let mut reader = Reader::new(bytes);
    while let Ok(Some(order)) = next_order(&mut reader) {
        let mut sent = Vec::new();
        send_order(&mut sent, &order).expect("what fitted into a frame fits again");
        let again = next_order(&mut Reader::new(sent.as_slice()));
        assert_eq!(again.expect("what was written here is read"), Some(rounded(&order)));
        judged(&order);
    }
    let mut reader = Reader::new(bytes);
    while let Ok(Some(said)) = next_said(&mut reader) {
        let mut sent = Vec::new();
        said.send(&mut sent).expect("what fitted into a frame fits again");
        let again = next_said(&mut Reader::new(sent.as_slice())).expect("what was written here is read");
        match (said, again.expect("it is one")) {
            (Said::Report(one), Said::Report(other)) => assert_eq!(one, other),
            (Said::Packed(one), Said::Packed(other)) => assert_eq!(one, other),
            (one, other) => panic!("{one:?} has become {other:?}"),
        }
    }
}

/// As it comes back: the last digit of a number with a point is no matter.
fn rounded(order: &Order) -> Order {
    let text = serde_json::to_vec(order).expect("it is data");
    serde_json::from_slice(&text).expect("what was written here is read")
}

/// What a capture process makes of an order before it does it.
fn judged(order: &Order) {
    let own = key(Some(&"0f".repeat(32))).expect("it is one");
    match order {
        Order::Setup(setup) => {
            // Refused or not: a filter that takes long to compile would be a finding.
            let _ = Plan::of(setup, &own, 1).map(drop);
            let _ = scope::program(setup).map(drop);
        }
        Order::Preview(preview) => {
            let setup = arachne_agent::channel::Setup::default();
            let _ = scope::preview(&setup, &preview.interfaces, &preview.filter).map(drop);
        }
        _ => {}
    }
}
