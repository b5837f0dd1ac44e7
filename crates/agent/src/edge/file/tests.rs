//! What files say that no server would take.

use std::sync::Arc;

use arachne_delivery::INSTANT_MAX;
use arachne_model::table::Rows;
use arachne_testkit::capture::pcapng;
use arachne_testkit::conversation::Conversation;

use super::FileSource;
use crate::edge::outlet::Outlet;
use crate::edge::worker::tests::{rows, worker};

fn read(shift: i64) -> Rows {
    let mut talk = Conversation::new("10.0.0.1:5000", "10.0.0.2:80");
    talk.handshake().client(b"GET /one HTTP/1.1\r\nHost: a\r\n\r\n").server(b"HTTP/1.1 204 No Content\r\n\r\n").close();
    let mut packets = talk.take_packets();
    packets.iter_mut().for_each(|packet| packet.at += shift);
    let folder = tempfile::tempdir().expect("a temporary directory");
    let path = folder.path().join("odd.pcapng");
    std::fs::write(&path, pcapng(1, &packets)).expect("writable");
    let mut file = FileSource::open(&path, Arc::default(), &[]).expect("it is a capture");
    let (mut worker, outlet) = (worker(), Outlet::default());
    for _ in 0..2 {
        file.turn(&mut worker).expect("it is whole");
    }
    worker.finish(&outlet);
    rows(&outlet)
}

#[test]
fn times_that_no_server_takes_become_the_nearest_that_it_does() {
    for shift in [0, INSTANT_MAX - 1_767_225_600_000_000_000, i64::MAX - 1_767_225_700_000_000_000] {
        let rows = read(shift);
        assert_eq!(rows.exchanges.len(), 1, "{shift}");
        let instants = rows.exchanges.iter().flat_map(|row| [Some(row.start), row.end]);
        let instants = instants.chain(rows.sessions.iter().flat_map(|row| [Some(row.first), row.last]));
        let instants = instants.chain(rows.quality.iter().map(|row| Some(row.minute)));
        for at in instants.flatten() {
            assert!((0..INSTANT_MAX).contains(&at), "{shift}: {at}");
        }
    }
}

#[test]
fn what_is_no_file_is_refused_and_not_waited_for() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let pipe = folder.path().join("pipe.pcap");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("the tool mkfifo of coreutils");
    assert!(made.success());
    for path in [pipe.as_path(), folder.path()] {
        let error = FileSource::open(path, Arc::default(), &[]).err().expect("it is none");
        let told = arachne_telemetry::chain(&error).to_string();
        assert!(told.contains("no regular file") && told.contains(&path.display().to_string()), "{told}");
    }
}
