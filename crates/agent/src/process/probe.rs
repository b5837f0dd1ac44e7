//! Tries what the sandbox must refuse. A test asks for it; in the sandbox it does no harm.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::net::{TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, socket};

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

/// Tries all. A thread is tried too: that one must work.
pub fn all() -> BTreeMap<String, String> {
    let told = |outcome: io::Result<()>| outcome.map_or_else(|error| error.to_string(), |()| "allowed".to_owned());
    let mut outcomes: BTreeMap<String, String> =
        TRIES.iter().map(|(name, attempt)| ((*name).to_owned(), told(attempt()))).collect();
    let thread = std::thread::Builder::new().spawn(|| ()).map(|thread| thread.join().unwrap_or_default());
    outcomes.insert("thread".to_owned(), told(thread));
    outcomes
}
