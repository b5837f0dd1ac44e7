//! Programs of classic BPF: what the kernel runs on each packet, and the same run here.
//!
//! Programs address the packet from its network header, as a packet socket without link headers shows it. Source:
//! Documentation/networking/filter.rst and include/uapi/linux/filter.h of Linux.

/// An instruction in the layout of the kernel's `sock_filter`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// What to do.
    pub code: u16,
    /// Instructions to skip where a comparison holds.
    pub jump_true: u8,
    /// Instructions to skip where it does not.
    pub jump_false: u8,
    /// Its number.
    pub k: u32,
}

/// A program as the kernel takes it: at most [`Program::LENGTH_MAX`] instructions, all jumps forwards, a verdict at the
/// end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    instructions: Vec<Instruction>,
}

/// A packet as the kernel shows it to a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketView<'a> {
    /// The bytes from the network header on.
    pub network: &'a [u8],
    /// Their number on the wire.
    pub length: u32,
    /// EtherType of what the bytes are.
    pub protocol: u16,
    /// Index of the interface.
    pub interface: u32,
    /// Hardware type of the interface: `ARPHRD_` number.
    pub hardware: u16,
    /// To whom the packet goes: `PACKET_` number.
    pub kind: u8,
    /// Control word of a VLAN tag that was taken off.
    pub vlan: Option<u16>,
}

/// Operations that our programs are made of.
pub(super) mod op {
    /// The accumulator becomes `k`.
    pub const LOAD_NUMBER: u16 = 0x00;
    /// Four bytes at `k`.
    pub const LOAD_WORD: u16 = 0x20;
    /// Two bytes at `k`.
    pub const LOAD_HALF: u16 = 0x28;
    /// A byte at `k`.
    pub const LOAD_BYTE: u16 = 0x30;
    /// Two bytes at `k` behind the index register.
    pub const LOAD_HALF_BEHIND: u16 = 0x48;
    /// The length of the packet.
    pub const LOAD_LENGTH: u16 = 0x80;
    /// From scratch memory.
    pub const LOAD_SCRATCH: u16 = 0x60;
    /// To scratch memory.
    pub const STORE_SCRATCH: u16 = 0x02;
    /// The index register becomes the length of the IPv4 header at `k`.
    pub const HEADER_LENGTH: u16 = 0xb1;
    /// Clears bits.
    pub const AND: u16 = 0x54;
    /// Skips `k` instructions.
    pub const JUMP: u16 = 0x05;
    /// Compares with `k`.
    pub const JUMP_EQUAL: u16 = 0x15;
    /// Compares with `k`.
    pub const JUMP_GREATER: u16 = 0x25;
    /// Compares with `k`.
    pub const JUMP_AT_LEAST: u16 = 0x35;
    /// Compares with `k`.
    pub const JUMP_ANY_BIT: u16 = 0x45;
    /// Ends with the number of bytes to keep.
    pub const RETURN: u16 = 0x06;
    /// Where what the kernel knows beside a packet is addressed: `SKF_AD_OFF`.
    pub const BESIDE: u32 = (-0x1000_i32).cast_unsigned();
}

impl Program {
    /// Most instructions of a program: `BPF_MAXINSNS`.
    pub const LENGTH_MAX: usize = 4096;

    /// `None` where it is too long.
    pub(super) fn new(instructions: Vec<Instruction>) -> Option<Self> {
        (instructions.len() <= Self::LENGTH_MAX).then_some(Self { instructions })
    }

    /// Passes no packet.
    #[must_use]
    pub fn nothing() -> Self {
        Self::verdict(0)
    }

    /// Passes each packet whole.
    #[must_use]
    pub fn everything() -> Self {
        Self::verdict(u32::MAX)
    }

    fn verdict(k: u32) -> Self {
        Self { instructions: vec![Instruction { code: op::RETURN, jump_true: 0, jump_false: 0, k }] }
    }

    /// The instructions.
    #[must_use]
    pub fn instructions(&self) -> &[Instruction] {
        &self.instructions
    }

    /// Whether a packet passes, as the kernel decides it: one that ends before a byte that is asked for does not.
    #[must_use]
    pub fn passes(&self, packet: &PacketView<'_>) -> bool {
        self.run(packet).unwrap_or(0) != 0
    }

    /// The verdict; `None` for a packet that is too short.
    fn run(&self, packet: &PacketView<'_>) -> Option<u32> {
        let (mut accumulator, mut index, mut scratch) = (0_u32, 0_u32, [0_u32; 16]);
        let mut rest = self.instructions.iter();
        loop {
            let Instruction { code, jump_true, jump_false, k } = *rest.next()?;
            let jump = |holds: bool| usize::from(if holds { jump_true } else { jump_false });
            let skip = match code {
                op::RETURN => return Some(k),
                op::JUMP => usize::try_from(k).ok()?,
                op::JUMP_EQUAL => jump(accumulator == k),
                op::JUMP_GREATER => jump(accumulator > k),
                op::JUMP_AT_LEAST => jump(accumulator >= k),
                op::JUMP_ANY_BIT => jump(accumulator & k != 0),
                op::STORE_SCRATCH => {
                    *scratch.get_mut(k as usize)? = accumulator;
                    0
                }
                op::HEADER_LENGTH => {
                    index = 4 * (packet.bytes::<1>(k)? & 0xf);
                    0
                }
                _ => {
                    accumulator = match code {
                        op::LOAD_NUMBER => k,
                        op::LOAD_SCRATCH => *scratch.get(k as usize)?,
                        op::LOAD_LENGTH => packet.length,
                        op::AND => accumulator & k,
                        op::LOAD_HALF_BEHIND => packet.bytes::<2>(index.checked_add(k)?)?,
                        op::LOAD_HALF => packet.bytes::<2>(k)?,
                        op::LOAD_BYTE => packet.bytes::<1>(k)?,
                        op::LOAD_WORD if k >= op::BESIDE => packet.beside(k - op::BESIDE)?,
                        op::LOAD_WORD => packet.bytes::<4>(k)?,
                        _ => return None,
                    };
                    0
                }
            };
            if skip > 0 {
                rest.nth(skip - 1)?;
            }
        }
    }
}

impl PacketView<'_> {
    /// `N` bytes as a number.
    fn bytes<const N: usize>(&self, at: u32) -> Option<u32> {
        let bytes = self.network.get(at as usize..)?.first_chunk::<N>()?;
        Some(bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }

    fn beside(&self, what: u32) -> Option<u32> {
        use super::code::Ancillary as A;
        let known = [
            (A::Protocol, u32::from(self.protocol)),
            (A::Kind, u32::from(self.kind)),
            (A::Interface, self.interface),
            (A::Hardware, u32::from(self.hardware)),
            (A::Tag, u32::from(self.vlan.unwrap_or(0))),
            (A::Tagged, u32::from(self.vlan.is_some())),
        ];
        known.into_iter().find(|(ancillary, _)| *ancillary as u32 == what).map(|(_, value)| value)
    }
}
