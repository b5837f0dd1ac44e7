//! Small capture files made by hand.

use arachne_capture::ByteOrder;

/// Ends a chain of calls.
pub fn done(_: &mut File) {}

/// A file under construction.
#[derive(Clone)]
pub struct File {
    pub order: ByteOrder,
    pub bytes: Vec<u8>,
}

impl File {
    /// An empty file.
    pub fn new(order: ByteOrder) -> Self {
        Self { order, bytes: Vec::new() }
    }

    /// A pcap header with this magic number, version and link type.
    pub fn pcap(order: ByteOrder, magic: u32, version: (u16, u16), snaplen: u32, link: u32) -> Self {
        let mut file = Self::new(order);
        file.word(magic).half(version.0).half(version.1).words(&[0, 0, snaplen, link]);
        file
    }

    /// A usual pcap header.
    pub fn usual_pcap() -> Self {
        Self::pcap(ByteOrder::Little, 0xa1b2_c3d4, (2, 4), 262_144, 1)
    }

    /// A pcap record.
    pub fn record(&mut self, seconds: u32, fraction: u32, original: u32, data: &[u8]) -> &mut Self {
        let captured = u32::try_from(data.len()).unwrap();
        self.words(&[seconds, fraction, captured, original]).raw(data)
    }

    /// A pcapng section header.
    pub fn section(&mut self) -> &mut Self {
        self.block(0x0a0d_0d0a, |body| {
            body.word(0x1a2b_3c4d).half(1).half(0).words(&[u32::MAX, u32::MAX]);
        })
    }

    /// An interface with a snap length and options.
    pub fn interface(&mut self, link: u16, snaplen: u32, options: &[(u16, &[u8])]) -> &mut Self {
        self.block(1, |body| {
            body.half(link).half(0).word(snaplen).options(options);
        })
    }

    /// An enhanced packet block.
    pub fn enhanced(&mut self, interface: u32, ticks: u64, data: &[u8], options: &[(u16, &[u8])]) -> &mut Self {
        let length = u32::try_from(data.len()).unwrap();
        let (high, low) = ((ticks >> 32) as u32, (ticks & 0xffff_ffff) as u32);
        self.block(6, |body| {
            body.words(&[interface, high, low, length, length]).raw(data).pad().options(options);
        })
    }

    /// Any block, with its lengths around what `fill` writes.
    pub fn block(&mut self, kind: u32, fill: impl FnOnce(&mut Self)) -> &mut Self {
        let mut body = Self::new(self.order);
        fill(&mut body);
        body.pad();
        let length = u32::try_from(body.bytes.len() + 12).unwrap();
        self.word(kind).word(length).raw(&body.bytes).word(length)
    }

    pub fn options(&mut self, options: &[(u16, &[u8])]) -> &mut Self {
        for (code, value) in options {
            self.half(*code).half(u16::try_from(value.len()).unwrap()).raw(value).pad();
        }
        if options.is_empty() { self } else { self.word(0) }
    }

    pub fn pad(&mut self) -> &mut Self {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self
    }

    pub fn half(&mut self, half: u16) -> &mut Self {
        match self.order {
            ByteOrder::Little => self.raw(&half.to_le_bytes()),
            ByteOrder::Big => self.raw(&half.to_be_bytes()),
        }
    }

    pub fn word(&mut self, word: u32) -> &mut Self {
        match self.order {
            ByteOrder::Little => self.raw(&word.to_le_bytes()),
            ByteOrder::Big => self.raw(&word.to_be_bytes()),
        }
    }

    pub fn words(&mut self, words: &[u32]) -> &mut Self {
        for word in words {
            self.word(*word);
        }
        self
    }

    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// A 64-bit number in the order of the file.
    pub fn long(&self, number: u64) -> [u8; 8] {
        match self.order {
            ByteOrder::Little => number.to_le_bytes(),
            ByteOrder::Big => number.to_be_bytes(),
        }
    }
}
