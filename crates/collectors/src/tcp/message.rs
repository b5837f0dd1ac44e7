//! Messages of the kernel's socket diagnosis, as bytes. What a message does not hold (older kernels tell less) is None.
//!
//! Source: `sock_diag(7)`, `linux/inet_diag.h`, `linux/tcp.h`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// `NLMSG_ERROR`, `NLMSG_DONE`.
const ERROR: u16 = 2;
const DONE: u16 = 3;
/// `SOCK_DIAG_BY_FAMILY`.
const BY_FAMILY: u16 = 20;
/// `NLM_F_REQUEST | NLM_F_DUMP`.
const DUMP: u16 = 0x301;
/// `INET_DIAG_INFO`, and the bit that asks for it.
const INFO: u16 = 2;
const ASK_INFO: u8 = 1 << (INFO - 1);
const TCP: u8 = 6;
const HEADER: usize = 16;
const SOCKET: usize = 72;
const REQUEST: usize = HEADER + 56;

/// `AF_INET`, `AF_INET6`.
pub(super) const FAMILIES: [u8; 2] = [2, 10];
/// States of connections by their number in the kernel; 12 is a half-open one.
pub(super) const STATES: [&str; 13] = [
    "unknown",
    "established",
    "syn_sent",
    "syn_received",
    "fin_wait_1",
    "fin_wait_2",
    "time_wait",
    "closed",
    "close_wait",
    "last_ack",
    "listen",
    "closing",
    "syn_received",
];
const TIME_WAIT: u32 = 1 << 6;
const CLOSED: u32 = 1 << 7;
pub(super) const LISTEN: u32 = 1 << 10;
/// Connections that somebody has. Those in time-wait are many, have no owner, and are counted by the kernel.
pub(super) const CONNECTED: u32 = 0x1ffe & !(TIME_WAIT | CLOSED | LISTEN);

/// Asks for all TCP sockets of a family in some states.
pub(super) fn request(family: u8, states: u32, sequence: u32) -> [u8; REQUEST] {
    let mut bytes = [0; REQUEST];
    let mut put = |at: usize, part: &[u8]| bytes[at..at + part.len()].copy_from_slice(part);
    put(0, &(REQUEST as u32).to_ne_bytes());
    put(4, &BY_FAMILY.to_ne_bytes());
    put(6, &DUMP.to_ne_bytes());
    put(8, &sequence.to_ne_bytes());
    put(HEADER, &[family, TCP, ASK_INFO, 0]);
    put(HEADER + 4, &states.to_ne_bytes());
    bytes
}

/// A socket as the kernel tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Socket {
    pub state: u8,
    pub local: (IpAddr, u16),
    pub remote: (IpAddr, u16),
    /// No other socket has or had it since the host began.
    pub cookie: u64,
    /// Of a listener: connections that wait to be accepted, and how many may.
    pub waiting: u32,
    pub waiting_max: u32,
    pub info: Option<Info>,
}

/// What TCP knows of a connection. Times in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Info {
    pub rtt: u32,
    /// Not before Linux 4.6; 0 when nothing was measured.
    pub rtt_min: u32,
    /// Milliseconds since an acknowledgement came.
    pub silent: u32,
    pub retransmitted: u32,
    pub segments: u32,
    pub received: u64,
    /// Since Linux 4.19; before, what was acknowledged.
    pub sent: u64,
}

/// How a dump goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// There is more.
    More,
    /// That was all.
    Done,
    /// The kernel refuses, with an error number.
    Refused(i32),
}

