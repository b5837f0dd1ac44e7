//! Pairs requests with responses on one connection.
//!
//! The n-th final response answers the n-th request; interim responses do not count. A response that was sent before
//! its sender had the request cannot answer it; after bytes were lost, what each side had acknowledged tells which
//! messages were among them.

use std::collections::VecDeque;

use arachne_model::{Anomaly, AnomalySet, Exchange, Limits, Message, Protocol as Kind, StartLine};

use super::framing::Length;
use super::head::{Head, Role, parse_trailers};
use super::reader::{Event, Reader, State};
use super::websocket::Frames;
use crate::protocol::{Chunk, Context, Protocol};
use crate::sink::{BodyTap, Direction, MessageHead};
use crate::tcp::queue::Arrival;

/// An exchange that is not reported yet.
struct Open {
    exchange: Exchange,
    request_done: bool,
    response_done: bool,
    /// Offset of the request's first byte in the client's stream.
    request_offset: u64,
    /// How far the client had the server's stream when it sent the end of the request's head.
    client_had: u64,
    /// Offset of the first gap in the client's stream that was found since.
    gap_behind: Option<u64>,
    retransmissions_before: u64,
    /// A request without a version: HTTP/0.9.
    simple: bool,
}

impl Open {
    /// Whether a response at `offset`, whose sender had the client's stream up to `needs`, can answer this request:
    /// neither was sent before the other.
    fn may_be_answered(&self, offset: u64, needs: u64) -> bool {
        (needs == 0 || self.request_offset < needs) && self.client_had <= offset
    }
}

/// Which exchange the response in progress belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Current {
    None,
    Front,
    Orphan,
}

/// One direction.
struct Half {
    reader: Reader,
    tap: Option<Box<dyn BodyTap>>,
    frames: Option<Frames>,
    /// Offset and arrival of the first byte of the message in progress.
    began: Option<(u64, u32, Arrival)>,
    /// How far the sender had the other direction, by all its chunks so far.
    had: u64,
}

impl Half {
    /// A head may be spread over segments, and what was held with it may be none of it: it begins so many bytes before
    /// `end`, and in this chunk unless more is held than was `consumed`.
    #[inline]
    fn note_begin(&mut self, event: &Event<'_>, chunk: &Chunk<'_>, end: usize, consumed: usize) {
        let held = self.reader.partial_bytes() as u64;
        let (length, behind) = match event {
            Event::Head(head) => (head.message.wire_bytes, held),
            _ => (held, 0),
        };
        if length == 0 {
            self.began = None;
            return;
        }
        let before = (length + behind).wrapping_sub(end as u64);
        #[expect(clippy::cast_possible_truncation, reason = "sequence numbers are modulo 2^32")]
        let sequence = chunk.sequence.wrapping_sub(before as u32);
        let arrival = match self.began {
            Some((.., arrival)) if length > consumed as u64 => arrival,
            _ => chunk.arrival,
        };
        self.began = Some((chunk.offset.wrapping_sub(before), sequence, arrival));
    }
}

/// The parser of one connection.
pub struct Observer {
    request: Half,
    response: Half,
    pending: VecDeque<Open>,
    orphan: Option<Box<Open>>,
    current: Current,
    flags: AnomalySet,
    /// Bytes of the client's direction were lost, so that requests may be missing.
    requests_lost: bool,
    /// Where these bytes end, while no response was seen or lost that could belong to one of those.
    lost_unanswered: Option<u64>,
    /// Where the server's direction lost sync since the last response, and why: whole responses may be in there.
    response_gap: Option<(u64, Anomaly)>,
    /// Offset of the newest response.
    response_at: u64,
    /// Requests that were reported early to make room and may still be answered.
    overdue: u64,
    held: usize,
}

/// What an open exchange costs beside its heads.
const OPEN_COST: usize = size_of::<Open>() + 2 * 16 * size_of::<arachne_model::Field>();

