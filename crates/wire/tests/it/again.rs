//! A session taken up again from its frames: the same bytes as the first time, and what each segment was.

use std::collections::BTreeMap;

use arachne_model::{Endpoint, Limits, LinkType, UnixNanos};
use arachne_testkit::Conversation;
use arachne_testkit::conversation::{Packet, Side};
use arachne_wire::packet::{Segment, flag};
use arachne_wire::replay::{Piece, Replay, Rung};
use arachne_wire::{Decoder, Frame};
use proptest::prelude::{ProptestConfig, prop_assert_eq, proptest};

use crate::script::{disorder, packets, script, spec};
use crate::support::run;

fn client() -> Endpoint {
    Endpoint { address: "10.0.0.7".parse().unwrap(), port: 51234 }
}

fn frame(number: u64, packet: &Packet, kept: usize) -> Frame<'_> {
    let original_length = u32::try_from(packet.bytes.len()).unwrap();
    let data = &packet.bytes[..kept.min(packet.bytes.len())];
    Frame { number, at: UnixNanos(packet.at), link_type: LinkType::ETHERNET, original_length, data }
}

/// Whole frames, or only their headers.
fn replay(all: &[Packet], whole: bool) -> (Vec<Rung>, Vec<Piece>) {
    let mut replay = Replay::new(&Limits::default(), Some(client()));
    let (mut rungs, mut pieces) = (Vec::new(), Vec::new());
    for (number, packet) in (1..).zip(all) {
        let frame_whole = frame(number, packet, usize::MAX);
        let end = |segment: Segment<'_>| segment.header_end(&frame_whole);
        let kept =
            if whole { usize::MAX } else { Decoder::new(&Limits::default()).decode(&frame_whole).map_or(0, end) };
        rungs.extend(replay.frame(&frame(number, packet, kept), &mut pieces));
    }
    replay.finish(&mut pieces);
    (rungs, pieces)
}

/// The bytes of each direction; `?` where they are missing.
fn streams(pieces: &[Piece]) -> BTreeMap<bool, Vec<u8>> {
    let mut streams: BTreeMap<bool, Vec<u8>> = BTreeMap::new();
    for piece in pieces {
        let stream = streams.entry(piece.from_client).or_default();
        assert_eq!(stream.len() as u64, piece.offset, "in order, without a hole");
        stream.extend_from_slice(&piece.bytes);
        stream.resize(usize::try_from(piece.offset + piece.length).unwrap(), b'?');
    }
    streams
}

#[test]
fn what_segments_were() {
    let mut talk = Conversation::new("10.0.0.7:51234", "10.0.0.9:80");
    talk.sequences(u32::MAX - 1, 5000).handshake().client(b"abc").ack(Side::Server).client(b"def").client(b"ghi");
    talk.at_offset(Side::Client, -9, b"abc").ack(Side::Server).close();
    let mut all = talk.packets().to_vec();
    all.swap(5, 6);
    for whole in [true, false] {
        let (rungs, pieces) = replay(&all, whole);
        assert_eq!(rungs.len(), all.len());
        let shown = |at: usize| {
            let rung = rungs[at];
            (rung.from_client, rung.sequence, rung.ack, rung.length, rung.retransmitted, rung.out_of_order)
        };
        assert_eq!(shown(0), (true, Some(0), None, 0, false, false), "SYN");
        assert_eq!(shown(1), (false, Some(0), Some(1), 0, false, false), "SYN ACK");
        assert_eq!(shown(3), (true, Some(1), Some(1), 3, false, false), "abc");
        assert_eq!(shown(4), (false, Some(1), Some(4), 0, false, false));
        assert_eq!(shown(5), (true, Some(7), Some(1), 3, false, false), "ghi");
        assert_eq!(shown(6), (true, Some(4), Some(1), 3, false, true), "def came late");
        assert_eq!(shown(7), (true, Some(1), Some(1), 3, true, false), "abc again");
        assert_eq!(rungs[0].flags, flag::SYN);
        assert_eq!(rungs.iter().map(|rung| rung.cut).sum::<u64>(), if whole { 0 } else { 12 });
        let expected = if whole { b"abcdefghi" } else { b"?????????" };
        assert_eq!(streams(&pieces)[&true], expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_same_bytes_as_the_first_time(specs in proptest::collection::vec(spec(), 1..5), network in disorder()) {
        let mut network = network;
        network.wrapping = 0;
        let (turns, _) = script(&specs);
        let all = packets(&turns, &network);
        let first = run(&all);
        let (rungs, pieces) = replay(&all, true);
        prop_assert_eq!(rungs.len(), all.len());
        prop_assert_eq!(first.sessions.len(), 1);
        let before: BTreeMap<bool, Vec<u8>> = first.streams.iter().map(|((_, from), bytes)| (*from, bytes.clone())).collect();
        prop_assert_eq!(streams(&pieces), before);
        let session = &first.sessions[0];
        let duplicates = rungs.iter().filter(|rung| rung.duplicate).count() as u64;
        prop_assert_eq!(session.client_facts.packets + session.server_facts.packets, all.len() as u64 - duplicates);
    }

    #[test]
    fn headers_alone_tell_of_the_same_segments(specs in proptest::collection::vec(spec(), 1..4), network in disorder()) {
        let mut network = network;
        network.wrapping = 0;
        let all = packets(&script(&specs).0, &network);
        let (whole, _) = replay(&all, true);
        let (headers, _) = replay(&all, false);
        let shown = |rung: &Rung| (rung.from_client, rung.sequence, rung.length, rung.flags, rung.retransmitted);
        prop_assert_eq!(whole.iter().map(shown).collect::<Vec<_>>(), headers.iter().map(shown).collect::<Vec<_>>());
    }
}
