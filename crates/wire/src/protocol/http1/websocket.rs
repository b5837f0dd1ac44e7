//! Looks at WebSocket frame headers after the upgrade, for flags only. Source: RFC 6455, section 5.2.

/// A frame longer than this is not a frame.
const PLAUSIBLE_LENGTH: u64 = 1 << 40;

/// Follows the frames of one direction.
#[derive(Debug, Default)]
pub struct Frames {
    header: Vec<u8>,
    left: u64,
    broken: bool,
}

impl Frames {
    /// Takes bytes; true when a frame breaks the rules, after which nothing is looked at any more.
    pub fn take(&mut self, mut bytes: &[u8]) -> bool {
        while !self.broken && !bytes.is_empty() {
            if self.left > 0 {
                let take = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                self.left -= take as u64;
                bytes = &bytes[take..];
                continue;
            }
            self.header.push(bytes[0]);
            bytes = &bytes[1..];
            if let Some((length, valid)) = frame(&self.header) {
                self.left = length;
                self.header.clear();
                self.broken = !valid;
                if self.broken {
                    return true;
                }
            }
        }
        false
    }
}

/// Payload length and validity once the header is whole.
fn frame(header: &[u8]) -> Option<(u64, bool)> {
    let [first, second, rest @ ..] = header else {
        return None;
    };
    let mask = if second & 0x80 != 0 { 4 } else { 0 };
    let (length, size) = match second & 0x7f {
        126 => (u64::from(u16::from_be_bytes(*rest.first_chunk()?)), 2),
        127 => (u64::from_be_bytes(*rest.first_chunk()?), 8),
        short => (u64::from(short), 0),
    };
    if rest.len() < size + mask {
        return None;
    }
    let opcode = first & 0x0f;
    // Reserved opcodes; control frames are short and whole. RSV bits may be taken by an extension.
    let known = matches!(opcode, 0..=2 | 8..=10);
    let control_fits = opcode < 8 || (length <= 125 && first & 0x80 != 0);
    Some((length, known && control_fits && length <= PLAUSIBLE_LENGTH))
}

#[cfg(test)]
mod tests {
    use super::Frames;

    #[test]
    fn table() {
        let cases: [(&[u8], bool); 7] = [
            (&[0x81, 0x02, b'h', b'i', 0x89, 0x00], false),
            (&[0x81, 0x82, 1, 2, 3, 4, b'h', b'i'], false),
            (&[0x82, 126, 0, 3, 1, 2, 3], false),
            (&[0x82, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], true),
            (&[0x83, 0], true),
            (&[0x81, 1, b'a', 0x83, 0], true),
            (&[0x89, 126, 1, 0], true),
        ];
        for (bytes, broken) in cases {
            let mut whole = Frames::default();
            let mut cut = Frames::default();
            assert_eq!(whole.take(bytes), broken, "{bytes:?}");
            assert_eq!(bytes.iter().any(|b| cut.take(&[*b])), broken, "{bytes:?} bytewise");
        }
    }

    #[test]
    fn each_chunk_a_whole_frame() {
        let mut frames = Frames::default();
        let chunk: &[u8] = &[0x81, 0x03, b'o', b'n', b'e'];
        assert!((0..5).all(|_| !frames.take(chunk)));
        assert!(frames.take(&[0x83, 0]), "the place is not lost");
    }
}
