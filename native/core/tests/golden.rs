//! Golden files: payloads decode to their originals, and originals encode to the same payloads.

mod support;

use kolmozip_core::block::{Recipe, decode_block, encode_block};
use kolmozip_core::deflate;
use kolmozip_core::memory::designs;
use kolmozip_core::network::{Isa, Network};
use kolmozip_core::signals::{self, Signal};
use kolmozip_core::speculation::Speculate;
use kolmozip_core::transform::Transform;
use support::{Block, blocks, container, file, sha256, weights};

/// A network with its identity.
fn network(name: &str, isa: Isa) -> ([u8; 8], Network) {
    let identity = sha256(&std::fs::read(file(name)).unwrap());
    (identity[..8].try_into().unwrap(), Network::new(&weights(name), isa))
}

/// What codes blocks, and how many it has coded.
struct Coder {
    isa: Isa,
    networks: Vec<([u8; 8], Network)>,
    with_network: u32,
    without: u32,
    transformed: u32,
    rebuilt: u32,
    predicted: u32,
    in_base64: u32,
    in_columns: u32,
    in_strings: u32,
}

impl Coder {
    fn new(isa: Isa) -> Self {
        let mut networks = vec![network("tests/golden/nano.kzw", isa)];
        let shipped = ["tiny", "small", "base"];
        networks.extend(shipped.map(|name| network(&format!("models/shipped/{name}.kzw"), isa)));
        Self {
            isa,
            networks,
            with_network: 0,
            without: 0,
            transformed: 0,
            rebuilt: 0,
            predicted: 0,
            in_base64: 0,
            in_columns: 0,
            in_strings: 0,
        }
    }

    /// The original of a block, which is coded again as it was.
    fn open(&mut self, block: &Block, name: &str) -> Vec<u8> {
        match block.kind {
            1 => block.payload.clone(),
            2 => block.payload.repeat(block.length),
            3 => self.open_mixed(block, name),
            5 => {
                self.in_base64 += 1;
                with_base64(&self.parts(block, name))
            }
            7 => {
                self.in_columns += 1;
                in_rows(&self.parts(block, name))
            }
            8 => {
                self.predicted += 1;
                unpredicted(&self.parts(block, name), block.length, self.isa)
            }
            9 => {
                self.in_strings += 1;
                with_strings(&self.parts(block, name))
            }
            _ => {
                let parts = self.parts(block, name);
                let original = deflate::rebuild(&parts, block.length, &mut || true).unwrap();
                let again = deflate::unpack(&original, parts.len(), &mut || true);
                assert_eq!(again, Some(parts), "{name}");
                self.rebuilt += 1;
                original
            }
        }
    }

    /// The originals of the blocks in a block, joined.
    fn parts(&mut self, block: &Block, name: &str) -> Vec<u8> {
        let (inner, _) = blocks(&block.payload, 0);
        inner.iter().flat_map(|block| self.open(block, name)).collect()
    }

    fn open_mixed(&mut self, block: &Block, name: &str) -> Vec<u8> {
        let network = self.networks.iter().find(|(identity, _)| *identity == block.weights);
        assert!(network.is_some() || block.weights == [0; 8], "{name}");
        *(if network.is_some() { &mut self.with_network } else { &mut self.without }) += 1;
        let recipe = Recipe {
            design: designs::by_number(block.design).unwrap(),
            tables: block.tables,
            network: network.map(|(_, network)| network).into(),
            isa: self.isa,
            lanes: block.lanes,
            threads: 2,
            prepared: None,
            speculate: Speculate::Usual,
        };
        let mut coded = 0;
        let mut progress = |bytes: usize| {
            coded += bytes;
            true
        };
        let decoded = decode_block(recipe, &block.payload, block.length, &mut progress);
        let mut decoded = decoded.unwrap();
        let encoded = encode_block(recipe, &decoded, &mut progress).unwrap();
        assert_eq!(encoded, block.payload, "{name} by {}", self.isa.name());
        assert_eq!(coded, 2 * block.length);
        let coded = decoded.clone();
        let transform = Transform::by_number(block.transform).unwrap();
        transform.undo(&mut decoded);
        let mut again = decoded.clone();
        transform.apply(&mut again);
        assert_eq!(again, coded);
        self.transformed += u32::from(transform != Transform::None);
        decoded
    }
}

/// Takes a number from the start of parts, seven bits in each byte.
fn varint(parts: &mut &[u8]) -> usize {
    let (mut value, mut shift) = (0, 0);
    loop {
        let (&byte, rest) = parts.split_first().unwrap();
        *parts = rest;
        value |= usize::from(byte & 0x7F) << shift;
        shift += 7;
        if byte < 0x80 {
            return value;
        }
    }
}

