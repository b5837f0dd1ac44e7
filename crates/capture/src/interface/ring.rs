//! The receive ring that the kernel fills: the one module with unsafe code.
//!
//! A ring is a packet socket (`AF_PACKET`) with memory shared with the kernel (`PACKET_RX_RING`, `TPACKET_V3`), divided
//! into blocks. A block belongs to the kernel or to us, by its status word. While it is ours, its bytes behind the
//! status word are lent out as one slice, exclusively and no longer than the block is held; `block` reads them by
//! checked offsets. What is unsafe here: mapping that memory, the status word, the slice, and socket options that are
//! structures. Everything else goes through rustix.
//!
//! Link headers are not captured (`SOCK_DGRAM`): packets begin with the network header whatever the interface is, so
//! one filter program with plain offsets serves all of them, also on kernels that cannot reach headers in page
//! fragments from the network offset (`SKF_NET_OFF`, before Linux 6.16).
#![expect(unsafe_code, reason = "the memory shared with the kernel and its socket options have no safe interface")]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with, sockopt};

use super::filter::Program;
use super::refusal::LiveError;

/// Bytes of the head of a block: `tpacket_block_desc`.
pub const BLOCK_HEAD: usize = size_of::<libc::tpacket_block_desc>();

/// Where the status word is in it.
const STATUS: usize = 8;

/// The kernel wants a frame size also where frames have any size; blocks must be a multiple of it.
const FRAME_SIZE: usize = 2048;

/// Times of the host's clock: `SOF_TIMESTAMPING_SOFTWARE`. Source: linux/net_tstamp.h.
const SOFTWARE: libc::c_int = 1 << 4;

/// What the kernel counted since it was last asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Packets that passed the filter, dropped ones too.
    pub packets: u32,
    /// Packets dropped for want of a free block.
    pub drops: u32,
}

/// Shape of a ring.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Bytes of a block: a power of two, at least [`Shape::BLOCK_MIN`].
    pub block_bytes: usize,
    /// Number of blocks.
    pub blocks: usize,
    /// A block that is not full is given to us after so many milliseconds.
    pub retire_ms: u32,
}

impl Shape {
    /// The smallest block: a page of any architecture.
    pub const BLOCK_MIN: usize = 64 * 1024;

    /// Bytes of all blocks.
    pub const fn bytes(&self) -> usize {
        self.block_bytes * self.blocks
    }
}

/// A socket and its ring.
pub struct Ring {
    map: Map,
    socket: OwnedFd,
    shape: Shape,
    /// The block that comes next.
    next: usize,
}

/// A block that is ours until it is released.
pub struct Held<'r> {
    status: &'r AtomicU32,
    next: &'r mut usize,
    blocks: usize,
    /// What the kernel says of the block: see [`Held::counts`].
    head: [u32; 2],
    /// The bytes behind the head of the block.
    pub bytes: &'r mut [u8],
}

impl Held<'_> {
    /// Number of packets, and where the first is behind the head, as the kernel says it.
    pub const fn counts(&self) -> (u32, usize) {
        (self.head[0], (self.head[1] as usize).saturating_sub(BLOCK_HEAD))
    }
}

impl Drop for Held<'_> {
    /// Gives the block back to the kernel.
    fn drop(&mut self) {
        self.status.store(libc::TP_STATUS_KERNEL, Ordering::Release);
        *self.next = (*self.next + 1) % self.blocks;
    }
}

