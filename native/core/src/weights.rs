//! Reads weights files: `FORMAT.md`, section 4.
//!
//! What a file asks for is refused before memory is taken for it, and every bound that the integer
//! step relies on is checked here.
#![forbid(unsafe_code)]

use crate::coder::{Damaged, Decoder, SCALE};
use crate::shape::{KNOTS, Shape, VOCABULARY};

const MAGIC: &[u8; 4] = b"KZWT";
const VERSION: u8 = 2;
const HEAD_BYTES: usize = 7;
const CRC_BYTES: usize = 4;
/// Parameters for each byte of the stream at most.
const PARAMETERS_PER_BYTE: u64 = 256;

/// Why a weights file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WeightsError {
    /// The first bytes are not a weights file's.
    Magic,
    /// The file ends inside its head.
    CutShort,
    /// The file is of a version that is not read.
    Version(u8),
    /// The shape breaks the format; the text says how.
    Shape(String),
    /// The checksum does not hold.
    Checksum,
    /// The shape names more parameters than the stream can hold.
    TooManyParameters {
        /// Parameters that the shape names.
        parameters: u64,
        /// Bytes of the stream.
        stream: usize,
    },
    /// The stream of arrays is damaged; the text says where.
    Damaged(String),
    /// An array breaks a bound of the format; the text names it.
    Bound(String),
}

impl std::fmt::Display for WeightsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Magic => {
                f.write_str("not a kolmozip weights file (wrong magic): pass a .kzw file")
            }
            Self::CutShort => f.write_str("weights file is cut short: fetch it again"),
            Self::Version(version) => write!(
                f,
                "weights file version {version}, this program reads {VERSION}: \
                 fetch weights and program that belong together"
            ),
            Self::Shape(reason) => {
                write!(f, "weights file has no usable shape ({reason}): fetch it again")
            }
            Self::Checksum => {
                f.write_str("weights file is damaged or cut short (checksum): fetch it again")
            }
            Self::TooManyParameters { parameters, stream } => write!(
                f,
                "weights file names {parameters} parameters, more than its {stream} bytes can \
                 hold: fetch it again"
            ),
            Self::Damaged(reason) => {
                write!(f, "weights file is damaged ({reason}): fetch it again")
            }
            Self::Bound(reason) => write!(f, "{reason}: fetch the file again"),
        }
    }
}

impl std::error::Error for WeightsError {}

/// A product's weights: int8, row-major (inputs, outputs), and how the sums are scaled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matrix {
    /// Rows.
    pub inputs: usize,
    /// Columns.
    pub outputs: usize,
    /// Within plus and minus 127.
    pub values: Vec<i8>,
    /// The right shift of each output from sum to signal, within -6 and 24.
    pub shifts: Vec<i8>,
}

/// The arrays of one layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// (d, 3 w).
    pub mixer_in: Matrix,
    /// (w,), within plus and minus 16384.
    pub gate_bias: Vec<i16>,
    /// (taps, w), within plus and minus 8192.
    pub conv_taps: Vec<i16>,
    /// (w, d).
    pub mixer_out: Matrix,
    /// (d, branches m).
    pub mlp_in: Matrix,
    /// (9, m).
    pub knots: Vec<i16>,
    /// (m, d).
    pub mlp_out: Matrix,
}

/// All arrays of a network, every bound of the format checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weights {
    /// The sizes of the arrays.
    pub shape: Shape,
    /// (256, d), within plus and minus 127.
    pub embed: Vec<i8>,
    /// One for each table of the shape, (2^bits, table_dim), within plus and minus 127.
    pub tables: Vec<Vec<i8>>,
    /// (e, d).
    pub w_ngram: Matrix,
    /// From the first to the last.
    pub layers: Vec<Layer>,
    /// (d, 256).
    pub head: Matrix,
    /// (e, 256).
    pub head_ngram: Matrix,
    /// (256,).
    pub head_bias: Vec<i16>,
}

