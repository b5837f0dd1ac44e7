//! The socket over which the kernel tells of all TCP sockets. Written by hand on rustix: the request is 72 bytes, an answer needs
//! seven numbers out of 300 bytes, and the crates for it make an owned structure of every attribute of every socket.

use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with};

use super::message::{FAMILIES, Next, Socket, request, sockets};

/// The kernel sends no more at once.
const BYTES: usize = 64 << 10;
const PATIENCE: Duration = Duration::from_secs(5);

/// An open socket to the kernel.
#[derive(Debug)]
pub(super) struct Diagnosis {
    socket: OwnedFd,
    bytes: Box<[u8]>,
    sequence: u32,
}

impl Diagnosis {
    pub(super) fn open() -> Result<Self, String> {
        let open = || {
            let kind = (AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC);
            let socket = socket_with(kind.0, kind.1, kind.2, Some(netlink::SOCK_DIAG))?;
            set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
            Ok(socket)
        };
        let socket =
            open().map_err(|error: Errno| format!("cannot open a socket to the kernel's sock_diag: {error}"))?;
        Ok(Self { socket, bytes: vec![0; BYTES].into_boxed_slice(), sequence: 0 })
    }

    /// Hands over all TCP sockets in the given states.
    ///
    /// # Errors
    /// The kernel refuses or does not answer; the text says so.
    pub(super) fn each(&mut self, states: u32, mut found: impl FnMut(Socket)) -> Result<(), String> {
        for family in FAMILIES {
            self.family(family, states, &mut found)
                .map_err(|error| format!("the kernel's sock_diag answers: {error}"))?;
        }
        Ok(())
    }

    fn family(&mut self, family: u8, states: u32, found: &mut impl FnMut(Socket)) -> Result<(), Errno> {
        self.sequence = self.sequence.wrapping_add(1);
        send(&self.socket, &request(family, states, self.sequence), SendFlags::empty())?;
        loop {
            let length = match recv(&self.socket, &mut *self.bytes, RecvFlags::empty()) {
                Ok((length, _)) => length,
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error),
            };
            match sockets(&self.bytes[..length], self.sequence, &mut *found) {
                Next::More if length > 0 => {}
                Next::Refused(code) => return Err(Errno::from_raw_os_error(code)),
                Next::More | Next::Done => return Ok(()),
            }
        }
    }
}
