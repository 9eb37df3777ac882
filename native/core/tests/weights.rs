//! Weights files: what they hold, and that damaged and hostile ones are refused by name.

mod support;

use kolmozip_core::weights::{Weights, WeightsError, crc32};
use support::{Random, file};

fn nano() -> Vec<u8> {
    std::fs::read(file("tests/golden/nano.kzw")).unwrap()
}

/// The file with another head or stream, and the checksum that it then has.
fn sealed(mut data: Vec<u8>) -> Vec<u8> {
    data.truncate(data.len() - 4);
    let crc = crc32(&data);
    data.extend(crc.to_le_bytes());
    data
}

fn with_shape(shape: &str) -> Vec<u8> {
    let data = nano();
    let end = 7 + usize::from(u16::from_le_bytes([data[5], data[6]]));
    let mut other = data[..5].to_vec();
    other.extend((shape.len() as u16).to_le_bytes());
    other.extend(shape.as_bytes());
    other.extend(&data[end..]);
    sealed(other)
}

fn shape_text() -> String {
    let data = nano();
    let end = 7 + usize::from(u16::from_le_bytes([data[5], data[6]]));
    String::from_utf8(data[7..end].to_vec()).unwrap()
}

#[test]
fn shipped_files_are_read_whole() {
    for (name, parameters) in [
        ("tests/golden/nano", 39_168),
        ("models/shipped/tiny", 2_009_856),
        ("models/shipped/small", 3_906_752),
    ] {
        let weights = Weights::read(&std::fs::read(file(&format!("{name}.kzw"))).unwrap()).unwrap();
        assert_eq!(weights.shape.parameters(), parameters, "{name}");
        assert_eq!(weights.layers.len(), weights.shape.layers);
        assert_eq!(with_shape(&shape_text()), nano());
    }
}

#[test]
fn damage_is_refused_by_name() {
    let data = nano();
    assert_eq!(Weights::read(b""), Err(WeightsError::Magic));
    assert_eq!(Weights::read(b"KZW"), Err(WeightsError::Magic));
    assert_eq!(Weights::read(b"KZWT\x02"), Err(WeightsError::CutShort));
    let mut other = data.clone();
    other[4] = 1;
    assert_eq!(Weights::read(&other), Err(WeightsError::Version(1)));
    for length in 7..300 {
        assert!(Weights::read(&data[..length]).is_err());
    }
    assert_eq!(Weights::read(&data[..data.len() - 1]), Err(WeightsError::Checksum));
    let longer = [&data[..], b"\0"].concat();
    assert_eq!(Weights::read(&longer), Err(WeightsError::Checksum));
    for at in (200..data.len()).step_by(997) {
        let mut flipped = data.clone();
        flipped[at] ^= 4;
        assert_eq!(Weights::read(&flipped), Err(WeightsError::Checksum));
    }
    for error in [WeightsError::Magic, WeightsError::Version(9), WeightsError::Checksum] {
        assert!(error.to_string().contains(": ") || error.to_string().contains("expected"));
    }
}

#[test]
fn a_shape_beyond_its_stream_is_refused_before_memory_is_taken() {
    let large = shape_text().replace("[3,10]", "[3,23]");
    assert!(matches!(
        Weights::read(&with_shape(&large)),
        Err(WeightsError::TooManyParameters { .. })
    ));
    for shape in ["", "{}", "[]", "{\"width\":32}", "nonsense", &"[".repeat(60_000)] {
        assert!(
            matches!(Weights::read(&with_shape(shape)), Err(WeightsError::Shape(_))),
            "{shape}"
        );
    }
}

#[test]
fn streams_that_pass_the_checksum_are_read_or_refused() {
    let mut random = Random(2);
    let data = nano();
    let mut refused = [0; 2];
    for round in 0..150 {
        let mut other = data.clone();
        let start = 200 + random.below(2000) as usize;
        let end = if round % 2 == 0 { other.len() } else { start + 4 };
        for byte in &mut other[start..end] {
            *byte = if round % 5 == 0 { 255 } else { random.below(256) as u8 };
        }
        match Weights::read(&sealed(other)) {
            Ok(weights) => assert_eq!(weights.shape.parameters(), 39_168),
            Err(WeightsError::Damaged(_)) => refused[0] += 1,
            Err(WeightsError::Bound(_)) => refused[1] += 1,
            Err(error) => panic!("{error}"),
        }
    }
    println!("{refused:?} refused as damaged and out of bounds");
    assert!(refused[0] + refused[1] > 20);
}
