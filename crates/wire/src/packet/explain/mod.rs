//! One frame for people: its layers, each with the fields of its header and where their bytes are.
//!
//! The steps from layer to layer are those of the decoder, so what is shown is what was understood. Any bytes give an
//! answer; what cannot be read is a layer that says why.

mod fields;
mod link;
mod network;
mod tcp;

use arachne_model::DropReason;

use super::{Frame, Layer, Outer, Step, start, step};
pub use fields::Field;
use fields::Fields;

/// A layer of a frame. Ranges are bytes of the frame as it was kept, the end not included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// What it is: `Ethernet`, `IPv4`, `TCP`, `Payload`.
    pub name: &'static str,
    /// It in one line.
    pub summary: String,
    /// Its first byte.
    pub start: usize,
    /// The byte behind it.
    pub end: usize,
    /// Whether it is a header: else payload, padding, or what cannot be read.
    pub header: bool,
    /// What its header holds, in order; none for a payload.
    pub fields: Vec<Field>,
}

/// The layers of `frame`, outermost first. Headers inside each other are followed `nesting_max` deep.
#[must_use]
pub fn explain(frame: &Frame<'_>, nesting_max: u32) -> Vec<Explained> {
    let mut layers = Layers { data: frame.data, all: Vec::new() };
    let cut = frame.original_length as usize > frame.data.len();
    let mut outer = Outer { may_be_cut: cut, network: 0, depth: 0 };
    let mut at = 0;
    let mut layer = match start(frame) {
        Ok(first) => first,
        Err(reason) => return layers.unread(0, reason),
    };
    let first = layers.position(layer.data()).unwrap_or(0);
    if first > 0 {
        layers.push(link::of_link_type(frame.link_type, layers.header(0, first)));
        at = first;
    }
    for _ in 0..nesting_max {
        let inner = match step(layer, &mut outer) {
            Ok(Step::Inner(inner)) => inner,
            Ok(Step::Segment(header, ip)) => return layers.segment(at, &header, &ip, cut),
            Ok(Step::Fragment(fragment)) => {
                let end = layers.position(fragment.payload).unwrap_or(layers.data.len());
                layers.push(network::ip(layers.header(at, end)));
                let what = format!("{} bytes from byte {} of a larger packet", fragment.payload.len(), fragment.offset);
                return layers.rest(end, end + fragment.payload.len(), "Fragment", what);
            }
            Err(reason) => return layers.unread(at, reason),
        };
        let end = layers.position(inner.data()).unwrap_or(layers.data.len()).max(at);
        layers.layer(layer, at, end);
        (layer, at) = (inner, end);
    }
    layers.unread(at, DropReason::NestingLimit)
}

/// The layers so far.
struct Layers<'a> {
    data: &'a [u8],
    all: Vec<Explained>,
}

impl<'a> Layers<'a> {
    /// Where `part` begins in the frame, when it is a part of it.
    fn position(&self, part: &[u8]) -> Option<usize> {
        let (whole, part) = (self.data.as_ptr_range(), part.as_ptr_range());
        let inside = whole.start <= part.start && part.end <= whole.end;
        inside.then(|| part.start as usize - whole.start as usize)
    }

    fn header(&self, at: usize, end: usize) -> Fields<'a> {
        Fields::new(self.data, at, end)
    }

    fn push(&mut self, (name, summary, fields): Described<'a>) {
        let (start, end, fields) = fields.done();
        self.all.push(Explained { name, summary, start, end, header: true, fields });
    }

    /// The header of `layer`, unless it is only a number that the header before has already.
    fn layer(&mut self, layer: Layer<'_>, at: usize, end: usize) {
        if at == end {
            return;
        }
        let header = self.header(at, end);
        self.push(match layer {
            Layer::Ethernet(_) => link::ethernet(header),
            Layer::EtherType(kind, _) => link::behind_ether_type(kind, header),
            Layer::Ppp(_) => link::ppp(header),
            Layer::Mpls(_) => link::mpls(header),
            Layer::Ip(_) => network::ip(header),
            Layer::Transport(protocol, ..) => network::tunnel(protocol, header),
        });
    }

    /// TCP, its payload, and what the link added behind.
    fn segment(
        mut self,
        at: usize,
        header: &super::tcp::Header<'_>,
        ip: &super::ip::Header,
        cut: bool,
    ) -> Vec<Explained> {
        let end = self.data.len().min(at + ip.payload_length);
        // Options end where the header does, also when there are none.
        let payload = self.position(header.options).map_or(end, |options| options + header.options.len()).min(end);
        self.push(tcp::tcp(self.header(at, payload), header));
        let kept = header.payload.len();
        let on_wire = kept + usize::try_from(header.cut).unwrap_or(0);
        let what =
            if kept == on_wire { format!("{kept} bytes") } else { format!("{kept} of {on_wire} bytes were kept") };
        let whole = self.data.len();
        let mut all = if on_wire > 0 { self.rest(payload, payload + kept, "Payload", what) } else { self.all };
        let padding = all.last().map_or(end, |last| last.end);
        if padding < whole && !cut {
            all.push(bare("Padding", format!("{} bytes behind the packet", whole - padding), padding, whole));
        }
        all
    }

    fn rest(mut self, start: usize, end: usize, name: &'static str, summary: String) -> Vec<Explained> {
        let end = end.min(self.data.len());
        self.all.push(bare(name, summary, start.min(end), end));
        self.all
    }

    /// What is not read, from `at` on.
    fn unread(self, at: usize, reason: DropReason) -> Vec<Explained> {
        let end = self.data.len();
        self.rest(at, end, "Not read", reason.words().to_owned())
    }
}

/// Name, summary and fields of a header.
type Described<'a> = (&'static str, String, Fields<'a>);

fn bare(name: &'static str, summary: String, start: usize, end: usize) -> Explained {
    Explained { name, summary, start, end, header: false, fields: Vec::new() }
}
