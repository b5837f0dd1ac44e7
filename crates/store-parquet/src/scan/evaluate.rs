//! Which rows of a frame pass a tree: `Predicate::matches` over columns.
//!
//! Text is matched by the functions of `filter`, once for each entry of a dictionary, else only in rows that what was
//! evaluated before has left.

use arachne_filter::{Test, header_values};
use arachne_model::table::Value;
use arrow::array::{Array, ArrayRef, AsArray as _, BooleanBufferBuilder, StringArray};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{DataType, Int32Type};

use super::contains::containing;
use super::frame::{Frame, Numbers, same_dictionary};
use super::node::{Leaf, Node, Overlap, Subject};
use crate::bloom::needle;
use crate::columns::cell;

/// Evaluates trees. Remembers which entries of a dictionary pass, since the batches of a row group share dictionaries.
#[derive(Debug, Default)]
pub(super) struct Evaluator {
    /// By leaf: the dictionary seen last, kept alive so that its address stays its own, and which entries pass.
    entries: Vec<(usize, ArrayRef, BooleanBuffer)>,
    /// By leaf: a text that every text that passes contains, where there is one.
    needles: Vec<(usize, Option<String>)>,
}

impl Evaluator {
    /// Which rows pass `node`.
    pub(super) fn passing(&mut self, node: &Node, frame: Frame<'_>) -> BooleanBuffer {
        self.among(node, frame, &BooleanBuffer::new_set(frame.rows()))
    }

    /// Which of the rows `asked` pass.
    fn among(&mut self, node: &Node, frame: Frame<'_>, asked: &BooleanBuffer) -> BooleanBuffer {
        match node {
            Node::And(parts) => {
                let mut left = asked.clone();
                for part in parts {
                    if left.count_set_bits() == 0 {
                        break;
                    }
                    left = self.among(part, frame, &left);
                }
                left
            }
            Node::Or(parts) => {
                let mut found = BooleanBuffer::new_unset(frame.rows());
                for part in parts {
                    let open = asked & &!&found;
                    if open.count_set_bits() == 0 {
                        break;
                    }
                    found = &found | &self.among(part, frame, &open);
                }
                found
            }
            Node::Not(part) => asked & &!&self.among(part, frame, asked),
            Node::Leaf(leaf) => self.leaf(leaf, frame, asked),
        }
    }

    fn leaf(&mut self, leaf: &Leaf, frame: Frame<'_>, asked: &BooleanBuffer) -> BooleanBuffer {
        match &leaf.subject {
            Subject::Overlap(overlap) => asked & &overlapping(*overlap, frame),
            Subject::Computed(arachne_filter::Computed::Class(thresholds)) => {
                let classes = frame.classes(*thresholds);
                let wanted = arachne_filter::Class::ALL.map(|class| leaf.test.passes(Value::Text(class.name())));
                asked & &BooleanBuffer::collect_bool(classes.len(), |row| wanted[classes[row] as usize])
            }
            Subject::Computed(computed) => {
                asked & &numbers(&leaf.test, &frame.numbers(arachne_store::Number::Computed(*computed)))
            }
            Subject::Column(column) => match frame.column(*column) {
                Some(array) => self.column(leaf, array, frame, *column, asked),
                None => BooleanBuffer::new_unset(frame.rows()),
            },
            Subject::Header(column, name) => match frame.column(*column) {
                Some(array) => self.lines(leaf, array, name, asked),
                None => BooleanBuffer::new_unset(frame.rows()),
            },
        }
    }

    /// Rows with a line of that name that passes.
    fn lines(&mut self, leaf: &Leaf, array: &ArrayRef, name: &str, asked: &BooleanBuffer) -> BooleanBuffer {
        let passes = |text: &str| header_values(text, name).any(|value| leaf.test.passes(Value::Text(value)));
        match array.as_string_opt::<i32>() {
            Some(lines) => texts(lines, asked, passes),
            None => asked & &self.labels(leaf, array, |value| matches!(value, Value::Text(text) if passes(text))),
        }
    }

    fn column(
        &mut self,
        leaf: &Leaf,
        array: &ArrayRef,
        frame: Frame<'_>,
        column: usize,
        asked: &BooleanBuffer,
    ) -> BooleanBuffer {
        if leaf.test == Test::Exists {
            return array.logical_nulls().map_or_else(|| asked.clone(), |nulls| asked & nulls.inner());
        }
        match array.data_type() {
            DataType::Int64 => asked & &numbers(&leaf.test, &frame.integers(column)),
            DataType::Dictionary(..) => asked & &self.labels(leaf, array, |value| leaf.test.passes(value)),
            DataType::Utf8 => self.text(leaf, array.as_string::<i32>(), asked),
            _ => among_rows(asked, |row| leaf.test.passes(cell(array, row))),
        }
    }