/// The block that the parts of a predicted one stand for; its stretches are coded again.
fn unpredicted(parts: &[u8], length: usize, isa: Isa) -> Vec<u8> {
    let mut rest = parts;
    let mut varint = || varint(&mut rest);
    let heads: Vec<(usize, usize, usize, Signal, usize)> = (0..varint())
        .map(|_| {
            // Form, window, channels and the number of distances are below 128 here.
            let (gap, size, form) = (varint(), varint(), varint());
            let (window, channels, row) = (varint() as u32, varint(), varint());
            let distances = (0..varint()).map(|_| varint()).collect();
            let (wide, signed, high_first) = (form & 1 != 0, form & 2 != 0, form & 4 != 0);
            let signal = Signal { wide, signed, high_first, window, channels, row, distances };
            (gap, size, form, signal, varint())
        })
        .collect();
    let streams: usize = heads.iter().map(|head| head.4).sum();
    let (mut plain, mut streams) = rest.split_at(rest.len() - streams);
    let mut original = Vec::new();
    for (gap, size, form, signal, coded) in heads {
        assert!(signal.is_sound());
        let (stream, more) = streams.split_at(coded);
        let stretch = signals::decode(stream, size, &signal, isa, &mut || true).unwrap().unwrap();
        assert_eq!(signals::encode(&stretch, &signal, isa, &mut || true).as_deref(), Some(stream));
        original.extend(&plain[..gap]);
        original.extend(if form & 8 == 0 { stretch } else { in_colour(stretch, signal.row, form) });
        (plain, streams) = (&plain[gap..], more);
    }
    original.extend(plain);
    assert_eq!(original.len(), length);
    original
}

/// Colours of brightness and two differences, as section 10.2 of FORMAT.md says.
fn in_colour(mut told: Vec<u8>, row: usize, form: usize) -> Vec<u8> {
    for row in told.chunks_mut(row) {
        for three in row.as_chunks_mut::<3>().0 {
            let [y, u, v] = three.map(i32::from);
            let (u, v) = (u - 128, v - 128);
            let red = y + ((91_881 * v + (1 << 15)) >> 16);
            let blue = y + ((116_130 * u + (1 << 15)) >> 16);
            let green = y + (((1 << 15) - 22_554 * u - 46_802 * v) >> 16);
            *three = [red, green, blue].map(|shade| shade.clamp(0, 255) as u8);
            if form & 16 != 0 {
                three.reverse();
            }
        }
    }
    told
}

/// The block that the parts of a base64 one stand for, as section 11 of FORMAT.md says.
fn with_base64(parts: &[u8]) -> Vec<u8> {
    let mut rest = parts;
    let mut varint = || varint(&mut rest);
    // The form is below 128 here.
    let heads: Vec<[usize; 4]> = (0..varint()).map(|_| [0; 4].map(|_| varint())).collect();
    let mut original = Vec::new();
    for [gap, size, line, form] in heads {
        original.extend(&rest[..gap]);
        let letters = base64(&rest[gap..gap + size]);
        let ending: &[u8] = if form == 1 { b"\r\n" } else { b"\n" };
        let lines: Vec<&[u8]> = letters.chunks(if line == 0 { usize::MAX } else { line }).collect();
        original.extend(lines.join(ending));
        rest = &rest[gap + size..];
    }
    original.extend(rest);
    original
}

/// RFC 4648, section 4.
fn base64(data: &[u8]) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let four = |three: &[u8]| {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | u32::from(*three.get(at).unwrap_or(&0)));
        let letter = |at: usize| LETTERS[(bits >> (18 - 6 * at)) as usize & 63];
        std::array::from_fn::<u8, 4, _>(|at| if at > three.len() { b'=' } else { letter(at) })
    };
    data.chunks(3).flat_map(four).collect()
}

/// The block that the parts of one of columns stand for, as section 12 of FORMAT.md says.
fn in_rows(parts: &[u8]) -> Vec<u8> {
    let mut rest = parts;
    let mut varint = || varint(&mut rest);
    let heads: Vec<[usize; 3]> = (0..varint()).map(|_| [0; 3].map(|_| varint())).collect();
    let mut original = Vec::new();
    for [gap, size, width] in heads {
        original.extend(&rest[..gap]);
        let (table, height) = (&rest[gap..gap + size], size / width);
        original.extend((0..width * height).map(|at| table[at % width * height + at / width]));
        original.extend(&table[width * height..]);
        rest = &rest[gap + size..];
    }
    original.extend(rest);
    original
}