impl Observer {
    /// A parser at the start of a connection.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        let half = |role| Half { reader: Reader::new(role, limits), tap: None, frames: None, began: None, had: 0 };
        Self {
            request: half(Role::Request),
            response: half(Role::Response),
            pending: VecDeque::new(),
            orphan: None,
            current: Current::None,
            flags: AnomalySet::EMPTY,
            requests_lost: false,
            lost_unanswered: None,
            response_gap: None,
            response_at: 0,
            overdue: 0,
            held: 0,
        }
    }

    fn half(&mut self, direction: Direction) -> &mut Half {
        match direction {
            Direction::Request => &mut self.request,
            Direction::Response => &mut self.response,
        }
    }

    /// The exchange whose message of `direction` is in progress.
    fn open(&mut self, direction: Direction) -> Option<&mut Open> {
        match direction {
            Direction::Request => self.pending.back_mut().filter(|open| !open.request_done),
            Direction::Response => match self.current {
                Current::None => None,
                Current::Front => self.pending.front_mut(),
                Current::Orphan => self.orphan.as_deref_mut(),
            },
        }
    }

    fn message(&mut self, direction: Direction) -> Option<&mut Message> {
        let exchange = &mut self.open(direction)?.exchange;
        match direction {
            Direction::Request => exchange.request.as_mut(),
            Direction::Response => exchange.response.as_mut(),
        }
    }

    fn head(&mut self, head: Head, chunk: &Chunk<'_>, cx: &mut Context<'_>) {
        let direction = chunk.direction;
        let began = self.half(direction).began.take().unwrap_or((chunk.offset, chunk.sequence, chunk.arrival));
        match direction {
            Direction::Request => self.request_head(head, began, chunk.arrival, cx),
            Direction::Response => self.response_head(head, began, chunk.arrival, cx),
        }
    }

    fn request_head(&mut self, head: Head, began: (u64, u32, Arrival), now: Arrival, cx: &mut Context<'_>) {
        if self.pending.len() >= cx.limits.pending_exchanges_max {
            self.make_room(now, cx);
        }
        let (offset, sequence, first) = began;
        let simple =
            matches!(head.message.start_line, StartLine::Request { version, .. } if version.start == version.end);
        let mut open = Open {
            exchange: empty_exchange(cx, sequence, first),
            request_done: false,
            response_done: false,
            request_offset: offset,
            client_had: self.request.had,
            gap_behind: None,
            retransmissions_before: cx.retransmissions,
            simple,
        };
        self.held += OPEN_COST + head.message.head.capacity();
        open.exchange.anomalies = head.anomalies;
        open.exchange.anomalies.merge(std::mem::take(&mut self.flags));
        if self.lost_unanswered.is_some() {
            // The next answer may be for a request that was lost just before.
            open.exchange.anomalies.insert(Anomaly::Gap);
        }
        open.exchange.request = Some(head.message);
        cx.open_exchange();
        self.pending.push_back(open);
        self.expect(Direction::Request, head.framing.length, now, cx);
    }

    /// Reports the oldest request as it is. Its answer, if it comes, is not the next one's.
    fn make_room(&mut self, now: Arrival, cx: &mut Context<'_>) {
        if self.current == Current::Front {
            self.close_tap(Direction::Response, false, cx);
            self.current = Current::None;
            self.response.reader.lose_sync();
        } else {
            self.overdue += 1;
        }
        if let Some(mut oldest) = self.pending.pop_front() {
            oldest.exchange.anomalies.insert(Anomaly::Memcap);
            self.report(oldest, now, cx);
        }
    }

    fn response_head(&mut self, head: Head, began: (u64, u32, Arrival), now: Arrival, cx: &mut Context<'_>) {
        let (offset, sequence, first) = began;
        let StartLine::Response { status, .. } = head.message.start_line else {
            return;
        };
        self.settle_lost(offset, first.needs, now, cx);
        let is_interim = (100..200).contains(&status) && status != 101;
        let late = self.overdue > 0;
        let answers = !late && self.pending.front().is_some_and(|front| front.may_be_answered(offset, first.needs));
        if answers && is_interim {
            self.interim(status, head.anomalies, cx.limits);
            return;
        }
        let mut length = head.framing.length;
        let mut websocket = None;
        if answers {
            let Some(front) = self.pending.front_mut() else {
                return;
            };
            let method = method(&front.exchange);
            if method == b"HEAD" || matches!(status, 204 | 304) {
                length = Length::Known(0);
            } else if status == 101 || (method == b"CONNECT" && (200..300).contains(&status)) {
                websocket = Some(head.framing.websocket && status == 101);
                length = Length::Known(0);
            } else if length == Length::Unstated {
                length = Length::Unknowable;
                self.response.reader.state = State::UntilClose;
            }
            self.current = Current::Front;
        } else {
            self.open_orphan(is_interim, sequence, first, cx);
            if matches!(status, 100..200 | 204 | 304) {
                length = Length::Known(0);
            } else if length == Length::Unstated {
                length = Length::Unknowable;
                self.response.reader.state = State::UntilClose;
            }
        }
        if !late {
            self.note_doubt(offset, cx.two_sided);
        }
        let until_close = self.response.reader.state == State::UntilClose;
        self.held += head.message.head.capacity();
        if let Some(open) = self.open(Direction::Response) {
            open.exchange.response_start = Some(first.at);
            open.exchange.anomalies.merge(head.anomalies);
            open.exchange.response = Some(head.message);
        }
        if let Some(websocket) = websocket {
            self.become_opaque(websocket, status, now, cx);
        }
        if until_close {
            self.open_tap(Direction::Response, cx);
        } else {
            self.expect(Direction::Response, length, now, cx);
        }
        if websocket.is_some() {
            self.request.reader.state = State::Opaque;
            self.response.reader.state = State::Opaque;
        }
    }

    /// Before a response at `offset` is paired: what was lost before it.
    fn settle_lost(&mut self, offset: u64, needs: u64, now: Arrival, cx: &mut Context<'_>) {
        if let Some((gap, why)) = self.response_gap {
            self.skip_lost_responses(gap, why, offset, now, cx);
            self.doubt_pairs(why, needs, now, cx);
            // With one request left there is no doubt any more.
            if self.pending.len() <= 1 {
                self.response_gap = None;
            }
        }
        self.response_at = offset;
    }

    /// A response to a request that is not known, or was reported early.
    fn open_orphan(&mut self, is_interim: bool, sequence: u32, first: Arrival, cx: &mut Context<'_>) {
        self.lost_unanswered = self.lost_unanswered.filter(|end| first.needs != 0 && first.needs < *end);
        let mut orphan = self.orphan(sequence, first, cx);
        if self.overdue > 0 {
            self.overdue -= u64::from(!is_interim);
            orphan.exchange.anomalies.insert(Anomaly::Memcap);
        }
        self.orphan = Some(orphan);
        self.current = Current::Orphan;
    }

    /// A response that answers nothing, or a request that was not read for certain, may answer HEAD, and then what seems
    /// to be its body is the next response; or its request comes yet.
    fn note_doubt(&mut self, offset: u64, two_sided: bool) {
        let unsure = [Anomaly::Gap, Anomaly::Ambiguous];
        let is_unsure = |open: &mut Open| unsure.iter().any(|a| open.exchange.anomalies.contains(*a));
        if self.current == Current::Orphan || self.open(Direction::Response).is_some_and(is_unsure) {
            let why = if self.requests_lost || !two_sided { Anomaly::Gap } else { Anomaly::Ambiguous };
            // What was lost before is in doubt as well until it is settled.
            self.response_gap.get_or_insert((offset, why));
        }
    }

    /// After lost bytes of the server: requests that the client followed up, having received what was lost, were
    /// answered in there.
    fn skip_lost_responses(&mut self, gap: u64, why: Anomaly, offset: u64, now: Arrival, cx: &mut Context<'_>) {
        while let [first, second, ..] = &self.pending.make_contiguous()[..]
            && second.client_had > gap
            && second.client_had <= offset
            && second.client_had > first.client_had
        {
            let Some(mut lost) = self.pending.pop_front() else {
                return;
            };
            lost.exchange.anomalies.insert(why);
            self.report(lost, now, cx);
        }
    }

    /// Where requests were lost as well, the response behind the gap may answer one of those: it is not paired. Where
    /// more than one is open, which of them were answered in the gap cannot be told.
    fn doubt_pairs(&mut self, why: Anomaly, needs: u64, now: Arrival, cx: &mut Context<'_>) {
        if let [only] = self.pending.make_contiguous()
            && only.gap_behind.is_some_and(|gap| gap < needs || needs == 0)
        {
            only.exchange.anomalies.insert(why);
            if let Some(unanswered) = self.pending.pop_front() {
                self.report(unanswered, now, cx);
            }
        } else if self.pending.len() > 1 {
            self.pending.iter_mut().for_each(|open| open.exchange.anomalies.insert(why));
        }
    }

    fn interim(&mut self, status: u16, anomalies: AnomalySet, limits: &Limits) {
        if let Some(front) = self.pending.front_mut() {
            front.exchange.anomalies.merge(anomalies);
            if front.exchange.interim.len() < limits.interim_max {
                front.exchange.interim.push(status);
            }
        }
        self.response.reader.expect(Length::Known(0));
    }

    /// A response without a request.
    fn orphan(&mut self, sequence: u32, first: Arrival, cx: &mut Context<'_>) -> Box<Open> {
        let mut exchange = empty_exchange(cx, sequence, first);
        exchange.anomalies = std::mem::take(&mut self.flags);
        if !cx.two_sided {
            exchange.anomalies.insert(Anomaly::OneSided);
        } else if self.requests_lost {
            exchange.anomalies.insert(Anomaly::Gap);
        } else if self.overdue == 0 {
            exchange.anomalies.insert(Anomaly::UnsolicitedResponse);
        }
        cx.open_exchange();
        self.held += OPEN_COST;
        Box::new(Open {
            exchange,
            request_done: true,
            response_done: false,
            request_offset: 0,
            client_had: 0,
            gap_behind: None,
            retransmissions_before: cx.retransmissions,
            simple: false,
        })
    }

    fn become_opaque(&mut self, websocket: bool, status: u16, now: Arrival, cx: &mut Context<'_>) {
        // A request whose body is still on its way ends here.
        if let Some(open) = self.open(Direction::Request) {
            open.exchange.anomalies.insert(Anomaly::Incomplete);
            self.message_done(Direction::Request, false, now, cx);
        }
        if websocket {
            self.request.frames = Some(Frames::default());
            self.response.frames = Some(Frames::default());
        }
        if status == 101
            && let Some(front) = self.pending.front_mut()
        {
            front.exchange.anomalies.insert(Anomaly::Upgrade);
        }
    }

    /// Starts the body of the message whose head was read, or completes it.
    fn expect(&mut self, direction: Direction, length: Length, now: Arrival, cx: &mut Context<'_>) {
        let half = self.half(direction);
        if half.reader.state == State::Resync {
            // The head was cut by the limit.
            self.message_done(direction, false, now, cx);
        } else if half.reader.expect(length) {
            self.open_tap(direction, cx);
        } else {
            self.message_done(direction, length != Length::Unknowable, now, cx);
        }
    }

    fn open_tap(&mut self, direction: Direction, cx: &mut Context<'_>) {
        let Some(message) = self.message(direction) else {
            return;
        };
        let Some(tap) = cx.sink.body(&MessageHead { direction, message }) else {
            return;
        };
        if *cx.open_bodies >= cx.limits.open_bodies_max {
            if let Some(open) = self.open(direction) {
                open.exchange.anomalies.insert(Anomaly::Memcap);
            }
            return;
        }
        *cx.open_bodies += 1;
        self.half(direction).tap = Some(tap);
    }

    fn close_tap(&mut self, direction: Direction, complete: bool, cx: &mut Context<'_>) {
        let Some(tap) = self.half(direction).tap.take() else {
            return;
        };
        *cx.open_bodies -= 1;
        let facts = tap.finish(complete);
        let anomalies = facts.anomalies;
        if let Some(message) = self.message(direction) {
            message.body.tap = Some(Box::new(facts));
        }
        if let Some(open) = self.open(direction) {
            open.exchange.anomalies.merge(anomalies);
        }
    }

    /// A message ended, whole or not.
    fn message_done(&mut self, direction: Direction, complete: bool, now: Arrival, cx: &mut Context<'_>) {
        self.close_tap(direction, complete, cx);
        if let Some(message) = self.message(direction) {
            message.complete = complete;
        }
        let anomalies = std::mem::take(&mut self.half(direction).reader.anomalies);
        let current = self.current;
        let Some(open) = self.open(direction) else {
            return;
        };
        open.exchange.anomalies.merge(anomalies);
        match direction {
            Direction::Request => {
                open.request_done = true;
                open.exchange.request_end = Some(now.at);
            }
            Direction::Response => {
                open.response_done = true;
                open.exchange.end = Some(now.at);
                self.current = Current::None;
            }
        }
        if current == Current::Orphan && direction == Direction::Response {
            if let Some(orphan) = self.orphan.take() {
                self.report(*orphan, now, cx);
            }
        } else {
            self.report_done(now, cx);
        }
    }

    fn report_done(&mut self, now: Arrival, cx: &mut Context<'_>) {
        while self.pending.front().is_some_and(|front| front.request_done && front.response_done) {
            if let Some(done) = self.pending.pop_front() {
                self.report(done, now, cx);
            }
        }
    }

    fn report(&mut self, mut open: Open, now: Arrival, cx: &mut Context<'_>) {
        let heads = [&open.exchange.request, &open.exchange.response];
        let freed: usize = heads.into_iter().flatten().map(|m| m.head.capacity()).sum();
        self.held = self.held.saturating_sub(OPEN_COST + freed);
        open.exchange.completed_by = now.number;
        let retransmissions = cx.retransmissions.saturating_sub(open.retransmissions_before);
        open.exchange.retransmissions = u32::try_from(retransmissions).unwrap_or(u32::MAX);
        cx.report(open.exchange);
    }

    fn body(&mut self, direction: Direction, bytes: &[u8]) {
        if let Some(message) = self.message(direction) {
            message.body.size += bytes.len() as u64;
            message.wire_bytes += bytes.len() as u64;
        }
        if let Some(tap) = &mut self.half(direction).tap {
            tap.write(bytes);
        }
    }

    fn trailers(&mut self, direction: Direction, bytes: &[u8], now: Arrival, cx: &mut Context<'_>) {
        let mut anomalies = AnomalySet::EMPTY;
        let fields_max = cx.limits.head_fields_max;
        if let Some(message) = self.message(direction) {
            parse_trailers(bytes, message, fields_max, &mut anomalies);
        }
        self.held += bytes.len();
        self.half(direction).reader.anomalies.merge(anomalies);
        self.message_done(direction, true, now, cx);
    }

    fn event(&mut self, event: Event<'_>, chunk: &Chunk<'_>, cx: &mut Context<'_>) {
        let direction = chunk.direction;
        match event {
            Event::Nothing => {}
            Event::Head(head) => self.head(*head, chunk, cx),
            Event::Body { bytes, last } => {
                self.body(direction, bytes);
                if last {
                    self.message_done(direction, true, chunk.arrival, cx);
                }
            }
            Event::Trailers(bytes) => self.trailers(direction, &bytes, chunk.arrival, cx),
            Event::Broken => {
                if let Some(open) = self.open(direction) {
                    open.exchange.anomalies.insert(Anomaly::Ambiguous);
                }
                self.message_done(direction, false, chunk.arrival, cx);
                if direction == Direction::Response {
                    self.response_gap.get_or_insert((self.response_at, Anomaly::Ambiguous));
                }
            }
            Event::Garbage if self.awaits_bare_answer(direction) => {
                let held = self.response.reader.take_held();
                self.bare_answer(chunk, cx);
                self.body(direction, &held);
            }
            Event::Garbage => self.garbage(direction),
            Event::Opaque(bytes) => {
                if self.half(direction).frames.as_mut().is_some_and(|frames| frames.take(bytes)) {
                    self.flags.insert(Anomaly::BadWebsocket);
                }
            }
        }
    }

    /// Bytes between messages that are none: whoever counts them otherwise reads other messages.
    fn garbage(&mut self, direction: Direction) {
        self.half(direction).began = None;
        if direction == Direction::Response {
            // The response before ended somewhere else.
            self.response_gap.get_or_insert((self.response_at, Anomaly::Ambiguous));
        }
        match self.pending.back_mut() {
            Some(open) => open.exchange.anomalies.insert(Anomaly::Ambiguous),
            None => self.flags.insert(Anomaly::Ambiguous),
        }
    }

    fn awaits_bare_answer(&self, direction: Direction) -> bool {
        direction == Direction::Response
            && self.current == Current::None
            && self.pending.front().is_some_and(|front| front.simple && front.request_done)
    }

    /// A line that is a request of HTTP/0.9 is known as one when it is answered.
    fn simple_request(&mut self, chunk: &Chunk<'_>, cx: &mut Context<'_>) {
        if chunk.direction == Direction::Response
            && self.request.reader.has_partial()
            && let Some(head) = self.request.reader.take_simple()
        {
            let request = Chunk { direction: Direction::Request, bytes: &[], ..*chunk };
            self.head(*head, &request, cx);
        }
    }

    /// Whether what comes now is the answer to HTTP/0.9. With `H` it may be a head after all: the reader tells.
    fn is_bare_answer(&self, direction: Direction, first: u8) -> bool {
        first != b'H' && self.awaits_bare_answer(direction) && self.response.reader.is_between()
    }

    /// What the server says is the body.
    fn bare_answer(&mut self, chunk: &Chunk<'_>, cx: &mut Context<'_>) {
        self.current = Current::Front;
        self.response.reader.state = State::UntilClose;
        if let Some(open) = self.open(Direction::Response) {
            open.exchange.response_start = Some(chunk.arrival.at);
            open.exchange.response = Some(bare_response());
        }
        self.open_tap(Direction::Response, cx);
    }

    fn gap_in_body(&mut self, direction: Direction, length: u64) {
        if let Some(message) = self.message(direction) {
            message.body.missing += length;
        }
        if let Some(tap) = &mut self.half(direction).tap {
            tap.gap(length);
        }
    }

    /// Requests may have been lost at `offset`, behind all that are open or inside the last.
    fn mark_gap_behind(&mut self, offset: u64) {
        self.pending.iter_mut().for_each(|open| _ = open.gap_behind.get_or_insert(offset));
    }

    /// Reports what a partial head holds, so that a request whose rest was lost is seen.
    fn cut_head(&mut self, direction: Direction, arrival: Arrival, anomaly: Anomaly, cx: &mut Context<'_>) -> bool {
        let Some(mut head) = self.half(direction).reader.take_partial() else {
            return false;
        };
        head.anomalies.insert(anomaly);
        head.framing.length = Length::Unknowable;
        self.half(direction).reader.lose_sync();
        let chunk = Chunk { direction, offset: 0, sequence: 0, bytes: &[], arrival };
        self.head(*head, &chunk, cx);
        true
    }

    fn finish_direction(&mut self, direction: Direction, arrival: Arrival, cx: &mut Context<'_>) {
        if self.half(direction).reader.state == State::Opaque {
            return;
        }
        if self.half(direction).reader.state == State::UntilClose {
            self.message_done(direction, true, arrival, cx);
        } else if self.cut_head(direction, arrival, Anomaly::Incomplete, cx) {
            // Reported as far as it was seen.
        } else if self.open(direction).is_some() {
            if let Some(open) = self.open(direction) {
                open.exchange.anomalies.insert(Anomaly::Incomplete);
            }
            self.message_done(direction, false, arrival, cx);
        }
    }
}

