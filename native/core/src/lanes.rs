//! Lanes: contiguous parts of a block, coded in lock step, one byte of each at a time.
#![forbid(unsafe_code)]

/// How a block of some length lies in its lanes.
///
/// The first `length % lanes` lanes hold one byte more than the others. A *place* is
/// `step * lanes + lane`: rows of one byte a lane follow each other.
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

    /// Places of the rectangle, the missing bytes of short lanes included.
    pub(crate) fn size(&self) -> usize {
        self.steps() * self.lanes
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

    /// Bytes by place; missing ones are 0.
    pub(crate) fn to_rows(self, block: &[u8]) -> Vec<u8> {
        let mut rows = vec![0; self.size()];
        for (lane, range) in self.ranges().enumerate() {
            for (step, &byte) in block[range].iter().enumerate() {
                rows[step * self.lanes + lane] = byte;
            }
        }
        rows
    }

    /// The inverse of `to_rows`.
    pub(crate) fn to_block(self, rows: &[u8]) -> Vec<u8> {
        let mut block = vec![0; self.length];
        for (lane, range) in self.ranges().enumerate() {
            for (step, byte) in block[range].iter_mut().enumerate() {
                *byte = rows[step * self.lanes + lane];
            }
        }
        block
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_back_and_steps_have_their_lanes() {
        for (length, lanes) in [(1, 1), (7, 2), (8, 8), (1000, 16), (1023, 512), (5, 4)] {
            let block: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
            let shape = Lanes { length, lanes };
            let rows = shape.to_rows(&block);
            assert_eq!(rows.len(), shape.steps() * lanes);
            assert_eq!(shape.to_block(&rows), block);
            let active: usize = (0..shape.steps()).map(|step| shape.active(step)).sum();
            assert_eq!(active, length);
        }
        assert_eq!(Lanes { length: 5, lanes: 2 }.to_rows(&[1, 2, 3, 4, 5]), [1, 4, 2, 5, 3, 0]);
    }
}
