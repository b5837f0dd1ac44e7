//! What `make bench-capture` measures: `live capture SECONDS` captures all interfaces into the wire core and prints counts
//! and costs as JSON; `live send RATE SECONDS [MIX]` sends HTTP conversations as raw IP packets to the host 10.9.0.2, which
//! does not have their addresses and so answers nothing. MIX is `api`, small answers (2.9 packets for each exchange), or
//! `web`, pages (15, as many as in the web capture of `make bench`).

use std::error::Error;
use std::io::Write as _;
use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use arachne_capture::interface::filter::{Filter, Scope};
use arachne_capture::interface::{LiveOptions, Turn, open};
use arachne_model::{Exchange, Limits, TcpSession};
use arachne_testkit::Conversation;
use arachne_testkit::conversation::Side;
use arachne_wire::{Engine, Frame, Sink};
use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, connect, ipproto, send, socket_with};

type Outcome = Result<(), Box<dyn Error>>;

/// Conversations that are sent over and over.
const CONVERSATIONS: u16 = 400;

/// Exchanges of each.
const EXCHANGES: usize = 8;

/// Bytes of payload in a full packet.
const SEGMENT: usize = 1400;

/// First byte of the addresses of servers.
const SERVERS: u8 = 200;

/// Bytes of a body, by the name of the mix.
const MIXES: [(&str, usize); 2] = [("api", 900), ("web", 12_500)];

/// Packets are sent in bursts of a millisecond.
const BURST: Duration = Duration::from_millis(1);

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["capture", seconds] => capture(Duration::from_secs(seconds.parse()?)),
        ["send", rate, seconds] => send_all(rate.parse()?, Duration::from_secs(seconds.parse()?), "api"),
        ["send", rate, seconds, mix] => send_all(rate.parse()?, Duration::from_secs(seconds.parse()?), mix),
        _ => Err("usage: live capture SECONDS | live send PACKETS_PER_SECOND SECONDS [api|web]".into()),
    }
}

#[derive(Default)]
struct Count {
    exchanges: u64,
    sessions: u64,
}

impl Sink for Count {
    fn exchange(&mut self, _exchange: Exchange) {
        self.exchanges += 1;
    }
    fn session(&mut self, _session: TcpSession) {
        self.sessions += 1;
    }
}

fn capture(length: Duration) -> Outcome {
    let program = Filter::parse("tcp")?.program(&Scope::default())?;
    let mut live = open(&LiveOptions::default(), &program)?.remove(0);
    let (mut engine, mut count, mut number) = (Engine::new(&Limits::default(), 1, false), Count::default(), 0_u64);
    let start = Instant::now();
    while start.elapsed() < length {
        let mut block = match live.poll(Duration::from_millis(100))? {
            Turn::Block(block) => block,
            Turn::Drained(at) => {
                engine.at(at, &mut count);
                continue;
            }
        };
        while let Some(packet) = block.next_packet() {
            number += 1;
            let packet = packet.packet;
            let (at, link_type, original_length) = (packet.timestamp, packet.link_type, packet.original_length);
            engine.packet(&Frame { number, at, link_type, original_length, data: packet.data }, &mut count);
        }
    }
    let counters = live.counters()?;
    engine.summary().ledger.check()?;
    writeln!(
        std::io::stdout(),
        "{}",
        serde_json::json!({
            "packets": counters.packets, "handed_out": number, "drops": counters.drops, "exchanges": count.exchanges,
            "sessions": count.sessions, "bytes_lost": engine.summary().ledger.bytes_lost, "ring_bytes": live.ring_bytes(),
        })
    )?;
    Ok(())
}

