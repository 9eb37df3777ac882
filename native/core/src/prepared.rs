//! A memory that has read a text already: what a block has learned after its first bytes, kept in a
//! file, so that other blocks go on from there. `FORMAT.md`, section 6.
//!
//! What is kept is what any processor has at that place: plain integers, the lowest byte first.
#![forbid(unsafe_code)]

use crate::mapping::{Plain, bytes_of};
use std::fs::File;
use std::io;
#[cfg(not(unix))]
use std::io::{Read, Seek, SeekFrom};

/// The number of what is kept and in which order, which goes up with every change of it.
pub const STATE_VERSION: u32 = 2;

/// A text that was read, and the file that keeps what was learned of it.
#[derive(Debug)]
pub struct Prepared {
    text: Vec<u8>,
    file: File,
    from: u64,
}

impl Prepared {
    /// The text at one place of a file, and what was learned of it from another one on.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn open(file: File, text: std::ops::Range<u64>, from: u64) -> io::Result<Self> {
        let length = usize::try_from(text.end - text.start).map_err(io::Error::other)?;
        let mut read = vec![0; length];
        read_at(&file, &mut read, text.start)?;
        Ok(Self { text: read, file, from })
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// What gives a block all that was learned.
    pub(crate) fn walker(&self) -> Walker {
        let way = self.file.try_clone().map(|file| Way::Back { file, from: self.from });
        Walker { way: way.unwrap_or(Way::Lost), at: 0 }
    }
}

/// Reads bytes at a place of a file, whoever else reads it.
#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], place: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, place)
}

/// Reads bytes at a place of a file, whoever else reads it: handles share where they are.
#[cfg(not(unix))]
fn read_at(mut file: &File, bytes: &mut [u8], place: u64) -> io::Result<()> {
    static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock();
    file.seek(SeekFrom::Start(place))?;
    file.read_exact(bytes)
}

enum Way {
    /// What was learned is appended.
    Out(Vec<u8>),
    /// It comes back from a file.
    Back { file: File, from: u64 },
    /// The file does not hold it.
    Lost,
}

/// Visits all that a block has learned, always in the same order: to keep it, or to give it back.
pub(crate) struct Walker {
    way: Way,
    /// Bytes so far.
    at: usize,
}

/// Whole numbers of few.
pub(crate) trait Number: Copy {
    fn to_u64(self) -> u64;
    fn of_u64(value: u64) -> Self;
}

macro_rules! number {
    ($($kind:ty),*) => {
        $(impl Number for $kind {
            fn to_u64(self) -> u64 {
                self as u64
            }

            fn of_u64(value: u64) -> Self {
                value as Self
            }
        })*
    };
}

number!(u8, u16, u32, u64, usize, i32);

impl Number for bool {
    fn to_u64(self) -> u64 {
        self.into()
    }

    fn of_u64(value: u64) -> Self {
        value != 0
    }
}

impl Walker {
    /// What keeps.
    pub(crate) fn out() -> Self {
        Self { way: Way::Out(Vec::new()), at: 0 }
    }

    /// What was kept.
    pub(crate) fn kept(self) -> Vec<u8> {
        match self.way {
            Way::Out(kept) => kept,
            Way::Back { .. } | Way::Lost => Vec::new(),
        }
    }

    /// Whether the file held all that was asked of it.
    pub(crate) fn is_whole(&self) -> bool {
        !matches!(self.way, Way::Lost)
    }

    /// Visits a number.
    pub(crate) fn number<N: Number>(&mut self, number: &mut N) {
        let mut bytes = number.to_u64().to_le_bytes();
        self.bytes(&mut bytes);
        *number = N::of_u64(u64::from_le_bytes(bytes));
    }

    /// Visits values.
    pub(crate) fn values<T: Plain>(&mut self, values: &mut [T]) {
        if cfg!(target_endian = "big") {
            self.way = Way::Lost;
        }
        self.bytes(bytes_of(values));
    }

    fn bytes(&mut self, bytes: &mut [u8]) {
        match &mut self.way {
            Way::Out(kept) => kept.extend_from_slice(bytes),
            Way::Back { file, from } => {
                if read_at(file, bytes, *from + self.at as u64).is_err() {
                    self.way = Way::Lost;
                }
            }
            Way::Lost => (),
        }
        self.at += bytes.len();
    }
}
