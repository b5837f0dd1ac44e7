//! Network interfaces of a Linux host as a source of frames, and the filters that choose among them.
//!
//! [`open`] gives one [`LiveCapture`] for each thread. They share the traffic of all interfaces by flow; which packets
//! count is decided in the kernel by a [`filter::Program`], which can be swapped while packets flow and needs no
//! capability then. All raw memory and all system calls that Rust does not know stand in one module, `ring`; what the
//! kernel wrote is read by safe code. Nothing here knows what a packet says.
//!
//! Sources: packet(7), Documentation/networking/packet_mmap.rst and include/uapi/linux/if_packet.h of Linux.

pub mod filter;

#[cfg(target_os = "linux")]
mod block;
#[cfg(target_os = "linux")]
mod list;
#[cfg(target_os = "linux")]
mod live;
#[cfg(target_os = "linux")]
mod refusal;
#[cfg(target_os = "linux")]
mod ring;

#[cfg(target_os = "linux")]
pub use block::{Block, LivePacket};
#[cfg(target_os = "linux")]
pub use list::{Interface, interfaces};
#[cfg(target_os = "linux")]
pub use live::{Counters, LiveCapture, LiveOptions, Turn, open};
#[cfg(target_os = "linux")]
pub use refusal::LiveError;
