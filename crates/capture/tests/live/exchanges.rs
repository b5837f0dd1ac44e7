//! Real exchanges on their way through ring and wire core: none is missing, offloaded frames are whole.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use arachne_capture::interface::filter::Scope;
use arachne_capture::interface::{LiveCapture, LivePacket, Turn};
use arachne_model::{Exchange, Limits, TcpSession, UnixNanos};
use arachne_wire::{Engine, Frame, Sink};

use crate::net::{Far, hosts};
use crate::packets::{capture, each};

#[derive(Default)]
struct Found {
    exchanges: Vec<Exchange>,
    sessions: Vec<TcpSession>,
}

impl Sink for Found {
    fn exchange(&mut self, exchange: Exchange) {
        self.exchanges.push(exchange);
    }
    fn session(&mut self, session: TcpSession) {
        self.sessions.push(session);
    }
}

struct Watch {
    live: LiveCapture,
    engine: Engine,
    found: Found,
    packets: u64,
}

impl Watch {
    fn new(live: LiveCapture) -> Self {
        Self { live, engine: Engine::new(&Limits::default(), 1, false), found: Found::default(), packets: 0 }
    }

    /// Watches until `done`, half a minute at most.
    fn until(&mut self, done: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !done(self) {
            assert!(start.elapsed() < Duration::from_secs(30), "{} exchanges", self.found.exchanges.len());
            self.turn();
        }
    }

    /// One block, or time from the drained ring.
    fn turn(&mut self) {
        match self.live.poll(Duration::from_millis(50)).unwrap() {
            Turn::Drained(at) => self.engine.at(at, &mut self.found),
            Turn::Block(mut block) => {
                while let Some(packet) = block.next_packet() {
                    self.packets += 1;
                    self.engine.packet(&frame(&packet, self.packets), &mut self.found);
                }
            }
        }
    }

    fn open(&self) -> Vec<Exchange> {
        let mut open = Vec::new();
        self.engine.open_exchanges(&(UnixNanos(0)..UnixNanos(i64::MAX)), &mut |exchange| open.push(exchange));
        open
    }
}

fn frame<'a>(packet: &LivePacket<'a>, number: u64) -> Frame<'a> {
    let packet = packet.packet;
    Frame {
        number,
        at: packet.timestamp,
        link_type: packet.link_type,
        original_length: packet.original_length,
        data: packet.data,
    }
}

/// A server on the other host that answers each request with `size` bytes, for `connections`.
fn serve(far: &Far, address: &'static str, connections: usize, size: usize) {
    let (ready, is_ready) = std::sync::mpsc::channel();
    far.start(move || {
        let listener = TcpListener::bind(address).unwrap();
        ready.send(()).unwrap();
        for stream in listener.incoming().take(connections) {
            answer(stream.unwrap(), size);
        }
    });
    is_ready.recv().unwrap();
}

fn answer(mut stream: TcpStream, size: usize) {
    let mut request = [0; 1024];
    while let Ok(1..) = stream.read(&mut request) {
        let mut response = format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n").into_bytes();
        response.resize(response.len() + size, b'x');
        stream.write_all(&response).unwrap();
    }
}

fn ask(address: &str, requests: usize, size: usize) {
    let mut stream = TcpStream::connect(address).unwrap();
    for n in 0..requests {
        stream.write_all(format!("GET /{n} HTTP/1.1\r\nHost: far\r\n\r\n").as_bytes()).unwrap();
        let mut left = size + format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n").len();
        let mut buffer = vec![0; 65_536];
        while left > 0 {
            left -= stream.read(&mut buffer).unwrap();
        }
    }
}

#[test]
fn each_exchange_of_either_family_is_found() {
    for address in ["10.9.0.2:8080", "[fd09::2]:8080"] {
        hosts(move |far| {
            let mut watch = Watch::new(capture("tcp port 8080", &Scope::default()));
            serve(far, address, 20, 700);
            let client = std::thread::spawn(move || (0..20).for_each(|_| ask(address, 10, 700)));
            watch.until(|watch| watch.found.sessions.len() == 20);
            client.join().unwrap();
            assert_eq!(watch.found.exchanges.len(), 200);
            let odd = watch.found.exchanges.iter().find(|x| !x.anomalies.is_empty() || x.end.is_none());
            assert!(odd.is_none(), "{odd:?}");
            let ledger = watch.engine.summary().ledger;
            ledger.check().unwrap();
            assert_eq!((ledger.bytes_lost, watch.live.counters().unwrap().packets), (0, watch.packets));
        });
    }
}

#[test]
fn what_is_open_is_shown_before_it_ends() {
    hosts(|far| {
        let mut watch = Watch::new(capture("tcp port 8080", &Scope::default()));
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let (ready, is_ready) = std::sync::mpsc::channel();
        far.start(move || {
            let listener = TcpListener::bind("10.9.0.2:8080").unwrap();
            ready.send(()).unwrap();
            let (stream, _) = listener.accept().unwrap();
            wait.recv().unwrap();
            answer(stream, 5);
        });
        is_ready.recv().unwrap();
        let client = std::thread::spawn({
            let mut stream = TcpStream::connect("10.9.0.2:8080").unwrap();
            move || {
                stream.write_all(b"GET /slow HTTP/1.1\r\n\r\n").unwrap();
                assert!(stream.read(&mut [0; 100]).unwrap() > 0);
            }
        });
        watch.until(|watch| !watch.open().is_empty());
        let open = watch.open();
        assert_eq!((open.len(), open[0].end), (1, None));
        go.send(()).unwrap();
        client.join().unwrap();
        watch.until(|watch| watch.found.exchanges.len() == 1);
        assert_eq!(watch.found.exchanges[0].start, open[0].start);
    });
}

#[test]
fn frames_above_the_mtu_are_whole() {
    const SIZE: usize = 8 << 20;
    hosts(|far| {
        let mut watch = Watch::new(capture("tcp port 8080", &Scope::default()));
        serve(far, "10.9.0.2:8080", 1, SIZE);
        let client = std::thread::spawn(|| ask("10.9.0.2:8080", 1, SIZE));
        watch.until(|watch| watch.found.sessions.len() == 1);
        client.join().unwrap();
        let ledger = watch.engine.summary().ledger;
        if watch.live.counters().unwrap().drops == 0 {
            assert_eq!(watch.found.exchanges[0].response.as_ref().unwrap().body.size, SIZE as u64);
            assert_eq!(ledger.bytes_lost, 0);
        }
        assert_eq!(watch.engine.summary().truncated_packets, 0);
        let mean = SIZE as u64 / watch.packets;
        assert!(mean > 1500, "frames of {mean} bytes in the middle: nothing was offloaded");
    });
}

#[test]
fn the_largest_frame_fits() {
    hosts(|far| {
        serve(far, "10.9.0.2:8080", 1, 4 << 20);
        let mut live = capture("tcp port 8080", &Scope::default());
        ask("10.9.0.2:8080", 1, 4 << 20);
        let mut longest = 0;
        each(&mut live, |packet| {
            assert_eq!(packet.packet.data.len(), packet.packet.original_length as usize, "nothing is cut");
            longest = longest.max(packet.packet.data.len());
            if longest > 30_000 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
    });
}
