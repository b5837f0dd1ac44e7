//! Dev only: packets, conversations and capture files made to order, disorder from a seed, and the golden runner.
//!
//! Nothing here knows a crate of Arachne: what is tested is never used to make its own test data. No product crate may
//! depend on this one outside tests (`cargo xtask tidy` refuses it). Addresses, ports and sizes of packets are given by
//! the test, so a packet that does not fit its own length fields is a mistake of the test; such lengths are cut to 16 bit.

pub mod capture;
pub mod checksum;
pub mod conversation;
pub mod disorder;
pub mod golden;
pub mod link;
pub mod mutate;
pub mod network;
#[cfg(target_os = "linux")]
pub mod postgresql;
pub mod random;
#[cfg(target_os = "linux")]
pub mod replay;
pub mod segment;
pub mod stream;
pub mod wrap;

pub use conversation::Conversation;
pub use network::Ip;
pub use random::Random;
pub use segment::Segment;
