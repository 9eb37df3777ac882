//! What came last after the longest contexts that the memory knows, for bytes that are yet to come.
#![forbid(unsafe_code)]

use super::contexts::{Context, order};
use super::crew::Alone;
use super::designs::Design;

/// The contexts of a design that are made of last bytes alone, the longest first: their hashes are
/// known for any text, which those of other contexts are not before a reader has read it. Those of
/// two bytes and more that lanes share.
pub(crate) struct Runs {
    /// The number of a context's part, and its bytes.
    contexts: Vec<(usize, u32)>,
}

impl Runs {
    pub(crate) fn new(design: &Design) -> Self {
        let parts = design.items.chunks(design.part).enumerate();
        let mut contexts: Vec<_> = parts
            .flat_map(|(part, items)| items.iter().map(move |item| (part, item)))
            .filter_map(|(part, item)| match item.context {
                Context::Order(bytes) if bytes > 1 && !item.own => Some((part, bytes)),
                _ => None,
            })
            .collect();
        contexts.sort_by_key(|&(_, bytes)| std::cmp::Reverse(bytes));
        Self { contexts }
    }

    /// What came last after the longest known context of these last bytes, the newest lowest: the
    /// byte, the context's number, and the run's, below 16.
    pub(crate) fn longest(&self, memory: &Alone, last: u64) -> Option<(u8, usize, usize)> {
        self.contexts.iter().enumerate().find_map(|(number, &(part, bytes))| {
            let (byte, run) = memory.parts.get(part)?.run(order(bytes, last))?;
            Some((byte, number, run))
        })
    }
}
