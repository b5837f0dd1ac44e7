//! The TCP header. Source: RFC 9293, section 3.1.

use arachne_model::DropReason;

use super::{Checksum, ip};
use crate::checksum::{fold, pseudo, sum};

const CUT: DropReason = DropReason::MalformedTcp;

/// A TCP header with its payload.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    pub source_port: u16,
    pub target_port: u16,
    pub sequence: u32,
    pub ack: u32,
    pub flags: u8,
    pub window: u16,
    pub urgent: u16,
    pub checksum_field: u16,
    pub checksum: Checksum,
    pub options: &'a [u8],
    pub payload: &'a [u8],
    pub cut: u32,
}

/// Reads the header at the front of `data`, the captured part of a datagram's payload.
#[inline(always)]
pub fn header<'a>(data: &'a [u8], ip: &ip::Header) -> Result<Header<'a>, DropReason> {
    let fixed: &[u8; 20] = data.first_chunk().ok_or(CUT)?;
    let length = usize::from(fixed[12] >> 4) * 4;
    if length < 20 || length > ip.payload_length {
        return Err(CUT);
    }
    let missing = ip.payload_length.saturating_sub(data.len());
    // The header itself may be cut: its options are then unknown, its payload is all missing.
    let options = &data[20..length.min(data.len())];
    let payload = data.get(length..).unwrap_or_default();
    let cut = if payload.is_empty() { ip.payload_length - length } else { missing };
    let checksum_field = u16::from_be_bytes([fixed[16], fixed[17]]);
    let checksum = if missing > 0 {
        Checksum::Unknown
    } else {
        verify(data, checksum_field, ip.address_sum + pseudo(ip::TCP, data.len()))
    };
    Ok(Header {
        source_port: u16::from_be_bytes([fixed[0], fixed[1]]),
        target_port: u16::from_be_bytes([fixed[2], fixed[3]]),
        sequence: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
        ack: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
        flags: fixed[13],
        window: u16::from_be_bytes([fixed[14], fixed[15]]),
        urgent: u16::from_be_bytes([fixed[18], fixed[19]]),
        checksum_field,
        checksum,
        options,
        payload,
        cut: u32::try_from(if payload.is_empty() && missing == 0 { 0 } else { cut }).unwrap_or(u32::MAX),
    })
}

#[inline]
fn verify(data: &[u8], field: u16, pseudo_sum: u64) -> Checksum {
    match (fold(pseudo_sum + sum(data)) == 0xffff, fold(pseudo_sum) == field) {
        (true, false) => Checksum::Good,
        (true, true) => Checksum::Either,
        (false, true) => Checksum::Offloaded,
        (false, false) => Checksum::Bad,
    }
}

/// The value of the first option of `kind`. Stops at a length that lies. Source: RFC 9293, section 3.2.
pub fn option(mut options: &[u8], kind: u8) -> Option<&[u8]> {
    loop {
        match options {
            [] | [0, ..] => return None,
            [1, rest @ ..] => options = rest,
            [found, length, ..] => {
                let length = usize::from(*length);
                if length < 2 || length > options.len() {
                    return None;
                }
                if *found == kind {
                    return Some(&options[2..length]);
                }
                options = &options[length..];
            }
            [_] => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::option;

    #[test]
    fn options_that_lie_end_the_list() {
        let cases: [(&[u8], Option<&[u8]>); 6] = [
            (&[3, 3, 7], Some(&[7])),
            (&[1, 1, 3, 3, 9, 0], Some(&[9])),
            (&[2, 0, 3, 3, 7], None),
            (&[2, 200, 3, 3, 7], None),
            (&[0, 3, 3, 7], None),
            (&[3], None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(option(bytes, 3), expected, "{bytes:?}");
        }
    }
}
