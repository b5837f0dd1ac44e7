//! A pcapng file of stored frames: section header, one interface for each link type, names, enhanced packets.
//!
//! Source: IETF draft-ietf-opsawg-pcapng, sections 4.1 to 4.5.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::IpAddr;

use arachne_model::table::PacketRow;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const NAME_RESOLUTION: u32 = 4;
const ENHANCED_PACKET: u32 = 6;
const BYTE_ORDER: u32 = 0x1a2b_3c4d;
const OPTION_END: u16 = 0;
const OPTION_HARDWARE_NAME: u16 = 2;
const OPTION_APPLICATION: u16 = 4;
const OPTION_RESOLUTION: u16 = 9;
/// Timestamps count units of 10^-9 seconds.
const NANOSECONDS: u8 = 9;

/// Writes a capture; see the module. Frames are written as they come: give them in the order of time.
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: W,
    /// Link type to the number of its interface.
    interfaces: BTreeMap<u16, u32>,
}

impl<W: Write> Writer<W> {
    /// A capture with the names of addresses.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(mut out: W, names: &[(IpAddr, String)]) -> io::Result<Self> {
        let mut body = Vec::new();
        body.extend_from_slice(&BYTE_ORDER.to_le_bytes());
        body.extend_from_slice(&1_u16.to_le_bytes());
        body.extend_from_slice(&0_u16.to_le_bytes());
        // The length of the section is not known.
        body.extend_from_slice(&(-1_i64).to_le_bytes());
        push_option(&mut body, OPTION_APPLICATION, concat!("arachne ", env!("CARGO_PKG_VERSION")).as_bytes());
        push_option(&mut body, OPTION_END, b"");
        write_block(&mut out, SECTION_HEADER, &body)?;
        if !names.is_empty() {
            write_block(&mut out, NAME_RESOLUTION, &name_records(names))?;
        }
        Ok(Self { out, interfaces: BTreeMap::new() })
    }

    /// A frame.
    ///
    /// # Errors
    /// Those of the output.
    pub fn packet(&mut self, packet: &PacketRow) -> io::Result<()> {
        let link_type = u16::try_from(packet.link_type).unwrap_or(u16::MAX);
        let interface = self.interface(link_type)?;
        let at = u64::try_from(packet.time).unwrap_or(0);
        let (high, low) = ((at >> 32) as u32, (at & 0xffff_ffff) as u32);
        let captured = u32::try_from(packet.bytes.len()).unwrap_or(u32::MAX);
        let length = u32::try_from(packet.length).unwrap_or(u32::MAX).max(captured);
        let mut body = Vec::with_capacity(packet.bytes.len() + 24);
        for number in [interface, high, low, captured, length] {
            body.extend_from_slice(&number.to_le_bytes());
        }
        body.extend_from_slice(&packet.bytes);
        write_block(&mut self.out, ENHANCED_PACKET, &body)
    }

    /// The output, flushed.
    ///
    /// # Errors
    /// Those of the output.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }

    fn interface(&mut self, link_type: u16) -> io::Result<u32> {
        if let Some(number) = self.interfaces.get(&link_type) {
            return Ok(*number);
        }
        let mut body = Vec::new();
        body.extend_from_slice(&link_type.to_le_bytes());
        body.extend_from_slice(&0_u16.to_le_bytes());
        // No limit of the captured length.
        body.extend_from_slice(&0_u32.to_le_bytes());
        push_option(&mut body, OPTION_HARDWARE_NAME, b"stored frames");
        push_option(&mut body, OPTION_RESOLUTION, &[NANOSECONDS]);
        push_option(&mut body, OPTION_END, b"");
        write_block(&mut self.out, INTERFACE, &body)?;
        let number = u32::try_from(self.interfaces.len()).unwrap_or(u32::MAX);
        self.interfaces.insert(link_type, number);
        Ok(number)
    }
}

fn name_records(names: &[(IpAddr, String)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (address, name) in names.iter().filter(|(_, name)| !name.is_empty() && !name.contains('\0')) {
        let (kind, mut value) = match address {
            IpAddr::V4(a) => (1_u16, a.octets().to_vec()),
            IpAddr::V6(a) => (2_u16, a.octets().to_vec()),
        };
        // A record is at most 64 KiB; names are far shorter.
        value.extend(name.bytes().take(1024));
        value.push(0);
        push_option(&mut body, kind, &value);
    }
    push_option(&mut body, OPTION_END, b"");
    body
}

/// Options and name records have the same form: type, length, value, padding to 32 bits.
fn push_option(body: &mut Vec<u8>, kind: u16, value: &[u8]) {
    body.extend_from_slice(&kind.to_le_bytes());
    body.extend_from_slice(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_le_bytes());
    body.extend_from_slice(value);
    pad(body);
}

fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

fn write_block(out: &mut impl Write, kind: u32, body: &[u8]) -> io::Result<()> {
    let padded = body.len().next_multiple_of(4);
    let total = u32::try_from(padded + 12).map_err(|_| io::Error::other("a block of pcapng is over 4 GiB"))?;
    out.write_all(&kind.to_le_bytes())?;
    out.write_all(&total.to_le_bytes())?;
    out.write_all(body)?;
    out.write_all(&[0; 3][..padded - body.len()])?;
    out.write_all(&total.to_le_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_padded_and_say_their_length_twice() {
        let names = [(IpAddr::from([10, 0, 0, 1]), "web".to_owned())];
        let mut writer = Writer::new(Vec::new(), &names).expect("a Vec takes every byte");
        for (link_type, bytes) in [(1, vec![1, 2, 3]), (101, vec![4]), (1, vec![])] {
            let packet = PacketRow { link_type, bytes, length: 60, time: 5, ..PacketRow::default() };
            writer.packet(&packet).expect("a Vec takes every byte");
        }
        let out = writer.finish().expect("a Vec takes every byte");
        let (mut at, mut kinds) = (0, Vec::new());
        while at < out.len() {
            let number = |at: usize| u32::from_le_bytes(out[at..at + 4].try_into().expect("four bytes"));
            let length = number(at + 4) as usize;
            assert_eq!(length % 4, 0);
            assert_eq!(number(at + length - 4) as usize, length);
            kinds.push(number(at));
            at += length;
        }
        assert_eq!(kinds, [SECTION_HEADER, NAME_RESOLUTION, 1, 6, 1, 6, 6]);
    }
}