impl Ring {
    /// A ring whose filter passes nothing yet. The socket hears no packet before [`Self::listen`].
    pub fn new(shape: Shape) -> Result<Self, LiveError> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::PACKET, SocketType::DGRAM, flags, None)
            .map_err(|error| LiveError::of("opening a packet socket", error.into()))?;
        let version = libc::tpacket_versions::TPACKET_V3 as libc::c_int;
        set(&socket, libc::SOL_PACKET, libc::PACKET_VERSION, &version)
            .map_err(|e| LiveError::of("choosing TPACKET_V3", e))?;
        set(&socket, libc::SOL_PACKET, libc::PACKET_RX_RING, &request(shape))
            .map_err(|error| ring_error(shape, error))?;
        // A packet has one time, whoever hears it: that of its arrival, not that of its way into each ring.
        let yes: libc::c_int = 1;
        set(&socket, libc::SOL_SOCKET, libc::SO_TIMESTAMP, &yes)
            .and_then(|()| set(&socket, libc::SOL_PACKET, libc::PACKET_TIMESTAMP, &SOFTWARE))
            .map_err(|error| LiveError::of("asking for the time of arrival", error))?;
        let map = Map::new(&socket, shape.bytes()).map_err(|error| ring_error(shape, error))?;
        let ring = Self { map, socket, shape, next: 0 };
        ring.attach(&Program::nothing())?;
        Ok(ring)
    }

    /// Hears all protocols of all interfaces from now on.
    pub fn listen(&self) -> Result<(), LiveError> {
        // SAFETY: all bytes zero are a valid sockaddr_ll, which is plain numbers.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        address.sll_family = libc::AF_PACKET as libc::c_ushort;
        address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
        let length = size_of_val(&address) as libc::socklen_t;
        // SAFETY: the address is a live sockaddr_ll of the length that is told; the kernel copies it.
        let done = unsafe { libc::bind(self.socket.as_raw_fd(), (&raw const address).cast(), length) };
        if done == 0 { Ok(()) } else { Err(LiveError::of("binding to all interfaces", io::Error::last_os_error())) }
    }

    /// Shares the traffic by flow with all rings of `group`, IP fragments put together before; without a group a new one
    /// begins. Gives the group.
    pub fn share(&self, group: Option<u16>) -> Result<u16, LiveError> {
        let unique = if group.is_none() { libc::PACKET_FANOUT_FLAG_UNIQUEID } else { 0 };
        let kind = libc::PACKET_FANOUT_HASH | libc::PACKET_FANOUT_FLAG_DEFRAG | unique;
        let option = u32::from(group.unwrap_or(0)) | kind << 16;
        let failed = |error| LiveError::of("sharing traffic among threads (PACKET_FANOUT)", error);
        set(&self.socket, libc::SOL_PACKET, libc::PACKET_FANOUT, &option).map_err(failed)?;
        let option: u32 = get(&self.socket, libc::SOL_PACKET, libc::PACKET_FANOUT).map_err(failed)?;
        Ok((option & 0xffff) as u16)
    }

    /// Swaps the filter. A packet meets the old one or the new one, never none.
    pub fn attach(&self, program: &Program) -> Result<(), LiveError> {
        let code = |i: &super::filter::Instruction| libc::sock_filter {
            code: i.code,
            jt: i.jump_true,
            jf: i.jump_false,
            k: i.k,
        };
        let mut code: Vec<libc::sock_filter> = program.instructions().iter().map(code).collect();
        let length = u16::try_from(code.len()).expect("a program has at most 4096 instructions");
        // The kernel copies the program while the option is set; `code` lives until then.
        let option = libc::sock_fprog { len: length, filter: code.as_mut_ptr() };
        set(&self.socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &option)
            .map_err(|e| LiveError::of("attaching the filter", e))
    }

    /// What was counted since the last call.
    pub fn tally(&self) -> Result<Tally, LiveError> {
        // The kernel's `tpacket_stats_v3`.
        let [packets, drops, _freezes]: [u32; 3] = get(&self.socket, libc::SOL_PACKET, libc::PACKET_STATISTICS)
            .map_err(|error| LiveError::of("asking for the kernel's drops", error))?;
        Ok(Tally { packets, drops })
    }

    /// Whether the next block is ours.
    pub fn is_ready(&self) -> bool {
        self.status(self.next).load(Ordering::Acquire) & libc::TP_STATUS_USER != 0
    }

    /// Blocks that are ours by now, the next one and those behind it.
    pub fn ready(&self) -> usize {
        let status = |ahead: usize| self.status((self.next + ahead) % self.shape.blocks).load(Ordering::Relaxed);
        (0..self.shape.blocks).take_while(|ahead| status(*ahead) & libc::TP_STATUS_USER != 0).count()
    }

    /// Waits for the next block, at most `timeout` and a signal.
    pub fn wait(&self, timeout: Duration) -> Result<(), LiveError> {
        let failed = |error: rustix::io::Errno| LiveError::of("waiting for packets", error.into());
        let timeout = Timespec::try_from(timeout).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 });
        let mut sockets = [PollFd::new(&self.socket, PollFlags::IN | PollFlags::ERR)];
        match poll(&mut sockets, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(failed(error)),
        }
        if sockets[0].revents().contains(PollFlags::ERR) {
            // Reading the error clears it; that an interface went away is no fault of the capture.
            match sockopt::socket_error(&self.socket).map_err(failed)? {
                Ok(()) | Err(rustix::io::Errno::NETDOWN | rustix::io::Errno::NXIO | rustix::io::Errno::NODEV) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(())
    }

    /// The next block, where it is ours.
    pub fn take(&mut self) -> Option<Held<'_>> {
        if !self.is_ready() {
            return None;
        }
        let (at, length) = (self.next * self.shape.block_bytes, self.shape.block_bytes);
        // SAFETY: the block lies in the mapping, which lives as long as `self`, and is aligned to a page. Its status word
        // said, with acquire ordering, that the kernel has stopped writing; it starts again only after `Held` is dropped,
        // whose life ends with the exclusive borrow of `self` or before. The status word is touched through an atomic
        // only, and the slice begins behind the head, so the two never overlap.
        let (status, head, bytes) = unsafe {
            let block = self.map.start.add(at);
            let status = AtomicU32::from_ptr(block.add(STATUS).cast().as_ptr());
            let head = block.add(STATUS + 4).cast::<[u32; 2]>().read();
            let behind = std::slice::from_raw_parts_mut(block.add(BLOCK_HEAD).as_ptr(), length - BLOCK_HEAD);
            (status, head, behind)
        };
        Some(Held { status, next: &mut self.next, blocks: self.shape.blocks, head, bytes })
    }

    /// Its shape.
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    fn status(&self, block: usize) -> &AtomicU32 {
        // SAFETY: the word lies in the mapping, aligned, and lives as long as `self`; all accesses to it are atomic.
        unsafe { AtomicU32::from_ptr(self.map.start.add(block * self.shape.block_bytes + STATUS).cast().as_ptr()) }
    }
}

impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The memory shared with the kernel.
struct Map {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: the mapping belongs to this value alone and is not tied to a thread.
unsafe impl Send for Map {}

impl Map {
    fn new(socket: &OwnedFd, length: usize) -> io::Result<Self> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice disturbs no other memory.
        let start =
            unsafe { libc::mmap(std::ptr::null_mut(), length, access, libc::MAP_SHARED, socket.as_raw_fd(), 0) };
        match NonNull::new(start) {
            Some(found) if start != libc::MAP_FAILED => Ok(Self { start: found.cast(), length }),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: start and length are those of the mapping; all that was lent out of it has ended with the borrow.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.length) };
    }
}

fn request(shape: Shape) -> libc::tpacket_req3 {
    let number = |n: usize| libc::c_uint::try_from(n).expect("live options bound the ring to 1 GiB");
    libc::tpacket_req3 {
        tp_block_size: number(shape.block_bytes),
        tp_block_nr: number(shape.blocks),
        tp_frame_size: number(FRAME_SIZE),
        tp_frame_nr: number(shape.bytes() / FRAME_SIZE),
        tp_retire_blk_tov: shape.retire_ms,
        tp_sizeof_priv: 0,
        tp_feature_req_word: 0,
    }
}

fn ring_error(shape: Shape, error: io::Error) -> LiveError {
    match error.raw_os_error() {
        Some(libc::ENOMEM) => LiveError::NoMemory { bytes: shape.bytes() },
        _ => LiveError::of("making the ring", error),
    }
}

fn set<T>(socket: &OwnedFd, level: libc::c_int, name: libc::c_int, value: &T) -> io::Result<()> {
    let length = size_of::<T>() as libc::socklen_t;
    // SAFETY: the value is live and as long as is told; the kernel reads it, and what it points to, during the call only.
    let done = unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, (&raw const *value).cast(), length) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// What a socket option may be read into.
///
/// # Safety
/// Any bytes are a value of the type.
unsafe trait Plain: Default {}

// SAFETY: an integer.
unsafe impl Plain for u32 {}

// SAFETY: three integers.
unsafe impl Plain for [u32; 3] {}

fn get<T: Plain>(socket: &OwnedFd, level: libc::c_int, name: libc::c_int) -> io::Result<T> {
    let mut value = T::default();
    let mut length = size_of::<T>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes, which the value has, and any bytes are a value of it.
    let done = unsafe { libc::getsockopt(socket.as_raw_fd(), level, name, (&raw mut value).cast(), &raw mut length) };
    if done == 0 { Ok(value) } else { Err(io::Error::last_os_error()) }
}
