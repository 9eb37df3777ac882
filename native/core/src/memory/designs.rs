//! The designs of the memory that the format knows.
#![forbid(unsafe_code)]

use super::contexts::{Context, Item};
use super::mixer::{Chooser, Pace};

/// What a memory consists of.
#[derive(Debug)]
pub struct Design {
    pub(crate) items: &'static [Item],
    /// Contexts of a part.
    pub(crate) part: usize,
    pub(crate) choosers: &'static [Chooser],
    /// How fast rows of weights learn.
    pub(crate) pace: Pace,
    /// The least lengths of matches.
    pub(crate) matches: &'static [u32],
}

const PACE: Pace = Pace { least: 91, more: 3634, half: 500 };

const fn shared(context: Context) -> Item {
    Item { context, own: false }
}

const fn own(context: Context) -> Item {
    Item { context, own: true }
}

/// What chooses the rows of eight sets, of which designs differ in the first.
const fn eight(first: Chooser) -> [Chooser; 8] {
    [
        first,
        Chooser::Node,
        Chooser::Last,
        Chooser::Match,
        Chooser::Classes,
        Chooser::Known,
        Chooser::Fields,
        Chooser::Two,
    ]
}

/// Some values and then others, `N` in all.
const fn joined<T: Copy, const N: usize>(first: &[T], then: &[T]) -> [T; N] {
    assert!(first.len() + then.len() == N, "there are so many");
    let mut all = [first[0]; N];
    let mut at = 1;
    while at < N {
        all[at] = if at < first.len() { first[at] } else { then[at - first.len()] };
        at += 1;
    }
    all
}

/// Values of which some have made room, by place.
const fn replaced<T: Copy, const N: usize>(values: &[T], places: &[(usize, T)]) -> [T; N] {
    let mut all: [T; N] = joined(values, &[]);
    let mut at = 0;
    while at < places.len() {
        all[places[at].0] = places[at].1;
        at += 1;
    }
    all
}

/// The first design for networks, which files that were written before `LAYOUT` name.
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
    choosers: &eight(Chooser::None),
    pace: PACE,
    matches: &[5, 10, 20],
};

/// `FULL`, but that five contexts that told least have made room for the columns of a line and the
/// shape of what was last.
pub static LAYOUT: Design = Design {
    items: &[
        shared(Context::Order(1)),
        shared(Context::Order(2)),
        shared(Context::Order(3)),
        shared(Context::Order(4)),
        shared(Context::Order(6)),
        shared(Context::Order(8)),
        shared(Context::Word),
        shared(Context::Pair),
        shared(Context::Skip),
        shared(Context::Triple),
        own(Context::Order(2)),
        own(Context::Order(3)),
        own(Context::Order(5)),
        own(Context::Word),
        shared(Context::Sparse(0b110)),
        shared(Context::Sparse(0b101)),
        shared(Context::Sparse(0b1100)),
        shared(Context::Indent),
        shared(Context::Specials),
        shared(Context::Format),
        shared(Context::Above),
        shared(Context::AboveWord),
        shared(Context::Record),
        shared(Context::Indirect),
        shared(Context::IndirectPair),
        shared(Context::Nest),
        shared(Context::NestWord),
        shared(Context::Column),
        shared(Context::ColumnAbove),
        shared(Context::Shape),
        shared(Context::SpecialsFormat),
        shared(Context::FieldTriple),
    ],
    ..FULL
};

/// `LAYOUT` without what tells nothing of text beside a network that knows its kind.
pub static BESIDE: Design = Design {
    items: &[
        shared(Context::Order(1)),
        shared(Context::Order(2)),
        shared(Context::Order(3)),
        shared(Context::Order(4)),
        shared(Context::Order(8)),
        shared(Context::Word),
        shared(Context::Pair),
        shared(Context::Skip),
        shared(Context::Triple),
        own(Context::Order(2)),
        own(Context::Order(3)),
        own(Context::Order(5)),
        own(Context::Word),
        shared(Context::Indent),
        shared(Context::Above),
        shared(Context::AboveWord),
        shared(Context::Indirect),
        shared(Context::IndirectPair),
        shared(Context::NestWord),
        shared(Context::Column),
        shared(Context::ColumnAbove),
        shared(Context::Shape),
        shared(Context::SpecialsFormat),
        shared(Context::FieldTriple),
    ],
    ..FULL
};