/// Hands over the sockets of what one read gave, and says how it goes on. Messages of other requests are passed over.
pub(super) fn sockets(mut bytes: &[u8], sequence: u32, mut found: impl FnMut(Socket)) -> Next {
    while let Some((length, kind, of)) = header(bytes) {
        let body = bytes.get(HEADER..length).unwrap_or_default();
        match kind {
            _ if of != sequence => {}
            DONE => return Next::Done,
            ERROR => return Next::Refused(u32_at(body, 0).map_or(0, |code| (code as i32).saturating_neg())),
            BY_FAMILY => socket(body).into_iter().for_each(&mut found),
            _ => {}
        }
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Next::More
}

/// Length, kind and sequence number of the first message.
fn header(bytes: &[u8]) -> Option<(usize, u16, u32)> {
    let length = usize::try_from(u32_at(bytes, 0)?).ok()?;
    let valid = (HEADER..=bytes.len()).contains(&length);
    Some((length, u16_at(bytes, 4)?, u32_at(bytes, 8)?)).filter(|_| valid)
}

fn socket(body: &[u8]) -> Option<Socket> {
    let fixed = body.get(..SOCKET)?;
    let port = |at: usize| u16_at(fixed, at).map(u16::from_be);
    let address = |at: usize| address(fixed[0], fixed.get(at..at + 16)?);
    let cookie = u64::from(u32_at(fixed, 44)?) | u64::from(u32_at(fixed, 48)?) << 32;
    Some(Socket {
        state: fixed[1],
        local: (address(8)?, port(4)?),
        remote: (address(24)?, port(6)?),
        cookie,
        waiting: u32_at(fixed, 56)?,
        waiting_max: u32_at(fixed, 60)?,
        info: attribute(body.get(SOCKET..)?, INFO).and_then(info),
    })
}

/// IPv4 in IPv6 is IPv4.
fn address(family: u8, bytes: &[u8]) -> Option<IpAddr> {
    let all: [u8; 16] = bytes.try_into().ok()?;
    match family {
        2 => Some(Ipv4Addr::new(all[0], all[1], all[2], all[3]).into()),
        10 => Some(IpAddr::from(Ipv6Addr::from(all)).to_canonical()),
        _ => None,
    }
}

fn attribute(mut bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    loop {
        let (length, kind) = (usize::from(u16_at(bytes, 0)?), u16_at(bytes, 2)?);
        let body = bytes.get(4..length)?;
        if kind == wanted {
            return Some(body);
        }
        bytes = bytes.get(length.next_multiple_of(4)..)?;
    }
}

/// `struct tcp_info`, which grew at its end.
fn info(bytes: &[u8]) -> Option<Info> {
    Some(Info {
        rtt: u32_at(bytes, 68)?,
        rtt_min: u32_at(bytes, 148).unwrap_or(0),
        silent: u32_at(bytes, 56)?,
        retransmitted: u32_at(bytes, 100)?,
        segments: u32_at(bytes, 136).unwrap_or(0),
        received: u64_at(bytes, 128).unwrap_or(0),
        sent: u64_at(bytes, 200).or(u64_at(bytes, 120)).unwrap_or(0),
    })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// A message as the kernel would send it, for tests.
#[cfg(test)]
pub(super) fn message(socket: &Socket, sequence: u32) -> Vec<u8> {
    let mut bytes = vec![0; HEADER + SOCKET];
    let v6 = |address: IpAddr| match address {
        IpAddr::V4(address) => [&address.octets()[..], &[0; 12]].concat(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let body = &mut bytes[HEADER..];
    body[0] = if socket.local.0.is_ipv4() { 2 } else { 10 };
    body[1] = socket.state;
    body[4..6].copy_from_slice(&socket.local.1.to_be_bytes());
    body[6..8].copy_from_slice(&socket.remote.1.to_be_bytes());
    body[8..24].copy_from_slice(&v6(socket.local.0));
    body[24..40].copy_from_slice(&v6(socket.remote.0));
    body[44..52].copy_from_slice(&socket.cookie.to_le_bytes());
    body[56..60].copy_from_slice(&socket.waiting.to_ne_bytes());
    body[60..64].copy_from_slice(&socket.waiting_max.to_ne_bytes());
    // An attribute that is not wanted stands before.
    bytes.extend_from_slice(&[5, 0, 8, 0, 1, 0, 0, 0]);
    if let Some(info) = socket.info {
        let mut raw = [0; 232];
        let mut put = |at: usize, value: u32| raw[at..at + 4].copy_from_slice(&value.to_ne_bytes());
        put(68, info.rtt);
        put(148, info.rtt_min);
        put(56, info.silent);
        put(100, info.retransmitted);
        put(136, info.segments);
        raw[128..136].copy_from_slice(&info.received.to_ne_bytes());
        raw[200..208].copy_from_slice(&info.sent.to_ne_bytes());
        bytes.extend_from_slice(&236_u16.to_ne_bytes());
        bytes.extend_from_slice(&INFO.to_ne_bytes());
        bytes.extend_from_slice(&raw);
    }
    let length = u32::try_from(bytes.len()).expect("small");
    bytes[..4].copy_from_slice(&length.to_ne_bytes());
    bytes[4..6].copy_from_slice(&BY_FAMILY.to_ne_bytes());
    bytes[8..12].copy_from_slice(&sequence.to_ne_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn example() -> Socket {
        let info = Info { rtt: 1, rtt_min: 2, silent: 3, retransmitted: 4, segments: 5, received: 6, sent: 7 };
        Socket {
            state: 1,
            local: ("10.0.0.1".parse().expect("an address"), 80),
            remote: ("2001:db8::1".parse().expect("an address"), 4000),
            cookie: 0x0102_0304_0506_0708,
            waiting: 8,
            waiting_max: 9,
            info: Some(info),
        }
    }

    fn read(bytes: &[u8]) -> (Vec<Socket>, Next) {
        let mut found = Vec::new();
        let next = sockets(bytes, 7, |socket| found.push(socket));
        (found, next)
    }

    #[test]
    fn sockets_come_back_and_messages_of_others_do_not() {
        let v4 = Socket { remote: ("10.0.0.2".parse().expect("an address"), 1), ..example() };
        let v6 = Socket { local: ("fe80::1".parse().expect("an address"), 22), info: None, ..example() };
        let bytes = [message(&v4, 7), message(&v4, 6), message(&v6, 7)].concat();
        assert_eq!(read(&bytes), (vec![v4, v6], Next::More));
    }

    #[test]
    fn dumps_end_with_done_or_a_reason() {
        let end = |kind: u16, code: i32| {
            let mut bytes = vec![0; 20];
            bytes[..4].copy_from_slice(&20_u32.to_ne_bytes());
            bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
            bytes[8..12].copy_from_slice(&7_u32.to_ne_bytes());
            bytes[16..].copy_from_slice(&code.to_ne_bytes());
            read(&bytes).1
        };
        assert_eq!([end(DONE, 0), end(ERROR, -13)], [Next::Done, Next::Refused(13)]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_sockets_or_nothing(cut in 0_usize..400, at in 0_usize..300, byte: u8, noise: Vec<u8>) {
            let mut bytes = message(&example(), 7);
            let place = at % bytes.len();
            bytes[place] = byte;
            read(&bytes[..cut.min(bytes.len())]);
            read(&noise);
        }
    }
}
