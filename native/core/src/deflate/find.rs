//! Where deflate streams may begin: behind the heads of zip, gzip and zlib.
#![forbid(unsafe_code)]

/// A place where a stream may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where its head begins.
    pub head: usize,
    pub start: usize,
    /// Bits of its window.
    pub window: u32,
}

/// The bytes that a head begins with.
const HEADS: [bool; 256] = {
    let mut heads = [false; 256];
    let mut window = 0;
    while window < 8 {
        heads[window << 4 | 8] = true;
        window += 1;
    }
    (heads[0x1F], heads[0x50]) = (true, true);
    heads
};

/// The first place from `at` on.
pub fn next(block: &[u8], mut at: usize) -> Option<Found> {
    loop {
        at += block.get(at..)?.iter().position(|&byte| HEADS[usize::from(byte)])?;
        let head = &block[at..];
        if let Some((size, window)) = zlib(head).or_else(|| zip(head)).or_else(|| gzip(head))
            && size <= head.len()
        {
            return Some(Found { head: at, start: at + size, window });
        }
        at += 1;
    }
}

/// The bytes of the head that these begin with, and the bits of the window.
fn zlib(head: &[u8]) -> Option<(usize, u32)> {
    let &[method, flags] = head.first_chunk()?;
    let window = u32::from(method >> 4) + 8;
    let is_head = method & 15 == 8
        && window <= 15
        && u16::from_be_bytes([method, flags]).is_multiple_of(31)
        && flags & 32 == 0;
    is_head.then_some((2, window.max(9)))
}

fn zip(head: &[u8]) -> Option<(usize, u32)> {
    let head: &[u8; 30] = head.first_chunk()?;
    let number = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
    let is_head = head.starts_with(b"PK\x03\x04") && number(8) == 8;
    is_head.then(|| (30 + usize::from(number(26)) + usize::from(number(28)), 15))
}

fn gzip(head: &[u8]) -> Option<(usize, u32)> {
    let &[_, _, _, flags, ..] = head.first_chunk::<10>()?;
    if !head.starts_with(b"\x1F\x8B\x08") || flags & 0xE0 != 0 {
        return None;
    }
    let mut size = 10;
    if flags & 4 != 0 {
        let extra: &[u8; 2] = head[size..].first_chunk()?;
        size += 2 + usize::from(u16::from_le_bytes(*extra));
    }
    for text in [8, 16] {
        if flags & text != 0 {
            size += head.get(size..)?.iter().position(|&byte| byte == 0)? + 1;
        }
    }
    Some((size + if flags & 2 != 0 { 2 } else { 0 }, 15))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(block: &[u8]) -> Option<(usize, usize, u32)> {
        next(block, 0).map(|Found { head, start, window }| (head, start, window))
    }

    #[test]
    fn heads_of_zlib_tell_their_window() {
        assert_eq!(found(b"..\x78\x9C"), Some((2, 4, 15)));
        assert_eq!(found(b"\x18\x95"), Some((0, 2, 9)));
        assert_eq!(found(b"\x08\x1D"), Some((0, 2, 9)));
        assert_eq!(found(b"\x78\x9D"), None);
        assert_eq!(found(b"\x78\xBB"), None, "a dictionary that is not here");
        assert_eq!(found(b"\x88\x1C"), None);
        assert_eq!(found(b"\x78"), None);
    }

    #[test]
    fn heads_of_gzip_have_what_their_flags_say() {
        let head = |flags: u8, rest: &[u8]| [b"\x1F\x8B\x08", &[flags][..], &[0; 6], rest].concat();
        assert_eq!(found(&head(0, b"")), Some((0, 10, 15)));
        assert_eq!(found(&head(31, b"\x02\x00..name\0comment\0##")), Some((0, 29, 15)));
        assert_eq!(found(&head(31, b"\x02\x00..name\0comment\0#")), None);
        assert_eq!(found(&head(8, b"name")), None);
        assert_eq!(found(&head(32, b"")), None);
        assert_eq!(found(&head(0, b"")[..9]), None);
        assert_eq!(found(&head(4, b"\x02\x00.")), None);
    }

    #[test]
    fn heads_of_zip_are_followed_by_names() {
        let mut head = b"PK\x03\x04\x14\0\0\0\x08\0".to_vec();
        head.resize(26, 0);
        head.extend(b"\x04\0\x03\0name...");
        assert_eq!(found(&head), Some((0, 37, 15)));
        assert_eq!(found(&head[..36]), None);
        head[8] = 0;
        assert_eq!(found(&head), None);
    }
}
