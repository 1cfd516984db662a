//! What a line may cost.

use super::super::LIMIT;

/// The most commands of a line that are looked at, those that others start among them: functions that call functions
/// are many.
const STEPS: usize = 8192;

/// The most bytes that a line costs: of words and scripts, as often as they are read, and of what each program is told
/// of its surroundings.
const BYTES: usize = 8 * LIMIT;

/// What is left.
#[derive(Debug)]
pub(super) struct Cost {
    steps: usize,
    bytes: usize,
    /// Whether it was not enough.
    cut: bool,
}

impl Default for Cost {
    fn default() -> Self {
        Self { steps: STEPS, bytes: BYTES, cut: false }
    }
}

impl Cost {
    /// Takes the cost of a command. Returns whether that was left.
    pub(super) fn step(&mut self) -> bool {
        self.cut |= self.steps == 0;
        self.steps = self.steps.saturating_sub(1);
        !self.cut
    }

    /// Takes the cost of so many bytes. Returns whether that was left.
    pub(super) fn spend(&mut self, bytes: usize) -> bool {
        self.cut |= bytes > self.bytes;
        self.bytes = self.bytes.saturating_sub(bytes);
        !self.cut
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }
}
