//! The designs of the memory that the format knows.
#![forbid(unsafe_code)]

use super::contexts::{Context, Item};
use super::mixer::Chooser;

/// What a memory consists of.
#[derive(Debug)]
pub struct Design {
    pub(crate) items: &'static [Item],
    /// Contexts of a part.
    pub(crate) part: usize,
    pub(crate) choosers: &'static [Chooser],
    /// Sets of mixer weights that one task looks after.
    pub(crate) group: usize,
    /// Least lengths of matches, the one that is asked last first... longest last.
    pub(crate) matches: &'static [u32],
}

const fn shared(context: Context) -> Item {
    Item { context, own: false }
}

const fn own(context: Context) -> Item {
    Item { context, own: true }
}

/// For networks, and for files that may take time.
pub static FULL: Design = Design {
    items: &[
        shared(Context::Order(1)),
        shared(Context::Order(2)),
        shared(Context::Order(3)),
        shared(Context::Order(4)),
        shared(Context::Order(5)),
        shared(Context::Order(6)),
        shared(Context::Order(8)),
        shared(Context::Word),
        shared(Context::Pair),
        shared(Context::Skip),
        shared(Context::Triple),
        own(Context::Order(2)),
        own(Context::Order(3)),
        own(Context::Order(4)),
        own(Context::Order(5)),
        own(Context::Word),
        own(Context::Pair),
        shared(Context::Sparse(0b110)),
        shared(Context::Sparse(0b101)),
        shared(Context::Sparse(0b1100)),
        shared(Context::Indent),
        shared(Context::Specials),
        shared(Context::Format),
        shared(Context::Field),
        shared(Context::Above),
        shared(Context::AboveWord),
        shared(Context::Record),
        shared(Context::RecordPair),
        shared(Context::Indirect),
        shared(Context::IndirectPair),
        shared(Context::Nest),
        shared(Context::NestWord),
    ],
    part: 8,
    choosers: &[
        Chooser::None,
        Chooser::Node,
        Chooser::Last,
        Chooser::Match,
        Chooser::Classes,
        Chooser::Known,
        Chooser::Fields,
        Chooser::Two,
    ],
    group: 2,
    matches: &[5, 10, 20],
};

#[allow(missing_docs)]
pub static LA: Design = Design {
    items: &[shared(Context::Order(1)), shared(Context::Order(2)), shared(Context::Order(3)), shared(Context::Order(4)), shared(Context::Order(6)), shared(Context::Word), shared(Context::Pair), shared(Context::Order(5))],
    part: 8,
    choosers: &[Chooser::Match, Chooser::Last],
    group: 8,
    matches: &[6],
};
#[allow(missing_docs)]
pub static LB: Design = Design {
    items: &[shared(Context::Order(1)), shared(Context::Order(2)), shared(Context::Order(3)), shared(Context::Order(4)), shared(Context::Order(6)), shared(Context::Word), shared(Context::Pair), shared(Context::Nest)],
    part: 8,
    choosers: &[Chooser::Match, Chooser::Last],
    group: 8,
    matches: &[6],
};
#[allow(missing_docs)]
pub static LC: Design = Design {
    items: &[shared(Context::Order(1)), shared(Context::Order(2)), shared(Context::Order(3)), shared(Context::Order(4)), shared(Context::Order(6)), shared(Context::Word), shared(Context::Pair), shared(Context::Nest)],
    part: 8,
    choosers: &[Chooser::Match, Chooser::Last, Chooser::Node],
    group: 8,
    matches: &[6],
};
#[allow(missing_docs)]
pub static LD: Design = Design {
    items: &[shared(Context::Order(1)), shared(Context::Order(2)), shared(Context::Order(3)), shared(Context::Order(4)), shared(Context::Order(6)), shared(Context::Word), shared(Context::Pair), shared(Context::Nest)],
    part: 8,
    choosers: &[Chooser::Match, Chooser::Last, Chooser::Classes],
    group: 8,
    matches: &[6],
};
#[allow(missing_docs)]
pub static LE: Design = Design {
    items: &[shared(Context::Order(1)), shared(Context::Order(2)), shared(Context::Order(3)), shared(Context::Order(4)), shared(Context::Order(6)), shared(Context::Word), shared(Context::Pair), shared(Context::IndirectPair)],
    part: 8,
    choosers: &[Chooser::Match, Chooser::Last, Chooser::Node],
    group: 8,
    matches: &[6],
};
#[allow(missing_docs)]
pub static LF: Design = Design {
    items: &[shared(Context::Order(1)), shared(Context::Order(2)), shared(Context::Order(3)), shared(Context::Order(4)), shared(Context::Order(6)), shared(Context::Word), shared(Context::Pair), shared(Context::Sparse(0b110))],
    part: 8,
    choosers: &[Chooser::Match, Chooser::Last, Chooser::Node],
    group: 8,
    matches: &[6],
};
#[allow(missing_docs)]
pub static LG: Design = Design {
    items: &[shared(Context::Order(1)), shared(Context::Order(2)), shared(Context::Order(3)), shared(Context::Order(4)), shared(Context::Order(6)), shared(Context::Word), shared(Context::Pair), shared(Context::Nest)],
    part: 8,
    choosers: &[Chooser::Match, Chooser::Last, Chooser::Node, Chooser::Classes],
    group: 8,
    matches: &[5, 12],
};
#[allow(missing_docs)]
pub static LH: Design = Design {
    items: &[shared(Context::Order(1)), shared(Context::Order(2)), shared(Context::Order(3)), shared(Context::Order(4)), shared(Context::Order(6)), shared(Context::Word), shared(Context::Pair), shared(Context::Nest), shared(Context::Indirect), shared(Context::Field), shared(Context::AboveWord), shared(Context::Sparse(0b110)), shared(Context::Sparse(0b101)), shared(Context::Record), shared(Context::Order(5)), shared(Context::Format)],
    part: 8,
    choosers: &[Chooser::Match, Chooser::Last, Chooser::Node, Chooser::Classes, Chooser::Fields, Chooser::Two],
    group: 2,
    matches: &[5, 12],
};

/// The design of a name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Design> {
    match name {
        "full" => Some(&FULL),
        "la" => Some(&LA),
        "lb" => Some(&LB),
        "lc" => Some(&LC),
        "ld" => Some(&LD),
        "le" => Some(&LE),
        "lf" => Some(&LF),
        "lg" => Some(&LG),
        "lh" => Some(&LH),

        _ => None,
    }
}
