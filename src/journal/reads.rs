//! What a journal asks of those who read command lines.

use crate::shell::{Started, Starts};

/// What is known of command lines while a journal is made.
#[derive(Clone, Copy)]
pub struct Reads<'a> {
    /// Says of an argv whether it tells what is needed: the journal keeps it.
    pub keeps: &'a dyn Fn(&[&str]) -> bool,
    /// Says what an argv starts: of a command line that is only told of, nobody saw it.
    pub starts: Starts<'a>,
}

impl Reads<'static> {
    /// Knows nothing.
    pub const NOTHING: Self = Self { keeps: &keeps_nothing, starts: &starts_nothing };
}

fn keeps_nothing(_argv: &[&str]) -> bool {
    false
}

fn starts_nothing(_argv: &[&str]) -> Option<Started> {
    None
}
