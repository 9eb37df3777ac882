//! The tokens that zlib cuts a text into. `FORMAT.md`, section 7.3.
#![forbid(unsafe_code)]

use super::chains::{Chains, Effort, Shape};
use super::tokens::{SHORTEST, Token};

/// The distance from which on a match of the shortest length is none.
const TOO_FAR: usize = 4096;
/// The first level that looks at the next position before it takes a match.
const LAZY: usize = 4;

/// Foresees one token after the other.
pub struct Foreseer<'a> {
    text: &'a [u8],
    chains: &'a mut Chains,
    effort: Effort,
    is_lazy: bool,
    /// Where the next token begins.
    at: usize,
    /// The match that was found there already.
    held: Option<Token>,
    /// The one that is held if the token is the foreseen one.
    ahead: Option<Token>,
}

impl<'a> Foreseer<'a> {
    pub fn new(text: &'a [u8], shape: Shape, chains: &'a mut Chains) -> Self {
        chains.begin(shape);
        let effort = Effort::of(shape.level);
        let is_lazy = shape.level >= LAZY;
        Self { text, chains, effort, is_lazy, at: 0, held: None, ahead: None }
    }

    /// Where the next token begins.
    pub fn at(&self) -> usize {
        self.at
    }

    /// The byte there.
    pub fn byte(&self) -> u8 {
        self.text[self.at]
    }

    /// The next token of a text that has not ended, if it is as foreseen.
    #[inline]
    pub fn foresee(&mut self) -> Token {
        let (p, effort) = (self.at, self.effort);
        let least = SHORTEST - 1;
        self.ahead = None;
        if !self.is_lazy {
            return self.chains.find(self.text, p, least, effort).unwrap_or(Token::LITERAL);
        }
        let near = |token: &Token| token.length() > SHORTEST || token.distance() <= TOO_FAR;
        let found =
            self.held.or_else(|| self.chains.find(self.text, p, least, effort).filter(near));
        let Some(found) = found else {
            return Token::LITERAL;
        };
        if found.length() < effort.lazy {
            self.ahead = self.chains.find(self.text, p + 1, found.length(), effort);
        }
        if self.ahead.is_some() { Token::LITERAL } else { found }
    }

    /// Goes on behind the token that was foreseen last.
    #[inline]
    pub fn accept(&mut self, foreseen: Token) {
        self.held = self.ahead.take();
        self.pass(foreseen);
    }

    /// Goes on behind a token whatever is foreseen; it ends within the text.
    #[inline]
    pub fn correct(&mut self, token: Token) {
        self.held = None;
        self.pass(token);
    }

    fn pass(&mut self, token: Token) {
        let end = self.at + token.length();
        if self.is_lazy || token.length() <= self.effort.lazy {
            self.chains.enter(self.text, end);
        } else {
            self.chains.enter(self.text, self.at + 1);
            self.chains.leave(end);
        }
        self.at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tokens of a text, corrected where told: lengths, and distances of matches.
    fn tokens(text: &[u8], level: usize, corrected: &[(usize, Token)]) -> Vec<(usize, usize)> {
        let shape = Shape { level, window: 15, large: false, wide: false };
        let mut chains = Chains::default();
        let mut foreseer = Foreseer::new(text, shape, &mut chains);
        let mut tokens = Vec::new();
        while foreseer.at() < text.len() {
            let mut token = foreseer.foresee();
            match corrected.iter().find(|(at, _)| *at == foreseer.at()) {
                Some(&(_, other)) => {
                    token = other;
                    foreseer.correct(token);
                }
                None => foreseer.accept(token),
            }
            tokens.push((token.length(), token.distance()));
        }
        tokens
    }

    const TEXT: &[u8] = b".abcd.bcdefghij.abcdefghij";

    #[test]
    fn higher_levels_wait_for_a_longer_match() {
        let (eager, lazy) = (tokens(TEXT, 1, &[]), tokens(TEXT, 6, &[]));
        let first: Vec<_> =
            [&[(1, 0); 6][..], &[(3, 4)], &[(1, 0); 7]].into_iter().flatten().copied().collect();
        assert_eq!((&eager[..14], &lazy[..14]), (&first[..], &first[..]));
        assert_eq!(eager[14..], [(4, 15), (6, 11)]);
        assert_eq!(lazy[14..], [(1, 0), (9, 11)]);
    }

    #[test]
    fn after_a_correction_nothing_is_held() {
        let plain = tokens(TEXT, 6, &[]);
        let at = TEXT.len() - 10;
        let literal = tokens(TEXT, 6, &[(at, Token::LITERAL)]);
        assert_eq!(plain, literal, "the held match is found again");
        let far = tokens(TEXT, 6, &[(at, Token::matching(3, 15))]);
        assert_eq!(far[far.len() - 2..], [(3, 15), (7, 11)]);
    }

    #[test]
    fn a_short_match_far_away_is_none_where_one_waits() {
        let mut text = b".abc".to_vec();
        text.extend((0..2100_u32).flat_map(|i| [128 + (i / 120) as u8, 1 + (i % 120) as u8]));
        text.extend(b"abc");
        let last = |level| *tokens(&text, level, &[]).last().unwrap();
        assert_eq!(last(3), (3, 4203));
        assert_eq!(last(4), (1, 0));
    }

    #[test]
    fn long_matches_leave_no_positions_behind_them_at_low_levels() {
        let text = b".abcdefgh|.abcdefgh#bcd";
        assert_eq!(*tokens(text, 1, &[]).last().unwrap(), (3, 18));
        assert_eq!(*tokens(text, 6, &[]).last().unwrap(), (3, 8));
    }
}
