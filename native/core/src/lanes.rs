//! Lanes: contiguous parts of a block, coded in lock step, one byte of each at a time.
#![forbid(unsafe_code)]

/// How a block of some length lies in its lanes.
///
/// The first `length % lanes` lanes hold one byte more than the others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lanes {
    pub(crate) length: usize,
    pub(crate) lanes: usize,
}

impl Lanes {
    /// Rows that hold at least one byte.
    pub(crate) fn steps(&self) -> usize {
        self.length.div_ceil(self.lanes)
    }

    /// The lanes, from the first on, that have a byte at this step.
    pub(crate) fn active(&self, step: usize) -> usize {
        self.lanes.min(self.length - step * self.lanes)
    }

    /// For each lane the range of its bytes in the block.
    pub(crate) fn ranges(self) -> impl Iterator<Item = std::ops::Range<usize>> {
        let (short, extra) = (self.length / self.lanes, self.length % self.lanes);
        (0..self.lanes).map(move |lane| {
            let start = lane * short + lane.min(extra);
            start..start + short + usize::from(lane < extra)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_follow_each_other_and_steps_have_their_lanes() {
        for (length, lanes) in [(1, 1), (7, 2), (8, 8), (1000, 16), (1023, 512), (5, 4)] {
            let shape = Lanes { length, lanes };
            let mut end = 0;
            for (lane, range) in shape.ranges().enumerate() {
                assert_eq!(range.start, end);
                end = range.end;
                let steps = (0..shape.steps()).filter(|&step| lane < shape.active(step)).count();
                assert_eq!(range.len(), steps);
            }
            assert_eq!(end, length);
        }
    }
}
