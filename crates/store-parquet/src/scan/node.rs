//! What rows must pass, as a tree over columns: the predicate of a request, its range of time and its flags as one.
//!
//! Fields that stand for several columns are spelled out here, so that all below deals with single columns.

use arachne_filter::{Computed, Field, IntRange, Predicate, Test};
use arachne_model::table::{Kind, Table};
use arachne_store::{CountMode, Selection, TimeRange};

/// A condition on a row.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// All of these hold; without any: always.
    And(Vec<Node>),
    /// One of these holds; without any: never.
    Or(Vec<Node>),
    /// This does not hold.
    Not(Box<Node>),
    /// A test of a row.
    Leaf(Leaf),
}

/// A test of a row.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    /// Tells the leaves of one tree apart; copies keep it.
    pub(super) id: usize,
    /// What is looked at.
    pub(super) subject: Subject,
    /// What it must be.
    pub(super) test: Test,
}

/// What a leaf looks at.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Subject {
    /// A column.
    Column(usize),
    /// A computed number or class.
    Computed(Computed),
    /// The values of a header in a column of header lines.
    Header(usize, String),
    /// The item's time against a range; the test says nothing here.
    Overlap(Overlap),
}

/// An item's [start, end) against a range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Overlap {
    /// The range, not empty.
    pub(super) range: TimeRange,
    /// Open items last until then.
    pub(super) now: i64,
}

impl Overlap {
    /// Whether an item meets the range. An open item lasts until now, a length is never negative, and an item without
    /// length counts at its start.
    #[inline]
    pub(super) fn meets(self, start: i64, end: Option<i64>) -> bool {
        let end = end.unwrap_or(self.now);
        start < self.range.to && (end > self.range.from || start >= self.range.from)
    }
}

impl Node {
    /// What always holds.
    pub(super) const ALWAYS: Self = Self::And(Vec::new());
    /// What never holds.
    pub(super) const NEVER: Self = Self::Or(Vec::new());

    /// What the rows of a selection must pass.
    pub(super) fn of(selection: &Selection) -> Self {
        let table = selection.table;
        let mut ids = 0;
        let mut parts = vec![in_range(selection, &mut ids)];
        if selection.counted_only
            && let Some(counted) = table.column("counted")
        {
            parts.push(leaf(Subject::Column(counted), Test::Flag(true), &mut ids));
        }
        parts.push(lower(table, &selection.predicate, &mut ids));
        Self::all(parts)
    }

    /// One of `tests` on the same leaf id space as a selection's tree: ids from the top down, so that they never meet.
    pub(super) fn extra(column: usize, test: Test) -> Self {
        Self::Leaf(Leaf { id: usize::MAX, subject: Subject::Column(column), test })
    }

    pub(super) const fn is_always(&self) -> bool {
        matches!(self, Self::And(parts) if parts.is_empty())
    }

    pub(super) const fn is_never(&self) -> bool {
        matches!(self, Self::Or(parts) if parts.is_empty())
    }

    /// All of `parts`, flat, the cheap ones first.
    pub(super) fn all(parts: Vec<Self>) -> Self {
        let mut flat = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                never if never.is_never() => return Self::NEVER,
                Self::And(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        one_of(flat, Self::And)
    }

    /// One of `parts`, flat.
    pub(super) fn any(parts: Vec<Self>) -> Self {
        let mut flat = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                always if always.is_always() => return Self::ALWAYS,
                Self::Or(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        one_of(flat, Self::Or)
    }

    /// The opposite.
    pub(super) fn negated(self) -> Self {
        match self {
            always if always.is_always() => Self::NEVER,
            never if never.is_never() => Self::ALWAYS,
            other => Self::Not(Box::new(other)),
        }
    }

    /// What must hold together.
    pub(super) fn conjuncts(&self) -> &[Self] {
        match self {
            Self::And(parts) => parts,
            other => std::slice::from_ref(other),
        }
    }

    /// The tree with each leaf that `verdict` knows replaced by what it is for all rows.
    pub(super) fn simplified(&self, verdict: &dyn Fn(&Leaf) -> Option<bool>) -> Self {
        match self {
            Self::And(parts) => Self::all(parts.iter().map(|part| part.simplified(verdict)).collect()),
            Self::Or(parts) => Self::any(parts.iter().map(|part| part.simplified(verdict)).collect()),
            Self::Not(part) => part.simplified(verdict).negated(),
            Self::Leaf(leaf) => match verdict(leaf) {
                Some(true) => Self::ALWAYS,
                Some(false) => Self::NEVER,
                None => self.clone(),
            },
        }
    }

    /// Calls `visit` for each column that is looked at.
    pub(super) fn columns(&self, table: &Table, visit: &mut dyn FnMut(usize)) {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.columns(table, visit)),
            Self::Not(part) => part.columns(table, visit),
            Self::Leaf(leaf) => leaf.subject.columns(table).into_iter().for_each(visit),
        }
    }