impl Protocol for Observer {
    fn kind(&self) -> Kind {
        Kind::Http1
    }

    #[inline]
    fn data(&mut self, chunk: &Chunk<'_>, cx: &mut Context<'_>) {
        let half = self.half(chunk.direction);
        half.had = half.had.max(chunk.arrival.needs);
        self.simple_request(chunk, cx);
        let mut at = 0;
        while at < chunk.bytes.len() {
            let rest = &chunk.bytes[at..];
            if self.is_bare_answer(chunk.direction, rest[0]) {
                self.bare_answer(chunk, cx);
            }
            let half = self.half(chunk.direction);
            let searched = (half.reader.state == State::Resync).then_some(half.reader.partial_bytes());
            let (consumed, event) = half.reader.step(rest);
            let skipped = searched.map_or(0, |held| held + consumed - half.reader.partial_bytes());
            half.note_begin(&event, chunk, at + consumed, consumed);
            self.event(event, chunk, cx);
            at += consumed;
            if skipped > 0 && self.requests_lost && chunk.direction == Direction::Request {
                // What is left of a request whose beginning was lost, or one that was not found again.
                let end = chunk.offset + at as u64 - self.request.reader.partial_bytes() as u64;
                self.lost_unanswered = Some(end);
                self.mark_gap_behind(end - skipped as u64);
            }
        }
    }

