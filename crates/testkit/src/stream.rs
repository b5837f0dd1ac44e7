//! `testkit stream`: a capture of any length from a shop that never closes, written as it is made.
//!
//! Sixty-four keep-alive connections open, ask, get answers and close. Memory does not grow with the length. The number
//! of exchanges, connections and packets is known at the end and must come out of whoever reads the stream.

use std::io::{self, Write};

use crate::capture::PcapWriter;
use crate::conversation::{Conversation, Side};
use crate::link::link_type;
use crate::random::Random;

/// Connections at a time.
const CONNECTIONS: usize = 64;
/// Bytes in front of each record in a pcap file.
const RECORD_HEADER_BYTES: u64 = 16;

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Requests with their response.
    pub exchanges: u64,
    /// Connections, all closed by both sides.
    pub connections: u64,
    /// Packets.
    pub packets: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

/// Writes a pcap file of about `bytes` bytes to `out`: it ends when all connections are closed behind that mark.
///
/// # Errors
/// Those of `out`.
pub fn stream(out: impl Write, bytes: u64, seed: u64) -> io::Result<Written> {
    let mut shop = Shop::new(out, seed)?;
    let mut talks: Vec<Option<Conversation>> = vec![None; CONNECTIONS];
    while shop.written.bytes < bytes {
        let slot = shop.random.below(CONNECTIONS);
        let closes = shop.random.one_in(20);
        let mut talk = talks[slot].take().map_or_else(|| shop.open(slot), Ok)?;
        shop.exchange(&mut talk)?;
        talks[slot] = if closes { shop.close(talk).map(|()| None)? } else { Some(talk) };
    }
    for talk in talks.into_iter().flatten() {
        shop.close(talk)?;
    }
    shop.pcap.finish()?;
    Ok(shop.written)
}

struct Shop<W: Write> {
    pcap: PcapWriter<W>,
    random: Random,
    written: Written,
    now: i64,
    /// Bytes that bodies are cut from.
    noise: Vec<u8>,
}

impl<W: Write> Shop<W> {
    fn new(out: W, seed: u64) -> io::Result<Self> {
        let mut random = Random::new(seed);
        let noise = (0..1 << 16).map(|_| random.byte()).collect();
        let written = Written { bytes: 24, ..Written::default() };
        let pcap = PcapWriter::new(out, link_type::ETHERNET)?;
        Ok(Self { pcap, random, written, now: 1_767_225_600_000_000_000, noise })
    }

    /// A new connection of `slot`: ports are used again only after a long while.
    fn open(&mut self, slot: usize) -> io::Result<Conversation> {
        let number = self.written.connections;
        self.written.connections += 1;
        let port = 10_000 + number % 50_000;
        let mut talk = Conversation::new(&format!("10.1.0.{}:{port}", slot + 1), "10.2.0.9:8080");
        let first = |random: &mut Random| {
            let bytes = random.bits().to_be_bytes();
            u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
        };
        talk.sequences(first(&mut self.random), first(&mut self.random)).handshake();
        self.flush(&mut talk)?;
        Ok(talk)
    }

    fn exchange(&mut self, talk: &mut Conversation) -> io::Result<()> {
        let number = self.written.exchanges;
        self.written.exchanges += 1;
        let request = format!(
            "GET /item/{number}?page={} HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: testkit\r\nAccept: */*\r\n\r\n",
            number % 50
        );
        talk.client(request.as_bytes()).ack(Side::Server);
        let length = self.body_length();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {length}\r\nServer: testkit\r\n\r\n"
        );
        let start = self.random.below(self.noise.len() - length + 1);
        let answer = [head.as_bytes(), &self.noise[start..start + length]].concat();
        // Two segments, then an acknowledgement, as receivers do.
        for pair in answer.chunks(2 * 1448) {
            talk.server(pair).ack(Side::Client);
        }
        self.flush(talk)
    }

    /// Mostly small, sometimes large, like a shop.
    fn body_length(&mut self) -> usize {
        let most = [200, 2_000, 12_000, 60_000][self.random.below(4)];
        self.random.below(most)
    }

    fn close(&mut self, mut talk: Conversation) -> io::Result<()> {
        talk.close();
        self.flush(&mut talk)
    }

    /// Writes the packets of `talk` with times of the whole stream, ten microseconds apart.
    fn flush(&mut self, talk: &mut Conversation) -> io::Result<()> {
        for packet in talk.take_packets() {
            self.now += 10_000;
            self.pcap.packet(self.now, &packet.bytes)?;
            self.written.packets += 1;
            self.written.bytes += RECORD_HEADER_BYTES + packet.bytes.len() as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::stream;

    #[test]
    fn the_stream_has_the_length_and_the_counts_it_says() {
        let mut file = Vec::new();
        let written = stream(&mut file, 3_000_000, 1).unwrap();
        assert_eq!(written.bytes, file.len() as u64);
        assert!(written.bytes >= 3_000_000 && written.bytes < 3_200_000, "{written:?}");
        let count = |needle: &[u8]| file.windows(needle.len()).filter(|window| *window == needle).count() as u64;
        assert_eq!(count(b"GET /item/"), written.exchanges);
        assert_eq!(count(b"HTTP/1.1 200 OK\r\n"), written.exchanges);
        assert!(written.connections > 64 && written.exchanges > 10 * 20, "{written:?}");
    }
}
