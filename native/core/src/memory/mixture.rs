//! What is told of the mixture to whoever trains a network beside the memory.
#![forbid(unsafe_code)]

/// How a bit of a lane is mixed. What the mixer's final row says is, to first order in what the
/// network says, its value here and `weight` for each bit of stretch more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mixture {
    /// The byte in its lane, the lane, and the bit in the byte, 0 being the most significant.
    pub step: usize,
    /// See `step`.
    pub lane: usize,
    /// See `step`.
    pub bit: usize,
    /// The stretch of a 1 by the final row, before the probability maps; in 1/256 bit.
    pub stretch: i32,
    /// The stretch of a 1 by the network, likewise; 0 where there is none.
    pub network: i32,
    /// How much of the network's stretch is in the final row's, in 2^-14.
    pub weight: i32,
}

/// What is told of every bit of every lane, in the order in which they are coded.
pub type Observer<'a> = &'a mut dyn FnMut(Mixture);
