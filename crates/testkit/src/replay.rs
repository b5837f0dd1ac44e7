//! `testkit send`: the frames of capture files once more, on an interface of this host, for whoever captures there.

use std::io::{self, Read};
use std::os::fd::AsRawFd as _;

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, bind, send as send_bytes, socket};

use crate::capture::Reader;
use crate::checksum;

/// Bytes of an Ethernet header.
const ETHERNET: usize = 14;
/// The link type of Ethernet in pcap files.
const LINK_ETHERNET: u32 = 1;

/// The frames of a pcap file of Ethernet, in order.
///
/// # Errors
/// `InvalidData` for what is no such file, and those of reading.
pub fn frames(file: impl Read) -> io::Result<Vec<Vec<u8>>> {
    let mut reader = Reader::new(file)?;
    if reader.link_type() != LINK_ETHERNET {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "only frames of Ethernet can be sent"));
    }
    let mut frames = Vec::new();
    while let Some(record) = reader.next_record()? {
        frames.push(record.bytes);
    }
    Ok(frames)
}

/// Gives the host that sends the first frame another address: its third byte becomes `number`, wherever it stands. So
/// captures that all tell of the same connection are connections of different clients. IPv4 without options; other frames
/// stay as they are. Right checksums stay right.
pub fn move_client(frames: &mut [Vec<u8>], number: u8) {
    let Some(client) = frames.first().and_then(|frame| frame.get(ETHERNET + 12..ETHERNET + 16)).map(<[u8]>::to_vec)
    else {
        return;
    };
    for frame in frames {
        let is_ipv4 = frame.len() >= ETHERNET + 40 && frame[12..14] == [8, 0] && frame[ETHERNET] == 0x45;
        for at in [ETHERNET + 12, ETHERNET + 16] {
            if is_ipv4 && frame[at..at + 4] == client[..] {
                move_word(frame, at + 2, u16::from_be_bytes([number, client[3]]));
            }
        }
    }
}

/// Changes two bytes of an address, and the checksums of IP and TCP with them.
fn move_word(frame: &mut [u8], at: usize, to: u16) {
    let word = |frame: &[u8], at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
    let from = word(frame, at);
    for sum in [ETHERNET + 10, ETHERNET + 20 + 16] {
        let changed = checksum::changed(word(frame, sum), from, to);
        frame[sum..sum + 2].copy_from_slice(&changed.to_be_bytes());
    }
    frame[at..at + 2].copy_from_slice(&to.to_be_bytes());
}

/// Sends frames on an interface of this thread's network, as they are. Needs `CAP_NET_RAW`.
///
/// # Errors
/// There is no such interface, or the system refuses.
pub fn send(interface: &str, frames: &[Vec<u8>]) -> io::Result<()> {
    let link = getifaddrs()?
        .filter(|entry| entry.interface_name == interface)
        .find_map(|entry| entry.address.and_then(|address| address.as_link_addr().copied()))
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("there is no interface {interface}")))?;
    let socket = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, None)?;
    bind(socket.as_raw_fd(), &link)?;
    for frame in frames {
        send_bytes(socket.as_raw_fd(), frame, MsgFlags::empty())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{frames, move_client};
    use crate::{Conversation, capture, checksum};

    #[test]
    fn a_client_moves_and_checksums_stay_right() {
        let mut talk = Conversation::new("10.0.0.7:40000", "10.0.0.9:80");
        talk.handshake().client(b"GET / HTTP/1.1\r\n\r\n").close();
        let mut all = frames(&*capture::pcap(1, talk.packets())).expect("it is a capture");
        assert_eq!(all.len(), talk.packets().len());
        move_client(&mut all, 5);
        for frame in &all {
            let (source, destination) = (&frame[26..30], &frame[30..34]);
            assert!([source, destination].contains(&&[10, 0, 5, 7][..]), "{source:?} {destination:?}");
            assert_eq!(checksum::fold(checksum::sum(&frame[14..34], 0)), 0, "of the header");
            let pseudo = checksum::sum(&frame[26..34], 6 + (frame.len() - 34) as u64);
            assert_eq!(checksum::fold(checksum::sum(&frame[34..], pseudo)), 0, "of TCP");
        }
    }
}