    /// Rows of a text column that pass: the test is asked where what it must find stands.
    fn text(&mut self, leaf: &Leaf, column: &StringArray, asked: &BooleanBuffer) -> BooleanBuffer {
        let Test::Text(test) = &leaf.test else {
            return texts(column, asked, |text| leaf.test.passes(Value::Text(text)));
        };
        let known = self.needles.iter().position(|(id, _)| *id == leaf.id);
        let at = known.unwrap_or_else(|| {
            self.needles.push((leaf.id, needle(test)));
            self.needles.len() - 1
        });
        match &self.needles[at].1 {
            Some(needle) => containing(column, test, needle, asked),
            None => texts(column, asked, |text| test.passes(text)),
        }
    }

    /// Rows whose dictionary entry passes.
    fn labels(&mut self, leaf: &Leaf, array: &ArrayRef, passes: impl Fn(Value<'_>) -> bool) -> BooleanBuffer {
        let Some(labels) = array.as_dictionary_opt::<Int32Type>() else {
            return BooleanBuffer::collect_bool(array.len(), |row| passes(cell(array, row)));
        };
        let keys = labels.keys().values();
        let passing = self.entries(leaf, labels.values(), passes);
        let all = passing.len();
        let found = BooleanBuffer::collect_bool(keys.len(), |row| {
            let key = keys[row] as usize;
            key < all && passing.value(key)
        });
        valid(found, labels.nulls())
    }

    fn entries(&mut self, leaf: &Leaf, dictionary: &ArrayRef, passes: impl Fn(Value<'_>) -> bool) -> &BooleanBuffer {
        let at = match self.entries.iter().position(|(id, ..)| *id == leaf.id) {
            Some(at) if same_dictionary(&self.entries[at].1, dictionary) => return &self.entries[at].2,
            Some(at) => at,
            None => {
                self.entries.push((leaf.id, dictionary.clone(), BooleanBuffer::new_unset(0)));
                self.entries.len() - 1
            }
        };
        let passing = BooleanBuffer::collect_bool(dictionary.len(), |entry| passes(cell(dictionary, entry)));
        self.entries[at] = (leaf.id, dictionary.clone(), passing);
        &self.entries[at].2
    }
}

fn valid(found: BooleanBuffer, nulls: Option<&NullBuffer>) -> BooleanBuffer {
    nulls.map_or(found.clone(), |nulls| &found & nulls.inner())
}

/// Rows whose number passes.
fn numbers(test: &Test, numbers: &Numbers<'_>) -> BooleanBuffer {
    let values = &*numbers.values;
    let found = match test {
        Test::Exists => BooleanBuffer::new_set(values.len()),
        Test::Int(ranges) if ranges.len() == 1 => {
            let (from, to) = (ranges[0].from, ranges[0].to);
            BooleanBuffer::collect_bool(values.len(), |row| (from <= values[row]) & (values[row] <= to))
        }
        Test::Int(_) => BooleanBuffer::collect_bool(values.len(), |row| test.passes(Value::Int(values[row]))),
        _ => BooleanBuffer::new_unset(values.len()),
    };
    valid(found, numbers.nulls.as_ref())
}

fn overlapping(overlap: Overlap, frame: Frame<'_>) -> BooleanBuffer {
    let start = frame.integers(frame.table.start);
    let Some(end) = frame.table.end.map(|end| frame.integers(end)) else {
        return BooleanBuffer::collect_bool(frame.rows(), |row| overlap.meets(start.values[row], start.at(row)));
    };
    if end.nulls.is_some() {
        BooleanBuffer::collect_bool(frame.rows(), |row| overlap.meets(start.values[row], end.at(row)))
    } else {
        let (start, end) = (&*start.values, &*end.values);
        BooleanBuffer::collect_bool(frame.rows(), |row| overlap.meets(start[row], Some(end[row])))
    }
}

fn texts(column: &StringArray, asked: &BooleanBuffer, passes: impl Fn(&str) -> bool) -> BooleanBuffer {
    among_rows(asked, |row| column.is_valid(row) && passes(column.value(row)))
}

/// The rows of `asked` that pass.
fn among_rows(asked: &BooleanBuffer, mut passes: impl FnMut(usize) -> bool) -> BooleanBuffer {
    let mut found = BooleanBufferBuilder::new(asked.len());
    found.append_n(asked.len(), false);
    for row in asked.set_indices() {
        if passes(row) {
            found.set_bit(row, true);
        }
    }
    found.finish()
}
