//! A disk that takes no more for another reason than lack of room: it is told, refused clearly, and over without a restart.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arachne_delivery::codec::{Head, Packer, address};
use arachne_delivery::proto::Lane;
use arachne_store::{
    GroupRequest, Groups, ImportFacts, ImportName, ImportStart, ListRequest, MemoryStore, Page, Rows, Store,
    StoreError, StoreFacts, Token, Watch,
};
use arachne_telemetry::{codes, count_of};
use serde_json::json;

use crate::client::{Answer, call, get};
use crate::world::{World, rows};

/// A store in memory on a disk that may fail.
#[derive(Default)]
struct Failing {
    inner: MemoryStore,
    fails: AtomicBool,
}

impl Store for Failing {
    fn append(&self, token: &Token, rows: Rows) -> Result<bool, StoreError> {
        match self.failing() {
            None => self.inner.append(token, rows),
            Some(why) => {
                Err(StoreError::Io { what: "cannot write /srv/secret".to_owned(), source: io::Error::other(why) })
            }
        }
    }

    fn has(&self, sender_end: &str, sequence: u64) -> bool {
        self.inner.has(sender_end, sequence)
    }

    fn import(&self, name: &ImportName, replace: bool) -> Result<ImportStart, StoreError> {
        self.inner.import(name, replace)
    }

    fn imports(&self) -> Vec<ImportFacts> {
        self.inner.imports()
    }

    fn list(&self, request: &ListRequest, watch: &dyn Watch) -> Result<Page, StoreError> {
        self.inner.list(request, watch)
    }

    fn group(&self, requests: &[GroupRequest], watch: &dyn Watch) -> Result<Vec<Groups>, StoreError> {
        self.inner.group(requests, watch)
    }

    fn facts(&self) -> StoreFacts {
        self.inner.facts()
    }

    fn failing(&self) -> Option<String> {
        self.fails.load(Ordering::Relaxed).then(|| "/srv/secret: input/output error".to_owned())
    }

    fn end_period(&self) {
        self.inner.end_period();
    }
}

fn deliver(world: &World, key: &str, sequence: u64) -> Answer {
    let head = Head { epoch: 1, lane: Lane::Live, sequence, closed: crate::world::START };
    let packed = Packer::new().and_then(|mut packer| packer.pack_rows(&rows())).expect("it is small");
    let body = address(&head, &packed).expect("it is small");
    let sent = call("POST", "/agent/v1/batches").with("Content-Type", "application/x-protobuf");
    world.send(&sent.with("Authorization", key).body(body))
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_store_that_cannot_write_says_so_everywhere_and_recovers() {
    let store = Arc::new(Failing::default());
    let world =
        World::on(Arc::clone(&store) as Arc<dyn Store>, |config| config.limits.look_time = Duration::from_millis(10));
    let key = world.add_agent("web-1");
    let text = |path: &str| world.send(&get(path)).ok().text();
    let metric = |value: u8| format!("arachne_store_failing {value}\n");
    assert_eq!(deliver(&world, &key, 1).status, 200);
    assert!(text("/readyz") == "ready\n" && text("/metrics").contains(&metric(0)));

    store.fails.store(true, Ordering::Relaxed);
    let refused = deliver(&world, &key, 2);
    assert_eq!(
        (refused.status, &refused.json()["code"], refused.header("retry-after")),
        (503, &json!("unwritable"), "30")
    );
    assert!(refused.text().contains("send it again later") && !refused.text().contains("secret"), "{}", refused.text());
    assert_eq!(text("/readyz"), "ready\nthe store cannot write: the log of the server tells why\n");
    assert!(text("/metrics").contains(&metric(1)));
    assert_eq!(text("/healthz"), "ok\n");
    world.send(&get("/api/v1/exchanges")).ok();
    until("the log tells it", || count_of(&codes::SERVER_STORE_002) == 1);

    store.fails.store(false, Ordering::Relaxed);
    assert_eq!(deliver(&world, &key, 2).status, 200);
    until("the log tells its end", || count_of(&codes::SERVER_STORE_003) == 1);
    assert!(text("/readyz") == "ready\n" && text("/metrics").contains(&metric(0)));
    assert_eq!(count_of(&codes::SERVER_STORE_002), 1, "once");
}
