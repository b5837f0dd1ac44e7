//! What a filter would catch: looked at through a small ring of its own, while the capture goes on as it is.
//!
//! The ring gets all packets of the interfaces; the filter is run over them here. What the ring cannot hold is told by the
//! kernel's counters: shares stay right, since both sides lose alike.

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::time::{Duration, Instant};

use arachne_capture::interface::filter::Program;
use arachne_capture::interface::{LiveCapture, LivePacket, Turn};
use arachne_delivery::instructions::Preview;
use arachne_delivery::status::PreviewResult;

use crate::channel::Setup;
use crate::scope;

/// Longest look.
const SECONDS_MAX: u32 = 60;
/// Conversations that are counted. Policy: further ones are not told.
const ENDS_MAX: usize = 4096;
/// Conversations that are told.
const ENDS_TOLD: usize = 10;

/// Looks, one at a time.
pub struct Previews {
    spare: Option<LiveCapture>,
    /// With the name of the question.
    running: Option<(String, Receiver<(LiveCapture, PreviewResult)>)>,
}

impl Previews {
    /// Looks through `spare`.
    #[must_use]
    pub const fn new(spare: Option<LiveCapture>) -> Self {
        Self { spare, running: None }
    }

    /// The socket of the ring, while nobody looks.
    pub fn socket(&self) -> Option<BorrowedFd<'_>> {
        self.spare.as_ref().map(AsFd::as_fd)
    }

    /// Starts a look. Gives an answer at once where there can be none.
    pub fn start(&mut self, preview: Preview, setup: &Setup) -> Option<PreviewResult> {
        let refused = |why: String| no_answer(&preview.id, why);
        let programs = scope::preview(setup, &preview.interfaces, &preview.filter);
        let (all, wanted) = match programs {
            Ok(programs) => programs,
            Err(error) => return Some(refused(arachne_telemetry::chain(&error).to_string())),
        };
        let Some(capture) = self.spare.take() else {
            let why = "another preview is running, or files are read instead of interfaces: ask again later";
            return Some(refused(why.to_owned()));
        };
        let (sender, receiver) = sync_channel(1);
        // Given to the thread once there is one: another preview may find one.
        let (give, given) = sync_channel(1);
        let id = preview.id.clone();
        let looked = std::thread::Builder::new().name("preview".to_owned()).spawn(move || {
            let Ok(capture) = given.recv() else { return };
            let (capture, result) = look(capture, &preview, &all, &wanted);
            let _ = sender.send((capture, result));
        });
        if let Err(error) = looked {
            self.spare = Some(capture);
            return Some(no_answer(&id, error.to_string()));
        }
        let _ = give.send(capture);
        self.running = Some((id, receiver));
        None
    }

    /// The answer, when it is there.
    pub fn poll(&mut self) -> Option<PreviewResult> {
        let (id, running) = self.running.as_ref()?;
        match running.try_recv() {
            Ok((capture, result)) => {
                self.spare = Some(capture);
                self.running = None;
                Some(result)
            }
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => {
                let result = no_answer(id, "the look broke off: see what the agent logged".to_owned());
                self.running = None;
                Some(result)
            }
        }
    }
}

fn no_answer(id: &str, why: String) -> PreviewResult {
    PreviewResult { id: id.to_owned(), done: true, error: Some(why), ..PreviewResult::default() }
}

#[derive(Default)]
struct Seen {
    passed: HashMap<String, u64>,
    left_out: HashMap<String, u64>,
}

fn look(mut capture: LiveCapture, preview: &Preview, all: &Program, wanted: &Program) -> (LiveCapture, PreviewResult) {
    let mut result = PreviewResult { id: preview.id.clone(), done: true, ..PreviewResult::default() };
    let (mut seen, begun) = (Seen::default(), Instant::now());
    if let Err(error) = capture.set_filter(all) {
        result.error = Some(arachne_telemetry::chain(&error).to_string());
    }
    let seconds = Duration::from_secs(u64::from(preview.seconds.clamp(1, SECONDS_MAX)));
    while result.error.is_none() && begun.elapsed() < seconds {
        match capture.poll(Duration::from_millis(50)) {
            Ok(Turn::Block(mut block)) => {
                while let Some(packet) = block.next_packet() {
                    count(&packet, wanted, &mut result, &mut seen);
                }
            }
            Ok(Turn::Drained(_)) => {}
            Err(error) => result.error = Some(arachne_telemetry::chain(&error).to_string()),
        }
    }
    // Silent again; what is still in the ring is read and forgotten.
    let _ = capture.set_filter(&Program::nothing());
    while matches!(capture.poll(Duration::ZERO), Ok(Turn::Block(_))) {}
    result.looked_ns = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
    result.passed_ends = largest(seen.passed);
    result.left_out_ends = largest(seen.left_out);
    (capture, result)
}

fn count(packet: &LivePacket<'_>, wanted: &Program, result: &mut PreviewResult, seen: &mut Seen) {
    let passes = wanted.passes(&packet.view());
    let bytes = u64::from(packet.wire_bytes);
    result.packets += 1;
    result.bytes += bytes;
    result.passed_packets += u64::from(passes);
    result.passed_bytes += if passes { bytes } else { 0 };
    let ends = if passes { &mut seen.passed } else { &mut seen.left_out };
    let name = scope::end_of(packet);
    if ends.len() < ENDS_MAX || ends.contains_key(&name) {
        *ends.entry(name).or_default() += 1;
    }
}

fn largest(ends: HashMap<String, u64>) -> Vec<(String, u64)> {
    let mut all: Vec<_> = ends.into_iter().collect();
    all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    all.truncate(ENDS_TOLD);
    all
}