impl Weights {
    /// Reads a weights file.
    ///
    /// # Errors
    /// `WeightsError` where it is damaged, of another version, or breaks a bound of the format.
    pub fn read(data: &[u8]) -> Result<Self, WeightsError> {
        if !data.starts_with(MAGIC) {
            return Err(WeightsError::Magic);
        }
        let Some((head, rest)) = data.split_first_chunk::<HEAD_BYTES>() else {
            return Err(WeightsError::CutShort);
        };
        if head[4] != VERSION {
            return Err(WeightsError::Version(head[4]));
        }
        let shape_bytes = usize::from(u16::from_le_bytes([head[5], head[6]]));
        let shape =
            Shape::from_json(&rest[..shape_bytes.min(rest.len())]).map_err(WeightsError::Shape)?;
        let stream = rest.get(shape_bytes..).unwrap_or_default();
        let Some((stream, crc)) = stream.split_last_chunk::<CRC_BYTES>() else {
            return Err(WeightsError::Checksum);
        };
        let sealed = &data[..data.len() - CRC_BYTES];
        if !stream.len().is_multiple_of(4) || crc32(sealed) != u32::from_le_bytes(*crc) {
            return Err(WeightsError::Checksum);
        }
        let parameters = shape.parameters();
        if (stream.len() as u64) < 4 * parameters.div_ceil(4 * PARAMETERS_PER_BYTE) {
            return Err(WeightsError::TooManyParameters { parameters, stream: stream.len() });
        }
        Reader::new(stream).weights(shape)
    }
}

/// CRC-32 as in zlib, eight bytes at a time.
#[must_use]
pub fn crc32(data: &[u8]) -> u32 {
    let mut tables = [[0_u32; 256]; 8];
    for (byte, entry) in (0_u32..).zip(&mut tables[0]) {
        *entry = (0..8).fold(byte, |crc, _| crc >> 1 ^ if crc & 1 == 1 { 0xEDB8_8320 } else { 0 });
    }
    for slice in 1..8 {
        for byte in 0..256 {
            let before = tables[slice - 1][byte];
            tables[slice][byte] = before >> 8 ^ tables[0][(before & 255) as usize];
        }
    }
    let (chunks, rest) = data.as_chunks::<8>();
    let mut crc = u32::MAX;
    for chunk in chunks {
        let word = u64::from_le_bytes(*chunk) ^ u64::from(crc);
        crc = (0..8).fold(0, |sum, at| sum ^ tables[7 - at][(word >> (8 * at) & 255) as usize]);
    }
    for byte in rest {
        crc = crc >> 8 ^ tables[0][((crc ^ u32::from(*byte)) & 255) as usize];
    }
    !crc
}

/// Families of counts; an int16 array has two, for its high bytes and, next, for its low ones.
const SHIFT: usize = 0;
const EXPONENT: usize = 1;
const MATRIX: usize = 2;
const TABLE: usize = 3;
const GATE_BIAS: usize = 4;
const CONV_TAPS: usize = 6;
const KNOT: usize = 8;
const HEAD_BIAS: usize = 10;
const FAMILIES: usize = 12;

const LARGEST_SHIFT: u32 = 15;
const FIRST_BATCH: usize = 32;
const LAST_BATCH: usize = 2048;
/// What a byte adds to its count.
const STEP: u32 = 16;
/// The sum above which the counts of a class are halved.
const LIMIT: u32 = 1 << 22;
/// More classes than any array has: mean squares are at most 2^18, rows of int16 arrays nine.
const CLASSES: usize = 64;

/// The counts of one class, and the sums of shares made from them.
struct Counts {
    count: [u32; 256],
    sum: u32,
}

impl Counts {
    fn new() -> Self {
        Self { count: [1; 256], sum: 256 }
    }

    /// The sums of the shares before each byte, and 2^24.
    ///
    /// A count is at most 2^22 and the sum of the counts below 2^23: as float64 the products are
    /// exact, and a quotient that is not whole is further from the next whole number than rounding
    /// reaches.
    fn shares(&self) -> [u32; 257] {
        let mut before = [0; 257];
        let sum = f64::from(self.sum);
        let mut share = [0_u32; 256];
        for (share, &count) in share.iter_mut().zip(&self.count) {
            *share = 1 + (f64::from(count) * f64::from(SCALE - 256) / sum) as u32;
        }
        share[0] += SCALE - share.iter().sum::<u32>();
        for (value, share) in share.iter().enumerate() {
            before[value + 1] = before[value] + share;
        }
        before
    }