    fn gap(&mut self, direction: Direction, offset: u64, length: u64, arrival: Arrival, cx: &mut Context<'_>) {
        if let Some(open) = self.open(direction) {
            open.exchange.anomalies.insert(Anomaly::Gap);
        }
        if direction == Direction::Request {
            self.requests_lost = true;
        }
        let mut lost_from = offset;
        let state = self.half(direction).reader.state;
        match state {
            State::Opaque => {}
            // What was held may be the beginning of something else.
            State::Resync => {
                self.half(direction).began = None;
                self.half(direction).reader.lose_sync();
            }
            State::UntilClose => self.gap_in_body(direction, length),
            State::Body(left) if length < left => {
                self.half(direction).reader.state = State::Body(left - length);
                self.gap_in_body(direction, length);
            }
            State::Chunk(left) if length <= left => {
                let left = left - length;
                self.half(direction).reader.state = if left == 0 { State::ChunkEnd } else { State::Chunk(left) };
                self.gap_in_body(direction, length);
            }
            State::Body(left) => {
                self.gap_in_body(direction, left);
                lost_from += left;
                self.half(direction).reader.state = State::Start;
                self.message_done(direction, false, arrival, cx);
                if length > left {
                    self.half(direction).reader.lose_sync();
                }
            }
            State::Start => {
                self.cut_head(direction, arrival, Anomaly::Gap, cx);
                self.half(direction).began = None;
                self.half(direction).reader.lose_sync();
            }
            State::ChunkLine | State::Chunk(_) | State::ChunkEnd | State::Trailers => {
                self.half(direction).reader.lose_sync();
                self.message_done(direction, false, arrival, cx);
            }
        }
        // A gap inside a body whose end is known hides no response.
        if self.half(direction).reader.state == State::Resync {
            match direction {
                Direction::Request => {
                    self.lost_unanswered = Some(offset + length);
                    self.mark_gap_behind(offset);
                }
                Direction::Response => {
                    self.lost_unanswered = None;
                    self.response_gap.get_or_insert((lost_from, Anomaly::Gap));
                }
            }
        }
    }

