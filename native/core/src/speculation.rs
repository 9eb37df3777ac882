//! Speculation: the network reads drafted bytes beside the one that came, as if they had come too,
//! so that its evidence is there as long as they do. The bytes of a block do not depend on it.
//!
//! A product of few rows takes about as long as one of a single row, as it waits for the weights. So a
//! decoder of few lanes, which knows one byte of each at a time, drafts the next ones: the range
//! decoder itself tells whether they were right. Evidence after a wrong one is thrown away, and the
//! network's state before it is taken back.
#![forbid(unsafe_code)]

use crate::drafts::{Draft, KINDS, Latest, Proposal, Small};
use crate::memory::designs::Design;
use crate::memory::{Alone, Runs};
use crate::network::{Group, Isa, Network, Row};
use crate::shape::VOCABULARY;

/// Drafted bytes of a lane at most.
pub const MAX_WIDTH: usize = 16;

/// What drafts bytes.
#[derive(Clone, Copy)]
pub enum Drafts<'a> {
    /// The last match.
    Match,
    /// The runs of the memory's contexts.
    Memory,
    /// A small network, of any weights.
    Network(&'a Network),
}

/// How a decoder drafts.
#[derive(Clone, Copy)]
pub struct Speculation<'a> {
    /// What drafts.
    pub drafts: Drafts<'a>,
    /// Bytes ahead at most, 1 to `MAX_WIDTH`.
    pub width: usize,
}

/// Whether a decoder drafts. It never does in several threads.
#[derive(Clone, Copy, Default)]
pub enum Speculate<'a> {
    /// Where it was measured to be faster.
    #[default]
    Usual,
    /// Nowhere.
    Never,
    /// As it is said.
    So(Speculation<'a>),
}

/// What is drafted where nobody says otherwise and it was measured to be faster: in one lane, by the
/// kernels that are the fastest beside their wait for weights.
const USUAL: Speculation<'static> = Speculation { drafts: Drafts::Memory, width: 4 };

impl<'a> Speculate<'a> {
    /// What a decoder of so many lanes does, whose network has kernels of an instruction set.
    pub(crate) fn of(self, lanes: usize, isa: Isa) -> Option<Speculation<'a>> {
        match self {
            Self::Usual => (lanes == 1 && isa == Isa::Avx512Vnni).then_some(USUAL),
            Self::Never => None,
            Self::So(speculation) => Some(speculation),
        }
    }
}

/// What a decoder's network has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Bytes of the longest lane.
    pub steps: usize,
    /// Times that the network was evaluated, for some rows at once.
    pub passes: usize,
    /// Bytes that it read, drafted ones among them.
    pub rows: usize,
    /// Drafted bytes that it read, and those of them that came.
    pub drafted: usize,
    /// See `drafted`.
    pub hits: usize,
}

/// The probability of a certain proposal.
const CERTAIN: u32 = 1 << 16;
/// In one lane, drafted bytes are read where they come at least this often, of `CERTAIN`: about as
/// much of a pass of one row as another row takes. Where all of several lanes must be right to save
/// one, they must be surer.
fn least(isa: Isa, lanes: usize) -> u64 {
    let fifths = match isa {
        Isa::Avx512Vnni => 1,
        Isa::Avx2 => 2,
        Isa::Portable | Isa::NeonDot => 3,
    };
    u64::from(CERTAIN) * (fifths * lanes as u64).min(4) / 5
}

/// Binary logarithm of the proposals that a probability averages over.
const PACE: u32 = 5;

/// A lane, and how far the network is ahead of it.
struct Lane {
    /// A byte that came and that the network has not read.
    unread: Option<u8>,
    /// What was proposed of the next bytes.
    proposals: Vec<Proposal>,
    /// The network has read so many of them.
    drafted: usize,
    /// After the last byte that came, then after each of the drafted ones.
    evidence: Vec<i32>,
}

/// A decoder's network that reads drafts.
pub(crate) struct Ahead<'a> {
    draft: Box<dyn Draft + 'a>,
    width: usize,
    lanes: Vec<Lane>,
    /// By kind of proposal, how often it is right, of `CERTAIN`.
    hopes: [u32; KINDS],
    /// How likely drafted bytes must be, of `CERTAIN`.
    least: u64,
    rows: Vec<Row>,
    evidence: Vec<i32>,
    pub(crate) tally: Tally,
}

