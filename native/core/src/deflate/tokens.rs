//! What a text is cut into: literals of one byte, and matches with what was before.
#![forbid(unsafe_code)]

/// The lengths of matches.
pub const SHORTEST: usize = 3;
pub const LONGEST: usize = 258;

/// A literal or a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// Bytes that it covers: 1, or 3 to 258.
    pub length: u16,
    /// 0, or 1 to 2^15.
    pub distance: u16,
}

impl Token {
    pub const LITERAL: Self = Self { length: 1, distance: 0 };

    pub fn matching(length: usize, distance: usize) -> Self {
        Self { length: length as u16, distance: distance as u16 }
    }

    pub fn is_literal(self) -> bool {
        self.distance == 0
    }

    pub fn length(self) -> usize {
        usize::from(self.length)
    }

    pub fn distance(self) -> usize {
        usize::from(self.distance)
    }
}

/// Tokens in order, in four bytes for each match and each 511 literals without one.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    /// Literals in bits 0 to 8; unless these are ones, then a match: its length less 3 in bits 9 to
    /// 16, its distance less 1 in bits 17 to 31.
    items: Vec<u32>,
    /// Literals behind the items.
    literals: u32,
}

const FULL: u32 = 511;

impl Tokens {
    pub fn clear(&mut self) {
        self.items.clear();
        self.literals = 0;
    }

    #[inline]
    pub fn push_literal(&mut self) {
        self.literals += 1;
        if self.literals == FULL {
            self.items.push(FULL);
            self.literals = 0;
        }
    }

    #[inline]
    pub fn push_match(&mut self, length: usize, distance: usize) {
        let of_match = (length - SHORTEST) << 9 | (distance - 1) << 17;
        self.items.push(self.literals | of_match as u32);
        self.literals = 0;
    }

    #[inline]
    pub fn push(&mut self, token: Token) {
        if token.is_literal() {
            self.push_literal();
        } else {
            self.push_match(token.length(), token.distance());
        }
    }

    pub fn iter(&self) -> Iter<'_> {
        Iter { items: self.items.iter(), last: self.literals, literals: 0, then: None }
    }
}

/// The tokens, one by one.
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    items: std::slice::Iter<'a, u32>,
    /// Literals behind the last item.
    last: u32,
    /// Literals that come before anything else, and the match behind them.
    literals: u32,
    then: Option<Token>,
}

impl Iterator for Iter<'_> {
    type Item = Token;

    #[inline]
    fn next(&mut self) -> Option<Token> {
        while self.literals == 0 {
            if let Some(token) = self.then.take() {
                return Some(token);
            }
            if let Some(&item) = self.items.next() {
                self.literals = item & FULL;
                let (length, distance) = (item >> 9 & 255, item >> 17);
                self.then = (self.literals < FULL)
                    .then(|| Token::matching(length as usize + SHORTEST, distance as usize + 1));
            } else if self.last > 0 {
                self.literals = std::mem::take(&mut self.last);
            } else {
                return None;
            }
        }
        self.literals -= 1;
        Some(Token::LITERAL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back_in_order() {
        let matches = [(3, 1), (258, 1 << 15), (258, 1), (3, 1 << 15), (100, 12_345)];
        let mut expected = Vec::new();
        for literals in [0, 1, 2, 510, 511, 512, 1022, 2000, 0] {
            expected.extend(std::iter::repeat_n(Token::LITERAL, literals));
            expected.extend(matches.map(|(length, distance)| Token::matching(length, distance)));
        }
        for more in [0, 1, 511] {
            expected.extend(std::iter::repeat_n(Token::LITERAL, more));
            let mut tokens = Tokens::default();
            expected.iter().for_each(|&token| tokens.push(token));
            assert_eq!(tokens.iter().collect::<Vec<_>>(), expected);
        }
        let mut tokens = Tokens::default();
        tokens.push_literal();
        tokens.clear();
        assert_eq!(tokens.iter().next(), None);
    }
}