    fn end(&mut self, direction: Direction, arrival: Arrival, cx: &mut Context<'_>) {
        self.finish_direction(direction, arrival, cx);
    }

    fn flag(&mut self, anomaly: Anomaly) {
        if self.pending.is_empty() && self.orphan.is_none() {
            self.flags.insert(anomaly);
        }
        for open in self.pending.iter_mut().chain(self.orphan.as_deref_mut()) {
            open.exchange.anomalies.insert(anomaly);
        }
    }

    fn finish(&mut self, arrival: Arrival, cx: &mut Context<'_>) {
        // A response that only the end of the connection completes is cut when that end was not seen.
        for direction in [Direction::Request, Direction::Response] {
            if self.half(direction).reader.state == State::UntilClose {
                if let Some(open) = self.open(direction) {
                    open.exchange.anomalies.insert(Anomaly::Incomplete);
                }
                self.message_done(direction, false, arrival, cx);
            }
            self.finish_direction(direction, arrival, cx);
        }
        self.current = Current::None;
        while let Some(open) = self.pending.pop_front() {
            self.report(open, arrival, cx);
        }
        cx.anomalies.merge(self.flags);
    }

    fn open_exchanges(&self, visit: &mut dyn FnMut(&Exchange)) {
        self.pending.iter().chain(self.orphan.as_deref()).for_each(|open| visit(&open.exchange));
    }