/// Another network for the clients of each round, so that each connection is a new one.
fn move_clients(packet: &mut [u8], round: u16) {
    let at = if packet[12] == SERVERS { 16 } else { 12 };
    let (before, after) = (u16::from_be_bytes([packet[at], packet[at + 1]]), 0x0a00 + round % 0x4000);
    packet[at..at + 2].copy_from_slice(&after.to_be_bytes());
    // The checksum of the TCP header counts addresses. Source: RFC 1624, section 3.
    let sum = u32::from(!u16::from_be_bytes([packet[36], packet[37]])) + u32::from(!before) + u32::from(after);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = !u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap_or(0);
    packet[36..38].copy_from_slice(&sum.to_be_bytes());
}

/// An answer with a JSON body of `length` bytes that no other has.
fn answer(number: usize, length: usize) -> String {
    let item = |at: usize| {
        let id = (number * 7919 + at * 104_729) % 1_000_003;
        format!("{{\"id\":{id},\"name\":\"item {at} of {number}\",\"price\":{}.{:02}}},", id % 500, id % 100)
    };
    let (head, tail) = ("{\"items\":[", "{}],\"note\":\"\"}");
    let mut body = head.to_owned();
    let mut items = (0..).map(item);
    while let Some(item) = items.next().filter(|item| body.len() + item.len() + tail.len() <= length) {
        body.push_str(&item);
    }
    let note = "-".repeat(length - body.len() - tail.len());
    body.push_str(&tail.replace("\"\"}", &format!("\"{note}\"}}")));
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// IP packets of a pool of conversations, interleaved.
fn packets(body: usize) -> Vec<Vec<u8>> {
    let conversation = |n: u16| {
        let client = format!("10.0.{}.{}:{}", n / 250, n % 250 + 1, 20_000 + n);
        let mut talk = Conversation::new(&client, "200.1.0.1:80");
        talk.handshake();
        for at in 0..EXCHANGES {
            talk.client(format!("GET /items/{at} HTTP/1.1\r\nHost: shop.test\r\nAccept: */*\r\n\r\n").as_bytes());
            let answer = answer(usize::from(n) * EXCHANGES + at, body);
            for (at, segment) in answer.as_bytes().chunks(SEGMENT).enumerate() {
                talk.server(segment);
                // Every second full segment is acknowledged. Source: RFC 9293, section 3.8.6.3.
                if at % 2 == 1 {
                    talk.ack(Side::Client);
                }
            }
        }
        talk.close();
        talk.take_packets().into_iter().map(|packet| packet.bytes[14..].to_vec()).collect::<Vec<_>>()
    };
    let all: Vec<Vec<Vec<u8>>> = (0..CONVERSATIONS).map(conversation).collect();
    let longest = all.iter().map(Vec::len).max().unwrap_or(0);
    (0..longest).flat_map(|at| all.iter().filter_map(move |packets| packets.get(at).cloned())).collect()
}

fn send_all(rate: u64, length: Duration, mix: &str) -> Outcome {
    let (_, body) = MIXES.into_iter().find(|(name, _)| *name == mix).ok_or("a mix is api or web")?;
    let raw = Some(ipproto::RAW);
    let socket = socket_with(AddressFamily::INET, SocketType::RAW, SocketFlags::CLOEXEC, raw)?;
    connect(&socket, &"10.9.0.2:0".parse::<SocketAddrV4>()?)?;
    let mut packets = packets(body);
    let (start, mut sent) = (Instant::now(), 0_u64);
    let (mut next, mut round) = (0, 0_u16);
    while start.elapsed() < length {
        let due = u64::try_from(start.elapsed().as_nanos())? * rate / 1_000_000_000;
        while sent < due {
            if next == packets.len() {
                (next, round) = (0, round.wrapping_add(1));
            }
            move_clients(&mut packets[next], round);
            send(&socket, &packets[next], SendFlags::empty())?;
            (next, sent) = (next + 1, sent + 1);
        }
        std::thread::sleep(BURST);
    }
    writeln!(std::io::stdout(), "{}", serde_json::json!({"sent": sent, "seconds": start.elapsed().as_secs_f64()}))?;
    Ok(())
}
