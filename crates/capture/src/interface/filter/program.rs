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

/// A checked program: at most [`Program::LENGTH_MAX`] instructions, all jumps forwards and inside, a verdict at the end.
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
    /// Tag control word of a VLAN tag that was taken off.
    pub vlan: Option<u16>,
}

impl Program {
    /// Most instructions of a program: `BPF_MAXINSNS`.
    pub const LENGTH_MAX: usize = 4096;

    /// Passes no packet.
    #[must_use]
    pub fn nothing() -> Self {
        Self { instructions: vec![Instruction { code: RETURN, jump_true: 0, jump_false: 0, k: 0 }] }
    }

    /// Passes each packet whole.
    #[must_use]
    pub fn everything() -> Self {
        Self { instructions: vec![Instruction { code: RETURN, jump_true: 0, jump_false: 0, k: u32::MAX }] }
    }

    /// The instructions.
    #[must_use]
    pub fn instructions(&self) -> &[Instruction] {
        &self.instructions
    }
}

/// Ends with the number of bytes to keep.
const RETURN: u16 = 0x06;