    fn held_bytes(&self) -> usize {
        let tap = |half: &Half| half.tap.as_ref().map_or(0, |t| t.held_bytes()) + half.reader.held_bytes();
        size_of::<Self>() + self.held + tap(&self.request) + tap(&self.response)
    }
}

fn method(exchange: &Exchange) -> &[u8] {
    match &exchange.request {
        Some(Message { head, start_line: StartLine::Request { method, .. }, .. }) => {
            head.get(method.start as usize..method.end as usize).unwrap_or_default()
        }
        _ => &[],
    }
}

fn empty_exchange(cx: &Context<'_>, sequence: u32, first: Arrival) -> Exchange {
    let (client, server) = cx.ends();
    Exchange {
        session: cx.session,
        session_start: cx.session_start,
        network: cx.key.network(),
        completed_by: first.number,
        client,
        server,
        first_sequence: sequence,
        start: first.at,
        request_end: None,
        response_start: None,
        end: None,
        request: None,
        response: None,
        interim: Vec::new(),
        anomalies: AnomalySet::EMPTY,
        retransmissions: 0,
        handshake_rtt_ns: cx.handshake_rtt_ns,
    }
}

fn bare_response() -> Message {
    let nothing = arachne_model::Span::default();
    Message {
        head: Vec::new(),
        start_line: StartLine::Response { version: nothing, status: 0, reason: nothing },
        fields: Vec::new(),
        trailers_at: 0,
        body: arachne_model::BodyFacts::default(),
        complete: false,
        wire_bytes: 0,
    }
}
