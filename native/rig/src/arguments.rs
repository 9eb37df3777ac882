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
    Writes what a network says of each bit of the file, 36 bytes for each of its bytes.
rig look weights=W [out=F] [NAME=VALUE]... FILE
    Says how often the network's likeliest byte comes, and the memory's; `out` is as of record.

    design=3        number of the memory's design, as a block names it
    lanes=16        lanes
    mb=256          MiB of hash tables; with 0 the fewest lines there are
    threads=1       threads
    weights=W       a network beside the memory, from this weights file
    replay=F        what `rig record` wrote of the file, in the network's place; it has the lanes
    hit=3           so many rounds, the memory as it is and one that decides first whether the
                    network's likeliest byte comes; takes a replay
    transform=1     a transform by its number in the format
    decode=1        restore the file as well, and compare
    out=F           write the payload

KOLMOZIP_ISA names the instruction set.";

/// What the program does with a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Task {
    Code,
    Record,
    Look,
}

/// What was asked for.
pub struct Arguments {
    /// What to do.
    pub task: Task,
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
    pub hit: usize,
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
        let task = match arguments.peek().map(String::as_str) {
            Some("record") => Task::Record,
            Some("look") => Task::Look,
            _ => Task::Code,
        };
        if task != Task::Code {
            arguments.next();
        }
        let mut read = Self {
            task,
            design: &designs::LAYOUT,
            lanes: None,
            tables: 256,
            threads: 1,
            weights: None,
            replay: None,
            hit: 0,
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
                Some(("hit", value)) => read.hit = number(&argument, value, 1..=100)?,
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
        if self.files.len() > 1
            && (self.task != Task::Code || self.out.is_some() || self.replay.is_some())
        {
            return refuse("record, look, replay and out take one file");
        }
        if self.weights.is_some() && self.replay.is_some() {
            return refuse("a replay stands in the place of weights: leave one of them out");
        }
        if self.task == Task::Look && self.weights.is_none() {
            return refuse("look takes weights");
        }
        if self.hit > 0 && (self.replay.is_none() || self.task != Task::Code) {
            return refuse("hit takes a replay");
        }
        if self.task == Task::Record && (self.weights.is_none() || self.out.is_none()) {
            return refuse("record takes weights and out");
        }
        if self.task != Task::Code && self.decode {
            return refuse("record and look write no payload to decode: leave decode out");
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
        assert_eq!(refusal("a design=7"), "");
        assert_eq!(refusal("record weights=w out=o a"), "");
        assert_eq!(refusal("look weights=w a"), "");
        assert_eq!(refusal("hit=2 replay=r a"), "");
        assert_eq!(refusal("decode=1"), "no file is named");
        assert_eq!(refusal("a lanes=0"), "lanes=0: it takes a number from 1 to 32768");
        assert_eq!(refusal("a mb=many"), "mb=many: it takes a number from 0 to 4096");
        assert_eq!(refusal("a design=8"), "design=8: there is no such design");
        assert_eq!(refusal("a depth=7"), "depth=7: there is no such setting");
        assert!(refusal("a b replay=r").contains("one file"));
        assert!(refusal("a weights=w replay=r").contains("leave one of them out"));
        assert!(refusal("record a weights=w").contains("takes weights and out"));
        assert!(refusal("record a weights=w out=o decode=1").contains("leave decode out"));
        assert!(refusal("look a").contains("look takes weights"));
        assert!(refusal("a hit=1").contains("hit takes a replay"));
    }
}
