//! Deflate streams in a block: unpacked, and made again as zlib makes them. `FORMAT.md`, section 7.
//!
//! Imports go one way: `bits` < `tokens` < `codes` < `inflate`, `chains` < `foresee` <
//! `corrections` < `stream`, `find` < `parts`.
#![forbid(unsafe_code)]

mod bits;
mod chains;
mod codes;
mod corrections;
mod find;
mod foresee;
mod inflate;
mod parts;
mod stream;
#[cfg(test)]
mod tests;
mod tokens;

pub use parts::{rebuild, unpack};