/// For one lane without a network, which most often reads bytes of programs and numbers: contexts
/// of a lane's own, which are shared ones there, and others of `LAYOUT` that told least have made
/// room for records, far bytes and what followed, and the one row of mixer weights for rows by
/// place.
pub static ALONE: Design = Design {
    items: &[
        shared(Context::Order(1)),
        shared(Context::Order(2)),
        shared(Context::Far),
        shared(Context::Order(4)),
        shared(Context::Order(6)),
        shared(Context::Sparse(0b10)),
        shared(Context::Place),
        shared(Context::Trend),
        shared(Context::Word),
        shared(Context::Pair),
        shared(Context::Skip),
        shared(Context::Triple),
        shared(Context::Sparse(0b110)),
        shared(Context::PairFollowed),
        shared(Context::Even),
        shared(Context::Halves),
        shared(Context::Sparse(0b1100)),
        shared(Context::Indent),
        shared(Context::Format),
        shared(Context::AboveWord),
        shared(Context::Record),
        shared(Context::Indirect),
        shared(Context::Sixteenth),
        shared(Context::Followed(0)),
        shared(Context::Nest),
        shared(Context::ThreeAbove),
        shared(Context::Column),
        shared(Context::ColumnAbove),
        shared(Context::Shape),
        shared(Context::SpecialsFormat),
        shared(Context::FieldTriple),
        shared(Context::Followed(1)),
    ],
    choosers: &eight(Chooser::Place),
    ..FULL
};

/// `ALONE` with more contexts and twice as many sets, which learn faster, where a file may take
/// time.
pub static WIDE: Design = Design {
    items: &joined::<_, 40>(
        ALONE.items,
        &[
            shared(Context::Nothing),
            shared(Context::Tops),
            shared(Context::Letters),
            shared(Context::LettersThen),
            shared(Context::Side),
            shared(Context::OtherSide),
            shared(Context::NestWord),
            shared(Context::Specials),
        ],
    ),
    choosers: &joined::<_, 16>(
        ALONE.choosers,
        &[
            Chooser::Sixteenth,
            Chooser::ClassesFourth,
            Chooser::Tops,
            Chooser::Second,
            Chooser::Third,
            Chooser::Reading,
            Chooser::Bit,
            Chooser::None,
        ],
    ),
    pace: Pace { least: 200, ..PACE },
    ..FULL
};

/// `WIDE` for what no network codes: what differs little at some lag, as rows of tables do, and what
/// strings say that numbers part, as pages do.
pub static LAGS: Design = Design {
    items: &joined::<_, 48>(
        &replaced::<_, 40>(
            WIDE.items,
            &[
                (7, shared(Context::PeriodTrend)),
                (25, shared(Context::FourAbove)),
                (34, shared(Context::StringWord)),
                (36, shared(Context::Characters(2))),
                (37, shared(Context::Characters(5))),
                (38, shared(Context::LagRow)),
                (39, shared(Context::LagCorner)),
            ],
        ),
        &[
            shared(Context::Corner),
            shared(Context::LagTrend),
            shared(Context::Lag(0)),
            shared(Context::Lag(1)),
            shared(Context::LagPlace),
            shared(Context::StringPair),
            shared(Context::Outside),
            shared(Context::FourPeriods),
        ],
    ),
    choosers: &replaced::<_, 16>(WIDE.choosers, &[(14, Chooser::Period)]),
    ..WIDE
};

/// For the fastest level: no network, one lane.
pub static LIGHT: Design = Design {
    items: &[
        shared(Context::Order(1)),
        shared(Context::Order(2)),
        shared(Context::Order(3)),
        shared(Context::Order(4)),
        shared(Context::Order(6)),
        shared(Context::Word),
        shared(Context::Pair),
        shared(Context::Nest),
    ],
    part: 8,
    choosers: &[Chooser::Match, Chooser::Last, Chooser::Node, Chooser::Classes],
    pace: PACE,
    matches: &[5, 12],
};

/// The design that a block names by its number.
#[must_use]
pub fn by_number(number: usize) -> Option<&'static Design> {
    [&LIGHT, &FULL, &LAYOUT, &BESIDE, &ALONE, &WIDE, &LAGS].get(number.checked_sub(1)?).copied()
}
