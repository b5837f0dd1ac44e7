//! Comparisons to instructions. The program is made from its end to its start: all jumps go forward, so each target is
//! known when a jump is made, and one that is too far away gets a longer jump right behind it.

use super::code::{Ancillary, Check, Code, Compare, Join, Load};
use super::error::FilterError;
use super::program::{Instruction, Program, op};

/// Where an instruction is: how many come after it.
type Label = usize;

/// Farther than this a conditional jump goes by way of a longer one. Two of those may lie between.
const NEAR: usize = 250;

/// The place in scratch memory that holds the EtherType.
const PROTOCOL: u32 = 0;

/// The program of `code`.
pub fn assemble(code: &Code) -> Result<Program, FilterError> {
    let mut assembler = Assembler { reversed: Vec::new() };
    let drop = assembler.push(op::RETURN, 0);
    let pass = assembler.push(op::RETURN, u32::MAX);
    assembler.code(code, pass, drop);
    assembler.find_protocol();
    let length = assembler.reversed.len();
    assembler.reversed.reverse();
    Program::new(assembler.reversed).ok_or_else(|| {
        let most = Program::LENGTH_MAX;
        FilterError::new(
            format!("the filter needs {length} instructions and the kernel takes {most}: shorten it"),
            0..0,
        )
    })
}

struct Assembler {
    /// The last instruction first.
    reversed: Vec<Instruction>,
}

impl Assembler {
    fn push(&mut self, code: u16, k: u32) -> Label {
        self.jump(code, k, 0, 0)
    }

    fn jump(&mut self, code: u16, k: u32, jump_true: u8, jump_false: u8) -> Label {
        self.reversed.push(Instruction { code, jump_true, jump_false, k });
        self.reversed.len() - 1
    }

    /// How far the next instruction is from `label`.
    fn distance(&self, label: Label) -> usize {
        self.reversed.len() - label - 1
    }

    /// A label of the same meaning that a conditional jump reaches.
    fn near(&mut self, label: Label) -> Label {
        let distance = self.distance(label);
        if distance <= NEAR {
            return label;
        }
        self.push(op::JUMP, u32::try_from(distance).unwrap_or(u32::MAX))
    }

    /// Goes to `yes` or to `no`; gives where it begins.
    fn code(&mut self, code: &Code, yes: Label, no: Label) -> Label {
        match code {
            Code::Check(check) => self.check(check, yes, no, false),
            Code::Not(part) => self.code(part, no, yes),
            Code::Chain(parts) => self.chain(parts, yes, no),
        }
    }

    fn chain(&mut self, parts: &[(Join, Code)], mut yes: Label, mut no: Label) -> Label {
        for (at, (join, part)) in parts.iter().enumerate().skip(1).rev() {
            let begin = match part {
                Code::Check(check) => self.check(check, yes, no, is_loaded(parts, at, check)),
                _ => self.code(part, yes, no),
            };
            match join {
                Join::And => yes = begin,
                Join::Or => no = begin,
            }
        }
        parts.first().map_or(yes, |(_, first)| self.code(first, yes, no))
    }

    fn check(&mut self, check: &Check, yes: Label, no: Label, loaded: bool) -> Label {
        let (yes, no) = (self.near(yes), self.near(no));
        let code = match check.compare {
            Compare::Equal => op::JUMP_EQUAL,
            Compare::Greater => op::JUMP_GREATER,
            Compare::AtLeast => op::JUMP_AT_LEAST,
            Compare::AnyBit => op::JUMP_ANY_BIT,
        };
        let near = |distance: usize| u8::try_from(distance).expect("NEAR and two jumps are less than 256");
        let (to_yes, to_no) = (near(self.distance(yes)), near(self.distance(no)));
        let begin = self.jump(code, check.value, to_yes, to_no);
        let begin = check.mask.map_or(begin, |mask| self.push(op::AND, mask));
        if loaded { begin } else { self.load(check.load) }
    }

    fn load(&mut self, load: Load) -> Label {
        match load {
            Load::Byte(at) => self.push(op::LOAD_BYTE, at),
            Load::Half(at) => self.push(op::LOAD_HALF, at),
            Load::Word(at) => self.push(op::LOAD_WORD, at),
            Load::Length => self.push(op::LOAD_LENGTH, 0),
            Load::Protocol => self.push(op::LOAD_SCRATCH, PROTOCOL),
            Load::Beside(what) => self.push(op::LOAD_WORD, op::BESIDE.wrapping_add(what as u32)),
            Load::Behind(at) => {
                self.push(op::LOAD_HALF_BEHIND, at);
                self.push(op::HEADER_LENGTH, 0)
            }
        }
    }

    /// The start of each program: which EtherType the packet is. Older kernels name the tag of a packet that leaves with
    /// its VLAN tag in the frame, and show what is behind the tag: there the IP version tells.
    fn find_protocol(&mut self) {
        let beside = |what: Ancillary| op::BESIDE.wrapping_add(what as u32);
        let program = [
            (op::LOAD_WORD, 0, 0, beside(Ancillary::Protocol)),
            (op::STORE_SCRATCH, 0, 0, PROTOCOL),
            (op::JUMP_EQUAL, 1, 0, 0x8100),
            (op::JUMP_EQUAL, 0, 10, 0x88a8),
            (op::LOAD_WORD, 0, 0, beside(Ancillary::Kind)),
            (op::JUMP_EQUAL, 0, 8, super::scope::OUTGOING),
            (op::LOAD_BYTE, 0, 0, 0),
            (op::AND, 0, 0, 0xf0),
            (op::JUMP_EQUAL, 1, 0, 0x40),
            (op::JUMP_EQUAL, 2, 4, 0x60),
            (op::LOAD_NUMBER, 0, 0, super::code::ether_type::IP),
            (op::JUMP, 0, 0, 1),
            (op::LOAD_NUMBER, 0, 0, super::code::ether_type::IP6),
            (op::STORE_SCRATCH, 0, 0, PROTOCOL),
        ];
        for (code, jump_true, jump_false, k) in program.into_iter().rev() {
            self.jump(code, k, jump_true, jump_false);
        }
    }
}

/// Whether the number is still there from the part before: it compared the same one, and only it leads here.
fn is_loaded(parts: &[(Join, Code)], at: usize, check: &Check) -> bool {
    let straight = at == 1 || parts[at - 1].0 == parts[at].0;
    let same = matches!(&parts[at - 1].1, Code::Check(before) if before.load == check.load && before.mask.is_none());
    straight && same
}