    fn add(&mut self, byte: u8) {
        self.count[usize::from(byte)] += STEP;
        self.sum += STEP;
    }

    fn halve(&mut self) {
        while self.sum > LIMIT {
            for count in &mut self.count {
                *count = (*count + 1) >> 1;
            }
            self.sum = self.count.iter().sum();
        }
    }
}

/// The class of values by the sum of squares of `number` values before them.
fn spread(squares: u32, number: u32) -> u8 {
    if number == 0 {
        return 0;
    }
    let mean = (u64::from(squares) << 4) / u64::from(number);
    let low = (64 - mean.leading_zeros()).saturating_sub(2);
    (1 + 2 * u64::from(low) + (mean >> low)) as u8
}

/// Reads the arrays of a stream in order.
struct Reader<'a> {
    decoder: Decoder<'a>,
    /// Of each family and class that has occurred.
    counts: Vec<Option<Box<Counts>>>,
    /// Bytes of each family so far.
    seen: [usize; FAMILIES],
}

impl<'a> Reader<'a> {
    fn new(stream: &'a [u8]) -> Self {
        let counts = (0..FAMILIES * CLASSES).map(|_| None).collect();
        Self { decoder: Decoder::new(stream), counts, seen: [0; FAMILIES] }
    }

    fn batch(&self, family: usize) -> usize {
        (self.seen[family] >> 4).clamp(FIRST_BATCH, LAST_BATCH)
    }

    /// Reads one batch of bytes, each in its class: the classes in rising order.
    fn read(&mut self, family: usize, classes: &[u8], bytes: &mut [u8]) -> Result<(), Damaged> {
        let mut starts = [0_u32; CLASSES + 1];
        for &class in classes {
            starts[usize::from(class) + 1] += 1;
        }
        for class in 0..CLASSES {
            starts[class + 1] += starts[class];
        }
        let mut order = [0_u16; 2 * LAST_BATCH];
        let order = &mut order[..classes.len()];
        let mut next = starts;
        for (at, &class) in (0..).zip(classes) {
            order[next[usize::from(class)] as usize] = at;
            next[usize::from(class)] += 1;
        }
        for class in 0..CLASSES {
            let part = &order[starts[class] as usize..starts[class + 1] as usize];
            if !part.is_empty() {
                self.read_part(family * CLASSES + class, part, bytes)?;
            }
        }
        self.seen[family] += bytes.len();
        Ok(())
    }

    /// Reads the bytes at some places with the counts of one class, which then learn them.
    fn read_part(&mut self, class: usize, part: &[u16], bytes: &mut [u8]) -> Result<(), Damaged> {
        let counts = self.counts[class].get_or_insert_with(|| Box::new(Counts::new()));
        let before = counts.shares();
        // For each 256th of the counts, the first byte that may hold it.
        let mut first = [0_u8; 256];
        let mut value = 0;
        for (start, first) in (0..).step_by(1 << 16).zip(&mut first) {
            while before[value + 1] <= start {
                value += 1;
            }
            *first = value as u8;
        }
        for &at in part {
            let count = self.decoder.peek()?;
            let mut value = usize::from(first[(count >> 16) as usize]);
            while before[value + 1] <= count {
                value += 1;
            }
            self.decoder.take(before[value], before[value + 1] - before[value]);
            bytes[usize::from(at)] = value as u8;
            counts.add(value as u8);
        }
        counts.halve();
        Ok(())
    }

    /// The shift that every array begins with.
    fn shift(&mut self) -> Result<u32, Damaged> {
        let mut shift = [0];
        self.read(SHIFT, &[0], &mut shift)?;
        let shift = u32::from(shift[0]);
        if shift <= LARGEST_SHIFT { Ok(shift) } else { Err(Damaged) }
    }

