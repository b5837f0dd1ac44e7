//! YAML as a tree of text with places: no types, no aliases, no tags, no key twice, bounded in size and depth.

use saphyr_parser::{Event, Marker, Parser};

use crate::mistake::Mistake;

/// Bytes of a file.
pub(crate) const BYTES_MAX: u64 = 1 << 20;
/// Collections inside each other.
const DEPTH_MAX: usize = 16;

/// Where something stands: line and column from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Place {
    fn of(marker: &Marker) -> Self {
        Self { line: marker.line(), column: marker.col() + 1 }
    }

    pub(crate) fn mistake(self, key: &str, message: impl Into<String>) -> Mistake {
        Mistake { line: self.line, column: self.column, key: key.to_owned(), message: message.into() }
    }
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// What stands there, whatever it looks like; empty for nothing.
    Scalar(String),
    List(Vec<Node>),
    /// Keys with their places, in the order of the file.
    Map(Vec<(String, Place, Node)>),
}

/// The bytes as text.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, Mistake> {
    let whole = Place { line: 0, column: 0 };
    if bytes.len() as u64 > BYTES_MAX {
        return Err(whole.mistake("", format!("larger than {BYTES_MAX} bytes: this is no configuration")));
    }
    let bad = |at: usize| whole.mistake("", format!("byte {at} is no text: the file must be YAML in UTF-8"));
    let text = std::str::from_utf8(bytes).map_err(|error| bad(error.valid_up_to()))?;
    let control = |b: &u8| *b == 0x7f || (*b < 0x20 && !matches!(b, b'\n' | b'\r' | b'\t'));
    match bytes.iter().position(control) {
        Some(at) => Err(bad(at)),
        None => Ok(text),
    }
}

/// A collection that is still open.
enum Open {
    List(Place, Vec<Node>),
    Map(Place, Vec<(String, Place, Node)>, Option<(String, Place)>),
}

/// Reads the only document; an empty file is an empty map.
pub(crate) fn tree(text: &str) -> Result<Node, Mistake> {
    let start = Place { line: 1, column: 1 };
    let mut open: Vec<Open> = Vec::new();
    let mut root = None;
    for event in Parser::new_from_str(text) {
        let (event, span) =
            event.map_err(|error| Place::of(error.marker()).mistake("", format!("no YAML: {}", error.info())))?;
        let place = Place::of(&span.start);
        let refuse = |what: &str| place.mistake("", format!("{what} are not used in this file: write the value out"));
        let node = match event {
            Event::Alias(_) => return Err(refuse("aliases")),
            Event::Scalar(_, _, anchor, _) | Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _)
                if anchor != 0 =>
            {
                return Err(refuse("anchors"));
            }
            Event::Scalar(_, _, _, Some(_)) | Event::SequenceStart(_, Some(_)) | Event::MappingStart(_, Some(_)) => {
                return Err(refuse("tags"));
            }
            Event::DocumentStart(_) if root.is_some() => {
                return Err(place.mistake("", "a second document: there may be one"));
            }
            Event::Scalar(text, ..) => Some(Node { place, value: Value::Scalar(text.into_owned()) }),
            Event::SequenceStart(..) => begin(&mut open, Open::List(place, Vec::new()), place)?,
            Event::MappingStart(..) => begin(&mut open, Open::Map(place, Vec::new(), None), place)?,
            Event::SequenceEnd | Event::MappingEnd => open.pop().map(closed),
            _ => None,
        };
        if let Some(node) = node {
            put(&mut open, &mut root, node)?;
        }
    }
    let root = root.unwrap_or(Node { place: start, value: Value::Map(Vec::new()) });
    match root.value {
        Value::Map(_) => Ok(root),
        Value::Scalar(text) if text.is_empty() => Ok(Node { place: start, value: Value::Map(Vec::new()) }),
        _ => Err(root.place.mistake("", "sections are expected here, such as `storage:`")),
    }
}

fn begin(open: &mut Vec<Open>, collection: Open, place: Place) -> Result<Option<Node>, Mistake> {
    if open.len() >= DEPTH_MAX {
        return Err(place.mistake("", format!("more than {DEPTH_MAX} lists and sections inside each other")));
    }
    open.push(collection);
    Ok(None)
}

fn closed(open: Open) -> Node {
    match open {
        Open::List(place, list) => Node { place, value: Value::List(list) },
        Open::Map(place, map, _) => Node { place, value: Value::Map(map) },
    }
}

/// Puts a whole value where it belongs.
fn put(open: &mut [Open], root: &mut Option<Node>, node: Node) -> Result<(), Mistake> {
    match open.last_mut() {
        None => *root = Some(node),
        Some(Open::List(_, list)) => list.push(node),
        Some(Open::Map(_, map, key @ None)) => {
            let Value::Scalar(name) = node.value else {
                return Err(node.place.mistake("", "a key must be a word"));
            };
            if let Some((_, before, _)) = map.iter().find(|(other, ..)| *other == name) {
                return Err(node
                    .place
                    .mistake(&name, format!("given twice: it stands on line {} already", before.line)));
            }
            *key = Some((name, node.place));
        }
        Some(Open::Map(_, map, key)) => {
            if let Some((name, place)) = key.take() {
                map.push((name, place, node));
            }
        }
    }
    Ok(())
}
