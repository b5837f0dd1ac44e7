//! Filters in tcpdump's syntax, compiled to classic BPF by ourselves: the agent is a static binary without libpcap.
//!
//! [`Filter::parse`] reads a text, [`Filter::program`] makes a [`Program`] of it for the interfaces and connections of
//! [`Scope`]. It says what pcap-filter(7) says, in four things more: all words but addresses may be in capitals, an
//! address alone is a host, a VLAN tag is looked through (`port 80` finds tagged packets too, `vlan 7` tells the tag),
//! and names of hosts are refused, since looking them up is no business of a capture. What a link header says cannot be
//! asked for, and neither can bytes by their place (`tcp[13]`).
//!
//! A program that runs over a packet has the same result here ([`Program::passes`]) and in the kernel.
//!
//! Sources: pcap-filter(7); gencode.c and grammar.y of libpcap for what is not written there.

mod assemble;
mod code;
mod error;
mod lex;
mod operand;
mod parse;
mod program;
mod scope;
mod view;

#[cfg(test)]
mod tests;

pub use error::FilterError;
pub use program::{Instruction, PacketView, Program};
pub use scope::Scope;

use code::Code;

/// Longest text of a filter, in bytes.
const TEXT_MAX: usize = 16 * 1024;

/// A filter that was read. The default passes everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    code: Option<Code>,
}

impl Filter {
    /// Reads a filter. The empty one passes everything.
    ///
    /// # Errors
    /// What is wrong, where, and what was meant probably.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        if text.len() > TEXT_MAX {
            let span = TEXT_MAX..text.len();
            return Err(FilterError::new(format!("a filter has at most {TEXT_MAX} bytes"), span));
        }
        let filter = Self { code: parse::parse(text)? };
        // Whoever checks a filter must hear that it is too long, also before there is a scope.
        filter.program(&Scope::default()).map_err(|error| FilterError { span: 0..text.len(), ..error })?;
        Ok(filter)
    }

    /// The program for the packets of a scope.
    ///
    /// # Errors
    /// When it gets longer than [`Program::LENGTH_MAX`].
    pub fn program(&self, scope: &Scope) -> Result<Program, FilterError> {
        assemble::assemble(&scope.around(self.code.clone()))
    }
}