/// The block that the parts of one of strings stand for, as section 13 of FORMAT.md says.
fn with_strings(parts: &[u8]) -> Vec<u8> {
    let mut rest = parts;
    let mut varint = || varint(&mut rest);
    let heads: Vec<[usize; 2]> = (0..varint()).map(|_| [0; 2].map(|_| varint())).collect();
    let behind = varint();
    let (flags, shift) = (rest[0], rest[1]);
    let sum = |of: usize| heads.iter().map(|head| head[of]).sum::<usize>();
    let (mut outside, skeletons) = rest[2..].split_at(sum(0) + behind);
    let (mut skeletons, mut texts) = skeletons.split_at(sum(1));
    let mut original = Vec::new();
    for [gap, size] in heads {
        original.extend(&outside[..gap]);
        let mut at = 0;
        while at < size {
            let (byte, told) = (skeletons[at], skeletons[at + 1..size].first().copied());
            match (byte, told) {
                (b'(' | b'<', Some(told @ 0x80..=0xfe)) => {
                    let (letters, left) = letters(told, texts);
                    texts = left;
                    written(byte, letters, flags, shift, &mut original);
                    at += 2;
                }
                (0xff, Some(plain)) => {
                    original.push(plain);
                    at += 2;
                }
                _ => {
                    original.push(byte);
                    at += 1;
                }
            }
        }
        outside = &outside[gap..];
        skeletons = &skeletons[size..];
    }
    original.extend(outside);
    original
}

/// The letters of the next string, and the texts behind it.
fn letters(told: u8, texts: &[u8]) -> (&[u8], &[u8]) {
    let until = |end: u8| texts.iter().position(|byte| *byte == end).unwrap();
    let (size, passed) = match told {
        0x80 => (until(b' '), 1),
        0x81 => (until(b'\n'), 1),
        counted => (usize::from(counted) - 0x81, 0),
    };
    (&texts[..size], &texts[size + passed..])
}

/// A string with these letters, as the flags and the shift of its block say.
fn written(bracket: u8, letters: &[u8], flags: u8, shift: u8, original: &mut Vec<u8>) {
    original.push(bracket);
    for &letter in letters {
        let special = matches!(letter, b'(' | b')' | b'\\');
        let text = if bracket == b'<' {
            let glyph = letter.wrapping_sub(shift);
            if flags & 4 != 0 { format!("{glyph:04X}") } else { format!("{glyph:04x}") }
        } else if special && flags & 1 != 0 || !matches!(letter, 32..=126) && flags & 2 == 0 {
            format!("\\{letter:03o}")
        } else {
            original.extend(special.then_some(b'\\'));
            original.push(letter);
            continue;
        };
        original.extend(text.as_bytes());
    }
    original.push(if bracket == b'<' { b'>' } else { b')' });
}

/// Every golden file, with the networks that its blocks name.
fn holds(isa: Isa) {
    let mut coder = Coder::new(isa);
    for entry in std::fs::read_dir(file("tests/golden/decode")).unwrap() {
        let path = entry.unwrap().path();
        let (data, name) = (std::fs::read(&path).unwrap(), path.display().to_string());
        if data.starts_with(b"\x89Kz") {
            continue; // the short form, whose blocks are coded as others are
        }
        let (blocks, length, check) = container(&data);
        let original: Vec<u8> = blocks.iter().flat_map(|block| coder.open(block, &name)).collect();
        assert_eq!(original.len() as u64, length);
        assert_eq!(sha256(&original)[..12], check, "{name} by {}", isa.name());
    }
    let Coder {
        with_network,
        without,
        transformed,
        rebuilt,
        predicted,
        in_base64,
        in_columns,
        in_strings,
        ..
    } = coder;
    println!("{with_network} blocks with a network, {without} without, by {}", isa.name());
    assert!(with_network >= 10 && without >= 5 && transformed >= 6);
    assert!(rebuilt > 0 && predicted > 0 && in_base64 > 0 && in_columns > 0 && in_strings > 0);
}

#[test]
fn golden_files_come_back_and_are_written_again() {
    for isa in Isa::ALL {
        if isa.is_available() {
            holds(isa);
        } else {
            println!("skipped: this processor has no {}", isa.name());
        }
    }
}

#[test]
fn sha256_is_that_of_the_standard() {
    assert_eq!(sha256(b"abc")[..4], [0xBA, 0x78, 0x16, 0xBF]);
    assert_eq!(sha256(&[])[..4], [0xE3, 0xB0, 0xC4, 0x42]);
    assert_eq!(sha256(&[b'a'; 60])[28..].len(), 4);
}
