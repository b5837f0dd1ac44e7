//! Tries what the sandbox must refuse. A test asks for it; in the sandbox it does no harm.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::net::{Ipv6Addr, SocketAddrV6, TcpStream, UdpSocket};
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::Duration;

use rustix::net::{AddressFamily, SendFlags, SocketType, send, sendto, socket};

/// The name of a thing that is tried, and the way to try it.
type Try = (&'static str, fn() -> io::Result<()>);

const TRIES: &[Try] = &[
    ("open", || File::open("/etc/passwd").map(drop)),
    ("create", || {
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(std::env::temp_dir().join("arachne-probe"))
            .map(drop)
    }),
    ("execve", || Command::new("/bin/true").spawn().and_then(|mut child| child.wait()).map(drop)),
    ("connect", || {
        let nowhere = ([127, 0, 0, 1], 9).into();
        TcpStream::connect_timeout(&nowhere, Duration::from_millis(100)).map(drop)
    }),
    ("connect unix", || UnixStream::connect("/run/nothing").map(drop)),
    ("socket", || UdpSocket::bind("127.0.0.1:0").map(drop)),
    ("packet socket", || Ok(socket(AddressFamily::PACKET, SocketType::RAW, None).map(drop)?)),
    ("setuid", || {
        let root = rustix::thread::Uid::ROOT;
        Ok(rustix::thread::set_thread_res_uid(root, root, root)?)
    }),
];

/// The number of the loopback, on which a frame does no harm.
const LOOPBACK: u32 = 1;

/// Sends a frame by a packet socket. The kernel takes the bytes of any address for those of its own kind: what is the flow
/// of this one is the number of the interface to it.
fn send_frame(socket: BorrowedFd<'_>) -> io::Result<()> {
    let address = SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 0, LOOPBACK, 0);
    Ok(sendto(socket, b"arachne", SendFlags::empty(), &address).map(drop)?)
}

/// Tries all, with the packet socket that it holds. A thread is tried too: that one must work.
pub fn all(held: Option<BorrowedFd<'_>>) -> BTreeMap<String, String> {
    let told = |outcome: io::Result<()>| outcome.map_or_else(|error| error.to_string(), |()| "allowed".to_owned());
    let mut outcomes: BTreeMap<String, String> =
        TRIES.iter().map(|(name, attempt)| ((*name).to_owned(), told(attempt()))).collect();
    if let Some(socket) = held {
        outcomes.insert("send to".to_owned(), told(send_frame(socket)));
        let sent = send(socket, b"arachne", SendFlags::empty()).map(drop);
        outcomes.insert("send".to_owned(), told(sent.map_err(io::Error::from)));
    }
    let thread = std::thread::Builder::new().spawn(|| ()).map(|thread| thread.join().unwrap_or_default());
    outcomes.insert("thread".to_owned(), told(thread));
    outcomes
}
