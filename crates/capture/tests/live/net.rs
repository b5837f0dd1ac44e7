//! Two hosts joined by a cable, as threads in network namespaces of their own: gone with the threads.

use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use nix::sched::{CloneFlags, unshare};
use nix::unistd::gettid;

/// The other end of the cable: `far`, 10.9.0.2 and fd09::2.
pub struct Far {
    work: Sender<Box<dyn FnOnce() + Send>>,
}

impl Far {
    /// Runs `work` on the other host and waits for what it gives.
    pub fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        self.start(work).recv().unwrap()
    }

    /// Runs `work` on the other host, one after another.
    pub fn start<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Receiver<T> {
        let (result, results) = channel();
        self.work.send(Box::new(move || drop(result.send(work())))).unwrap();
        results
    }
}

/// Runs `test` on a host of its own, with `near`, 10.9.0.1 and fd09::1, joined with [`Far`].
pub fn hosts(test: impl FnOnce(&Far) + Send + 'static) {
    let run = move || {
        if let Err(error) = unshare(CloneFlags::CLONE_NEWNET) {
            eprintln!("skipped: a network namespace cannot be made ({error}); run as root");
            return;
        }
        let far = far();
        ip("link set dev lo up");
        ip("addr add 10.9.0.1/24 dev near");
        ip("addr add fd09::1/64 dev near nodad");
        ip("link set dev near up");
        far.run(|| {
            ip("addr add 10.9.0.2/24 dev far");
            ip("addr add fd09::2/64 dev far nodad");
            ip("link set dev far up");
            ip("link set dev lo up");
        });
        test(&far);
    };
    thread::spawn(run).join().unwrap();
}

fn far() -> Far {
    let (work, jobs) = channel::<Box<dyn FnOnce() + Send>>();
    let (ready, is_ready) = channel();
    thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        ready.send(gettid()).unwrap();
        jobs.into_iter().for_each(|job| job());
    });
    let there = is_ready.recv().unwrap();
    ip(&format!("link add name near type veth peer name far netns {there}"));
    Far { work }
}

/// Runs the tool `ip` in the namespace of this thread.
pub fn ip(arguments: &str) {
    let output = Command::new("ip").args(arguments.split(' ')).output().expect("the tool ip of iproute2 is installed");
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}