impl<'a> Ahead<'a> {
    /// For a block of this design, with what is known of its first lane beforehand.
    pub(crate) fn new(
        speculation: Speculation<'a>,
        design: &Design,
        length: usize,
        lanes: usize,
        isa: Isa,
        known: &[u8],
    ) -> Self {
        let width = speculation.width;
        assert!((1..=MAX_WIDTH).contains(&width), "drafts are of 1 to {MAX_WIDTH} bytes");
        let draft: Box<dyn Draft> = match speculation.drafts {
            Drafts::Match => {
                let mut draft = Latest::new(length, lanes);
                known.iter().for_each(|&byte| draft.take(0, byte));
                Box::new(draft)
            }
            Drafts::Memory => Box::new(Runs::new(design)),
            Drafts::Network(network) => Box::new(Small::new(network, lanes, width)),
        };
        let lane = || Lane {
            unread: None,
            proposals: Vec::new(),
            drafted: 0,
            evidence: Vec::with_capacity((width + 1) * VOCABULARY),
        };
        Self {
            draft,
            width,
            lanes: (0..lanes).map(|_| lane()).collect(),
            hopes: [CERTAIN / 2; KINDS],
            least: least(isa, lanes),
            rows: Vec::new(),
            evidence: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// Rows that the network reads at a time, at most, for so many lanes.
    pub(crate) fn room(speculation: Speculation<'_>, lanes: usize) -> usize {
        lanes * (speculation.width + 1)
    }

    /// Fills in what comes after the byte that came in each lane, where `left` more are to come in
    /// the longest one.
    pub(crate) fn step(
        &mut self,
        group: &mut dyn Group,
        came: &[u8],
        left: usize,
        memory: &Alone,
        evidence: &mut [i32],
    ) {
        self.tally.steps += 1;
        for (lane, &byte) in came.iter().enumerate() {
            self.take(lane, byte, group);
        }
        if self.lanes.iter().any(|lane| lane.unread.is_some()) {
            self.read(group, self.width.min(left - 1), memory);
        }
        for (lane, evidence) in self.lanes.iter().zip(evidence.chunks_exact_mut(VOCABULARY)) {
            evidence.copy_from_slice(&lane.evidence[..VOCABULARY]);
        }
    }

    /// Takes a byte that came in a lane.
    fn take(&mut self, number: usize, byte: u8, group: &mut dyn Group) {
        self.draft.take(number, byte);
        let lane = &mut self.lanes[number];
        if !lane.proposals.is_empty() {
            let proposal = lane.proposals.remove(0);
            let (right, hope) = (proposal.byte == byte, &mut self.hopes[proposal.kind]);
            *hope =
                if right { *hope + ((CERTAIN - *hope) >> PACE) } else { *hope - (*hope >> PACE) };
            if right && lane.drafted > 0 {
                lane.drafted -= 1;
                lane.evidence.drain(..VOCABULARY);
                self.tally.hits += 1;
                return;
            }
        }
        group.back(number, lane.drafted);
        lane.proposals.clear();
        lane.evidence.clear();
        lane.drafted = 0;
        lane.unread = Some(byte);
    }

    /// Has the network read what came, and what is drafted, up to so many bytes ahead.
    fn read(&mut self, group: &mut dyn Group, most: usize, memory: &Alone) {
        self.rows.clear();
        for number in 0..self.lanes.len() {
            let from = self.lanes[number].drafted;
            self.propose(number, most, memory);
            let lane = &mut self.lanes[number];
            let drafted = lane.proposals[from..lane.drafted].iter().map(|proposal| proposal.byte);
            let rows = lane.unread.take().into_iter().chain(drafted);
            self.rows.extend(rows.map(|byte| Row { lane: number, byte }));
            self.tally.drafted += lane.drafted - from;
        }
        self.evidence.resize(self.rows.len() * VOCABULARY, 0);
        group.step(&self.rows, &mut self.evidence);
        for (row, evidence) in self.rows.iter().zip(self.evidence.chunks_exact(VOCABULARY)) {
            self.lanes[row.lane].evidence.extend_from_slice(evidence);
        }
        self.tally.passes += 1;
        self.tally.rows += self.rows.len();
    }

    /// Drafts a lane's next bytes, as long as all of them are likely enough to come.
    fn propose(&mut self, number: usize, most: usize, memory: &Alone) {
        let lane = &mut self.lanes[number];
        let mut drafted: Vec<u8> = Vec::with_capacity(self.width);
        let mut likely = u64::from(CERTAIN);
        while drafted.len() < most {
            let at = drafted.len();
            if at == lane.proposals.len() {
                match self.draft.propose(number, &drafted, memory) {
                    Some(proposal) => lane.proposals.push(proposal),
                    None => return,
                }
            }
            let proposal = lane.proposals[at];
            likely = likely * u64::from(self.hopes[proposal.kind]) / u64::from(CERTAIN);
            if at >= lane.drafted {
                if likely < self.least {
                    return;
                }
                lane.drafted += 1;
            }
            drafted.push(proposal.byte);
        }
    }
}