    /// How dear reading its columns is: see [`width`].
    pub(super) fn width(&self, table: &Table) -> Width {
        let mut widest = Width::Narrow;
        self.columns(table, &mut |column| widest = widest.max(width(table, column)));
        widest
    }
}

/// How many bytes a value of a column has in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Width {
    /// Numbers, flags, dictionary keys.
    Narrow,
    /// Ids, paths.
    Text,
    /// Headers, bodies, frames.
    Wide,
}

/// How dear a column is.
pub(super) fn width(table: &Table, column: usize) -> Width {
    match table.columns.get(column).map(|c| c.kind) {
        Some(Kind::Text | Kind::Id) => Width::Text,
        Some(Kind::Headers | Kind::Bytes) => Width::Wide,
        _ => Width::Narrow,
    }
}

impl Subject {
    /// The columns that are looked at.
    pub(super) fn columns(&self, table: &Table) -> Vec<usize> {
        match self {
            Self::Column(column) | Self::Header(column, _) => vec![*column],
            Self::Computed(computed) => computed_columns(table, *computed),
            Self::Overlap(_) => std::iter::once(table.start).chain(table.end).collect(),
        }
    }
}

/// The columns that a computed value needs; one that the table lacks is left out.
pub(super) fn computed_columns(table: &Table, computed: Computed) -> Vec<usize> {
    match computed {
        Computed::Duration => std::iter::once(table.start).chain(table.end).collect(),
        Computed::Wait => ["request.end", "response.start"].into_iter().filter_map(|name| table.column(name)).collect(),
        Computed::Class(_) => {
            let known = |column: &usize| *column < table.columns.len();
            arachne_filter::Class::columns().into_iter().filter(known).collect()
        }
    }
}

fn one_of(mut parts: Vec<Node>, make: fn(Vec<Node>) -> Node) -> Node {
    match parts.len() {
        1 => parts.remove(0),
        _ => make(parts),
    }
}

fn leaf(subject: Subject, test: Test, ids: &mut usize) -> Node {
    *ids += 1;
    Node::Leaf(Leaf { id: *ids, subject, test })
}

/// The part of a tree that is about time.
fn in_range(selection: &Selection, ids: &mut usize) -> Node {
    let TimeRange { from, to } = selection.range;
    if from >= to {
        return Node::NEVER;
    }
    let table = selection.table;
    let within = |column: usize, ids: &mut usize| {
        leaf(Subject::Column(column), Test::Int(vec![IntRange { from, to: to.saturating_sub(1) }]), ids)
    };
    match (selection.mode, table.end) {
        (CountMode::Start, _) | (_, None) => within(table.start, ids),
        (CountMode::End, Some(end)) => within(end, ids),
        (CountMode::Overlap, Some(_)) => {
            let overlap = Overlap { range: selection.range, now: selection.now };
            leaf(Subject::Overlap(overlap), Test::Exists, ids)
        }
    }
}

fn lower(table: &Table, predicate: &Predicate, ids: &mut usize) -> Node {
    match predicate {
        Predicate::All => Node::ALWAYS,
        Predicate::And(parts) => Node::all(parts.iter().map(|part| lower(table, part, ids)).collect()),
        Predicate::Or(parts) => Node::any(parts.iter().map(|part| lower(table, part, ids)).collect()),
        Predicate::Not(part) => lower(table, part, ids).negated(),
        Predicate::Is(field, test) => {
            let leaves = subjects(table, field).into_iter().map(|subject| leaf(subject, test.clone(), ids));
            Node::any(leaves.collect())
        }
    }
}

/// What a field stands for: one of these must pass. A column that the table lacks is null, which nothing passes.
fn subjects(table: &Table, field: &Field) -> Vec<Subject> {
    match field {
        Field::Column(column) if *column >= table.columns.len() => Vec::new(),
        Field::Column(column) => vec![Subject::Column(*column)],
        Field::Computed(computed) => vec![Subject::Computed(*computed)],
        Field::Header(side, name) => side.columns(table).map(|column| Subject::Header(column, name.clone())).collect(),
        Field::AnyText => table.texts.iter().map(|&column| Subject::Column(column)).collect(),
    }
}
