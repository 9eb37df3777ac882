//! The command line.

use kolmozip_core::memory::designs::{self, Design};
use kolmozip_core::transform::Transform;
use std::path::PathBuf;
use std::str::FromStr;

/// What `rig` says of itself.
pub const USAGE: &str = "\
Codes files with a design of the memory, and says what comes of it.

rig [NAME=VALUE]... FILE...
    A line for each file: bytes, bytes of the payload, bits/char, microseconds a byte.
rig record weights=W out=F [NAME=VALUE]... FILE
    Writes what a network says of each bit of the file, 16 bytes for each of its bytes.

    design=2        number of the memory's design, as a block names it
    lanes=16        lanes
    mb=256          MiB of hash tables; with 0 the fewest lines there are
    threads=1       threads
    weights=W       a network beside the memory, from this weights file
    replay=F        what `rig record` wrote of the file, in the network's place; it has the lanes
    transform=1     a transform by its number in the format
    decode=1        restore the file as well, and compare
    out=F           write the payload

KOLMOZIP_ISA names the instruction set.";

/// What was asked for.
pub struct Arguments {
    /// Whether to record.
    pub record: bool,
    /// The memory.
    pub design: &'static Design,
    /// Lanes, where they were named.
    pub lanes: Option<usize>,
    /// MiB of hash tables.
    pub tables: usize,
    /// See `USAGE`.
    pub threads: usize,
    /// See `USAGE`.
    pub weights: Option<PathBuf>,
    /// See `USAGE`.
    pub replay: Option<PathBuf>,
    /// See `USAGE`.
    pub transform: Transform,
    /// See `USAGE`.
    pub decode: bool,
    /// See `USAGE`.
    pub out: Option<PathBuf>,
    /// At least one.
    pub files: Vec<PathBuf>,
}

impl Arguments {
    /// Reads the command line; the error says what is wrong with it.
    pub fn read(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut arguments = arguments.peekable();
        let record = arguments.next_if_eq("record").is_some();
        let mut read = Self {
            record,
            design: &designs::FULL,
            lanes: None,
            tables: 256,
            threads: 1,
            weights: None,
            replay: None,
            transform: Transform::None,
            decode: false,
            out: None,
            files: Vec::new(),
        };
        for argument in arguments {
            match argument.split_once('=') {
                None => read.files.push(argument.into()),
                Some(("design", value)) => {
                    read.design = designs::by_number(number(&argument, value, 0..=usize::MAX)?)
                        .ok_or_else(|| format!("{argument}: there is no such design"))?;
                }
                Some(("lanes", value)) => {
                    read.lanes = Some(number(&argument, value, 1..=1 << 15)?);
                }
                Some(("mb", value)) => read.tables = number(&argument, value, 0..=4096)?,
                Some(("threads", value)) => read.threads = number(&argument, value, 1..=1024)?,
                Some(("weights", value)) => read.weights = Some(value.into()),
                Some(("replay", value)) => read.replay = Some(value.into()),
                Some(("transform", value)) => {
                    let known = number(&argument, value, 0..=255)? as u8;
                    read.transform = Transform::by_number(known)
                        .ok_or_else(|| format!("{argument}: there is no such transform"))?;
                }
                Some(("decode", value)) => read.decode = number(&argument, value, 0..=1)? == 1,
                Some(("out", value)) => read.out = Some(value.into()),
                Some(_) => return Err(format!("{argument}: there is no such setting")),
            }
        }
        read.check()?;
        Ok(read)
    }

    fn check(&self) -> Result<(), String> {
        let refuse = |what: &str| Err(what.to_owned());
        if self.files.is_empty() {
            return refuse("no file is named");
        }
        if self.files.len() > 1 && (self.record || self.out.is_some() || self.replay.is_some()) {
            return refuse("record, replay and out take one file");
        }
        if self.weights.is_some() && self.replay.is_some() {
            return refuse("a replay stands in the place of weights: leave one of them out");
        }
        if self.record && (self.weights.is_none() || self.out.is_none()) {
            return refuse("record takes weights and out");
        }
        if self.record && self.decode {
            return refuse("record writes no payload to decode: leave decode out");
        }
        Ok(())
    }
}

/// The number within these bounds that an argument gives.
fn number<T: FromStr + PartialOrd + std::fmt::Display>(
    argument: &str,
    value: &str,
    bounds: std::ops::RangeInclusive<T>,
) -> Result<T, String> {
    value.parse().ok().filter(|number| bounds.contains(number)).ok_or_else(|| {
        format!("{argument}: it takes a number from {} to {}", bounds.start(), bounds.end())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(line: &str) -> String {
        Arguments::read(line.split_whitespace().map(str::to_owned)).err().unwrap_or_default()
    }

    #[test]
    fn what_cannot_be_is_refused_in_words() {
        assert_eq!(refusal("a b design=1 lanes=3 decode=1 weights=w"), "");
        assert_eq!(refusal("record weights=w out=o a"), "");
        assert_eq!(refusal("decode=1"), "no file is named");
        assert_eq!(refusal("a lanes=0"), "lanes=0: it takes a number from 1 to 32768");
        assert_eq!(refusal("a mb=many"), "mb=many: it takes a number from 0 to 4096");
        assert_eq!(refusal("a design=7"), "design=7: there is no such design");
        assert_eq!(refusal("a depth=7"), "depth=7: there is no such setting");
        assert!(refusal("a b replay=r").contains("one file"));
        assert!(refusal("a weights=w replay=r").contains("leave one of them out"));
        assert!(refusal("record a weights=w").contains("takes weights and out"));
        assert!(refusal("record a weights=w out=o decode=1").contains("leave decode out"));
    }
}