    /// `embed` or the matrix of a product: bands of whole rows, classes by column.
    fn matrix(&mut self, rows: usize, columns: usize) -> Result<Vec<i8>, Failure> {
        let shift = self.shift()?;
        let mut bytes = vec![0; rows * columns];
        let mut squares = vec![0_u32; columns];
        let mut classes = Vec::with_capacity(LAST_BATCH);
        let mut row = 0;
        while row < rows {
            let band = (self.batch(MATRIX) / columns).clamp(1, rows - row);
            classes.clear();
            classes.extend(squares.iter().map(|&squares| spread(squares, row as u32)));
            for _ in 1..band {
                classes.extend_from_within(..columns);
            }
            let band_bytes = &mut bytes[row * columns..(row + band) * columns];
            self.read(MATRIX, &classes, band_bytes)?;
            for row in band_bytes.chunks_exact(columns) {
                add_squares(&mut squares, row);
            }
            row += band;
        }
        int8(&bytes, shift)
    }

    /// An n-gram table: stretches of rows, each column by column, classes by row.
    fn table(&mut self, rows: usize, columns: usize) -> Result<Vec<i8>, Failure> {
        let shift = self.shift()?;
        let mut bytes = vec![0; rows * columns];
        let mut column = [0_u8; LAST_BATCH];
        let mut classes = [0_u8; LAST_BATCH];
        let mut row = 0;
        while row < rows {
            let stretch = self.batch(TABLE).min(rows - row);
            let (column, classes) = (&mut column[..stretch], &mut classes[..stretch]);
            let mut squares = [0_u32; LAST_BATCH];
            let squares = &mut squares[..stretch];
            for number in 0..columns {
                for (class, &squares) in classes.iter_mut().zip(&*squares) {
                    *class = spread(squares, number as u32);
                }
                self.read(TABLE, classes, column)?;
                add_squares(squares, column);
                for (at, &byte) in column.iter().enumerate() {
                    bytes[(row + at) * columns + number] = byte;
                }
            }
            row += stretch;
        }
        int8(&bytes, shift)
    }

    /// Exponents: pieces of one row, all of class 0.
    fn exponents(&mut self, columns: usize) -> Result<Vec<i8>, Failure> {
        let shift = self.shift()?;
        let mut bytes = vec![0; columns];
        let mut at = 0;
        while at < columns {
            let piece = self.batch(EXPONENT).min(columns - at);
            self.read(EXPONENT, &[0; LAST_BATCH][..piece], &mut bytes[at..at + piece])?;
            at += piece;
        }
        bytes.iter().map(|&byte| narrow8((i32::from(byte) - 128) << shift)).collect()
    }

    /// An int16 array: pieces of rows, high bytes, then low ones, classes by row.
    fn words(&mut self, family: usize, rows: usize, columns: usize) -> Result<Vec<i16>, Failure> {
        let shift = self.shift()?;
        let mut values = Vec::with_capacity(rows * columns);
        let (mut high, mut low) = ([0_u8; LAST_BATCH], [0_u8; LAST_BATCH]);
        for row in 0..rows {
            let classes = [row as u8; LAST_BATCH];
            let mut at = 0;
            while at < columns {
                let piece = self.batch(family).min(columns - at);
                self.read(family, &classes[..piece], &mut high[..piece])?;
                self.read(family + 1, &classes[..piece], &mut low[..piece])?;
                for (high, low) in high.iter().zip(&low).take(piece) {
                    let value = (i32::from(*high) - 128) * 256 + i32::from(*low);
                    let value = i16::try_from(value << shift).map_err(|_| Failure::Range)?;
                    values.push(value);
                }
                at += piece;
            }
        }
        Ok(values)
    }

