//! Filters in tcpdump's syntax, compiled to classic BPF by ourselves: the agent is a static binary without libpcap.

mod program;

pub use program::{Instruction, PacketView, Program};
