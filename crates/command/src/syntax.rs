//! The line of syntax: a grammar as people read it.
//!
//! `SET key value [NX|XX] [GET] [EX seconds|PX milliseconds|KEEPTTL]`: what may be left out stands in
//! brackets, choices are parted by bars, and what may be repeated shows how.

use crate::argument::{Argument, Kind};
use crate::declaration::Command;

impl<H> Command<H> {
    /// The arguments as a line of syntax, without the command's name.
    pub fn syntax(&self) -> String {
        let mut line = String::new();
        write_joined(self.arguments, ' ', &mut line);
        line
    }
}

impl Argument {
    /// The argument as a line of syntax shows it.
    pub fn syntax(&self) -> String {
        let mut line = String::new();
        self.write_syntax(&mut line);
        line
    }

    fn write_syntax(&self, line: &mut String) {
        if self.optional {
            line.push('[');
        }
        if let Some(token) = self.token {
            line.push_str(if token.is_empty() { "\"\"" } else { token });
            if !matches!(self.kind, Kind::Token) {
                line.push(' ');
            }
        }
        self.write_value(line);
        if self.multiple {
            line.push_str(" [");
            if let Some(token) = self.token.filter(|_| self.multiple_token) {
                line.push_str(token);
                line.push(' ');
            }
            self.write_value(line);
            line.push_str(" ...]");
        }
        if self.optional {
            line.push(']');
        }
    }

    /// What stands behind the token.
    fn write_value(&self, line: &mut String) {
        match self.kind {
            Kind::String
            | Kind::Integer
            | Kind::Double
            | Kind::Key
            | Kind::Pattern
            | Kind::UnixTime => line.push_str(self.display_text()),
            Kind::Token => {}
            Kind::OneOf(choices) => write_joined(choices, '|', line),
            Kind::Block(parts) => write_joined(parts, ' ', line),
        }
    }
}

fn write_joined(arguments: &[Argument], separator: char, line: &mut String) {
    for (index, argument) in arguments.iter().enumerate() {
        if 0 < index {
            line.push(separator);
        }
        argument.write_syntax(line);
    }
}