    fn weights(&mut self, shape: Shape) -> Result<Weights, WeightsError> {
        let [d, w, m, e] = [shape.width, shape.state, shape.hidden, shape.ngram_width()];
        let embed = named("embed", 127, self.matrix(VOCABULARY, d))?;
        let mut tables = Vec::new();
        for table in &shape.tables {
            let name = format!("table_{}", table.order);
            tables.push(named(&name, 127, self.table(1 << table.bits, shape.table_dim))?);
        }
        let w_ngram = self.product("w_ngram", e, d, 6 - 12)?;
        let layers = (0..shape.layers)
            .map(|i| {
                let name = |part: &str| format!("{part}_{i}");
                let (mixer, mlp) = (name("mixer"), name("mlp"));
                let mixer_in = self.product(&format!("{mixer}.w_in"), d, 3 * w, 4 - 10)?;
                let gate_bias = self.words(GATE_BIAS, 1, w);
                let gate_bias = named(&format!("{mixer}.gate_bias"), 16384, gate_bias)?;
                let conv_taps = self.words(CONV_TAPS, shape.taps, w);
                let conv_taps = named(&format!("{mixer}.conv_taps"), 8192, conv_taps)?;
                let mixer_out = self.product(&format!("{mixer}.w_out"), w, d, 5 - 12)?;
                let branches = shape.branches();
                let mut mlp_in = self.product(&format!("{mlp}.w_in"), d, branches * m, 4 - 10)?;
                for shift in &mut mlp_in.shifts[..m] {
                    *shift += 5; // inputs of learned functions have 5 fraction bits, not 10
                }
                let knots = self.words(KNOT, KNOTS, m);
                let knots = named(&format!("{mlp}.knots"), 32767, knots)?;
                let mlp_out = self.product(&format!("{mlp}.w_out"), m, d, 4 - 12)?;
                Ok(Layer { mixer_in, gate_bias, conv_taps, mixer_out, mlp_in, knots, mlp_out })
            })
            .collect::<Result<_, _>>()?;
        let head = self.product("head", d, VOCABULARY, 4 - 10)?;
        let head_ngram = self.product("head_ngram", e, VOCABULARY, 6 - 10)?;
        let head_bias = self.words(HEAD_BIAS, 1, VOCABULARY);
        let head_bias = named("head_bias", 32767, head_bias)?;
        Ok(Weights { shape, embed, tables, w_ngram, layers, head, head_ngram, head_bias })
    }

    /// A matrix with its exponents; `from` is a - b of its Dense.
    fn product(
        &mut self,
        name: &str,
        inputs: usize,
        outputs: usize,
        from: i32,
    ) -> Result<Matrix, WeightsError> {
        let values = named(name, 127, self.matrix(inputs, outputs))?;
        let exponents = named(&format!("{name}.exponent"), 127, self.exponents(outputs))?;
        let shifts: Vec<i32> = exponents.iter().map(|&e| from - i32::from(e)).collect();
        if shifts.iter().any(|shift| !(-6..=19).contains(shift)) {
            let reason = format!("scale of {name} is outside the bounds of the format");
            return Err(WeightsError::Bound(reason));
        }
        let shifts = shifts.into_iter().map(|shift| shift as i8).collect();
        Ok(Matrix { inputs, outputs, values, shifts })
    }
}

/// What can be wrong with an array.
enum Failure {
    Stream,
    Range,
}

impl From<Damaged> for Failure {
    fn from(_: Damaged) -> Self {
        Self::Stream
    }
}

fn narrow8(value: i32) -> Result<i8, Failure> {
    i8::try_from(value).map_err(|_| Failure::Range)
}

/// Values of int8 arrays from their bytes.
fn int8(bytes: &[u8], shift: u32) -> Result<Vec<i8>, Failure> {
    if shift == 0 {
        return Ok(bytes.iter().map(|byte| (byte ^ 128) as i8).collect());
    }
    bytes.iter().map(|&byte| narrow8((i32::from(byte) - 128) << shift)).collect()
}

/// Adds the squares of values, one a column, before the shift.
fn add_squares(squares: &mut [u32], bytes: &[u8]) {
    for (squares, &byte) in squares.iter_mut().zip(bytes) {
        let value = i32::from(byte) - 128;
        *squares += (value * value) as u32;
    }
}

/// The array, whose magnitudes are within a limit, or what is wrong with it by name.
fn named<T: Copy + Into<i32>>(
    name: &str,
    limit: i32,
    array: Result<Vec<T>, Failure>,
) -> Result<Vec<T>, WeightsError> {
    match array {
        Err(Failure::Stream) => Err(WeightsError::Damaged(format!("array {name}"))),
        Err(Failure::Range) => {
            Err(WeightsError::Bound(format!("array {name} leaves the range of its type")))
        }
        Ok(array) if array.iter().any(|&value| value.into().abs() > limit) => {
            Err(WeightsError::Bound(format!("array {name} exceeds {limit}")))
        }
        Ok(array) => Ok(array),
    }
}
