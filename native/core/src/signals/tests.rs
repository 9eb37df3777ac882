use super::*;

fn noise(state: &mut u32) -> u32 {
    *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    *state >> 8
}

fn signal(case: usize) -> Signal {
    let channels = 1 + case % MOST_CHANNELS;
    Signal {
        wide: case.is_multiple_of(2),
        signed: case.is_multiple_of(3),
        high_first: case.is_multiple_of(5),
        window: 4 + case as u32 % 9,
        channels,
        row: channels + case % 4 * 5,
        distances: (0..1 + case % MOST_DISTANCES).map(|n| 1 + n * n % 40).collect(),
    }
}

fn come_back(bytes: &[u8], signal: &Signal) -> usize {
    let streams = Isa::ALL.into_iter().filter(|isa| isa.is_available()).map(|isa| {
        let stream = encode(bytes, signal, isa, &mut || true).unwrap();
        let decoded = decode(&stream, bytes.len(), signal, isa, &mut || true).unwrap();
        assert_eq!(decoded.as_deref(), Some(bytes));
        stream
    });
    let streams: Vec<_> = streams.collect();
    assert!(streams.iter().all(|stream| *stream == streams[0]));
    streams[0].len()
}

#[test]
fn extremes_come_back() {
    let mut state = 1;
    for case in 0..48 {
        let bytes: Vec<u8> =
            (0..3000).map(|_| if noise(&mut state) & 64 == 0 { 0 } else { 255 }).collect();
        come_back(&bytes, &signal(case));
    }
}

#[test]
fn noise_takes_hardly_more_than_itself_and_comes_back() {
    let mut state = 2;
    for case in 0..48 {
        let bytes: Vec<u8> = (0..3000).map(|_| noise(&mut state) as u8).collect();
        assert!(come_back(&bytes, &signal(case)) < 3300);
    }
}

#[test]
fn a_line_is_foreseen_and_work_stops_when_it_is_told() {
    let distances = vec![1, 2];
    let (wide, signed, high_first) = (true, true, false);
    let signal = Signal { wide, signed, high_first, window: 8, channels: 1, row: 1, distances };
    let bytes: Vec<u8> = (0..2000i16).flat_map(|n| (7 * n).to_le_bytes()).collect();
    assert!(come_back(&bytes, &signal) < 400);
    assert_eq!(encode(&bytes, &signal, Isa::Portable, &mut || false), None);
    let stopped = decode(&[], 4000, &signal, Isa::Portable, &mut || false);
    assert_eq!(stopped, Ok(None));
}

#[test]
fn any_stream_ends() {
    let mut state = 3;
    for case in 0..48 {
        let stream: Vec<u8> = (0..400).map(|_| noise(&mut state) as u8).collect();
        let signal = signal(case);
        if let Ok(decoded) = decode(&stream, 3000, &signal, Isa::Portable, &mut || true) {
            assert_eq!(decoded.unwrap().len(), 3000);
        }
    }
}
