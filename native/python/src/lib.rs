//! The module `compressor.codec._native`: whole blocks of the core crate, for Python.
//!
//! One call codes a block, with the interpreter released. The only importer is
//! `compressor/codec/native.py`, which gives the errors their names.
#![forbid(unsafe_code)]

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use kolmozip_core::block::{self, Beside, BlockError};
use kolmozip_core::deflate;
use kolmozip_core::memory::designs;
use kolmozip_core::memory::{Explained, Explainer, Mixture};
use kolmozip_core::network::{self, Isa};
use kolmozip_core::prepared;
use kolmozip_core::signals::{self, Signal};
use kolmozip_core::speculation::{Drafts, MAX_WIDTH, Speculate, Speculation, Tally};
use kolmozip_core::transform::Transform;
use kolmozip_core::weights::Weights;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Bytes of a block at most.
const MAX_BLOCK: usize = 1 << 27;
/// MiB of hash tables at most.
const MAX_TABLES: usize = 4096;
/// How often Python is told of the work and may stop it.
const INTERVAL: Duration = Duration::from_millis(50);

pyo3::create_exception!(
    _native,
    Damaged,
    PyValueError,
    "The payload holds what no encoder writes."
);

/// A network in the order of one instruction set, for any number of blocks and threads at once.
#[pyclass(frozen, module = "compressor.codec._native")]
struct Network {
    network: network::Network,
}

#[pymethods]
impl Network {
    /// Reads the bytes of a weights file. The instruction set is named, or "" for the fastest one.
    ///
    /// Raises ValueError with what is wrong and its remedy.
    #[new]
    #[pyo3(signature = (weights, instruction_set = ""))]
    fn new(py: Python<'_>, weights: &[u8], instruction_set: &str) -> PyResult<Self> {
        let isa = Isa::choose(instruction_set).map_err(PyValueError::new_err)?;
        let network =
            py.detach(|| Weights::read(weights).map(|read| network::Network::new(&read, isa)));
        match network {
            Ok(network) => Ok(Self { network }),
            Err(error) => Err(PyValueError::new_err(error.to_string())),
        }
    }

    /// The name of the instruction set that the blocks are coded with.
    #[getter]
    fn instruction_set(&self) -> &'static str {
        self.network.isa().name()
    }
}

/// How a mixed block is coded: what its head says, and what changes nothing but the time.
#[derive(FromPyObject)]
struct Recipe {
    lanes: usize,
    design: usize,
    /// MiB of hash tables.
    tables: usize,
    /// 0 threads are one a core.
    threads: usize,
    /// Where there is no network to say it.
    instruction_set: String,
    /// What a decoder drafts with: "" as it is fastest, "never", "match", "memory" or "network".
    draft: String,
    /// Bytes that are drafted at most.
    width: usize,
    /// The network that drafts.
    drafter: Option<Py<Network>>,
}

impl Recipe {
    /// The core crate's recipe for a block of so many bytes; refuses what would be a panic there.
    fn resolve<'a>(
        &'a self,
        network: Option<&'a Network>,
        prepared: Option<&'a Prepared>,
        length: usize,
    ) -> PyResult<block::Recipe<'a>> {
        let refuse = |what: String| Err(PyValueError::new_err(what));
        if length > MAX_BLOCK {
            return refuse(format!("a block has at most {MAX_BLOCK} bytes"));
        }
        if prepared.is_some() && self.lanes != 1 {
            return refuse("a block after a prepared memory has one lane".into());
        }
        if !(1..=length).contains(&self.lanes) {
            return refuse(format!("{length} bytes cannot have {} lanes", self.lanes));
        }
        if !(1..=MAX_TABLES).contains(&self.tables) {
            return refuse(format!("tables take 1 to {MAX_TABLES} MiB"));
        }
        let Some(design) = designs::by_number(self.design) else {
            return refuse(format!("no memory has the number {}", self.design));
        };
        Ok(block::Recipe {
            design,
            tables: self.tables,
            network: network.map(|network| &network.network).into(),
            isa: Isa::choose(&self.instruction_set).map_err(PyValueError::new_err)?,
            lanes: self.lanes,
            threads: if self.threads > 0 {
                self.threads
            } else {
                thread::available_parallelism().map_or(1, usize::from)
            },
            prepared: prepared.map(|prepared| &prepared.prepared),
            speculate: self.speculate()?,
        })
    }

    /// Whether a decoder drafts.
    fn speculate(&self) -> PyResult<Speculate<'_>> {
        let drafts = match (self.draft.as_str(), &self.drafter) {
            ("", _) => return Ok(Speculate::Usual),
            ("never", _) => return Ok(Speculate::Never),
            ("match", _) => Drafts::Match,
            ("memory", _) => Drafts::Memory,
            ("network", Some(network)) => Drafts::Network(&network.get().network),
            (other, _) => {
                return Err(PyValueError::new_err(format!("nothing drafts by the name {other:?}")));
            }
        };
        if !(1..=MAX_WIDTH).contains(&self.width) {
            return Err(PyValueError::new_err(format!("1 to {MAX_WIDTH} bytes are drafted")));
        }
        Ok(Speculate::So(Speculation { drafts, width: self.width }))
    }
}

/// A text that a memory has read, and the file that keeps what it has learned.
#[pyclass(frozen, module = "compressor.codec._native")]
struct Prepared {
    prepared: prepared::Prepared,
}

#[pymethods]
impl Prepared {
    /// Opens a file that holds the text from byte `first` to before `last`, and from `state` on what
    /// `prepare` gave, which each block reads.
    ///
    /// Raises OSError, and ValueError where the text has no length.
    #[new]
    fn new(path: PathBuf, first: u64, last: u64, state: u64) -> PyResult<Self> {
        if first >= last {
            return Err(PyValueError::new_err("a prepared memory has read a text"));
        }
        let prepared = prepared::Prepared::open(File::open(path)?, first..last, state)?;
        Ok(Self { prepared })
    }
}

/// What the memory, with a network or None beside it, learns of a text of at least one byte that it
/// reads in one lane. `progress` is as for `encode_block`.
#[pyfunction]
fn prepare<'py>(
    py: Python<'py>,
    network: Option<&Bound<'py, Network>>,
    recipe: Recipe,
    text: &[u8],
    progress: Py<PyAny>,
) -> PyResult<Bound<'py, PyBytes>> {
    let network = network.map(Bound::get);
    let recipe = recipe.resolve(network, None, text.len())?;
    let mut watch = Watch::new(&progress);
    let state = py.detach(|| block::prepare(recipe, text, &mut |bytes| watch.step(bytes)));
    watch.end(py, state)
}

/// The payload of a mixed block of `data`, with a network or None, after a prepared memory or none.
///
/// `progress` is called with the bytes done since its last call. What it raises, and what a
/// signal's handler raises, ends the work and passes.
#[pyfunction]
#[pyo3(signature = (network, recipe, data, progress, prepared = None))]
fn encode_block<'py>(
    py: Python<'py>,
    network: Option<&Bound<'py, Network>>,
    recipe: Recipe,
    data: &[u8],
    progress: Py<PyAny>,
    prepared: Option<&Bound<'py, Prepared>>,
) -> PyResult<Bound<'py, PyBytes>> {
    let network = network.map(Bound::get);
    let recipe = recipe.resolve(network, prepared.map(Bound::get), data.len())?;
    let mut watch = Watch::new(&progress);
    let payload = py.detach(|| block::encode_block(recipe, data, &mut |bytes| watch.step(bytes)));
    watch.end(py, payload)
}

/// The inverse of `encode_block` for a block of `length` bytes.
///
/// With the bytes it says what the network has done where the decoder drafts: bytes of the longest
/// lane, evaluations, bytes that they read, drafted ones of those, and how many of them came. Raises
/// Damaged where the payload holds what no encoder writes; other damage gives other bytes.
#[pyfunction]
#[pyo3(signature = (network, recipe, payload, length, progress, prepared = None))]
fn decode_block<'py>(
    py: Python<'py>,
    network: Option<&Bound<'py, Network>>,
    recipe: Recipe,
    payload: &[u8],
    length: usize,
    progress: Py<PyAny>,
    prepared: Option<&Bound<'py, Prepared>>,
) -> PyResult<(Bound<'py, PyBytes>, [usize; 5])> {
    let network = network.map(Bound::get);
    let recipe = recipe.resolve(network, prepared.map(Bound::get), length)?;
    let mut watch = Watch::new(&progress);
    let decoded =
        py.detach(|| block::tallied_block(recipe, payload, length, &mut |n| watch.step(n)));
    let (data, tally) = match decoded {
        Ok((data, tally)) => (Ok(data), tally),
        Err(error) => (Err(error), Tally::default()),
    };
    let Tally { steps, passes, rows, drafted, hits } = tally;
    Ok((watch.end(py, data)?, [steps, passes, rows, drafted, hits]))
}

/// The payload of a mixed block of `data` beside a network elsewhere, and how it is mixed.
///
/// `said` is called for what the network says of the next steps: little-endian 16-bit stretches of
/// a 1 in 1/256 bit, (steps, 8, lanes), for a step at least. `take` is called with the bytes done
/// since its last call, and what the memory says of their bits: for each step and bit one a lane,
/// its part of the mixer's logit, as 16 bits in 1/256 bit, and the weight of the network's in
/// 1/64. What they raise, and what a signal's handler raises, ends the work and passes.
#[pyfunction]
fn record_block<'py>(
    py: Python<'py>,
    recipe: Recipe,
    data: &[u8],
    said: Py<PyAny>,
    take: Py<PyAny>,
) -> PyResult<Bound<'py, PyBytes>> {
    let recipe = recipe.resolve(None, None, data.len())?;
    let recorder = Mutex::new(Recorder::new(&said, &take, recipe.lanes));
    let payload = py.detach(|| {
        let of = || recorder.lock().unwrap_or_else(PoisonError::into_inner);
        let replay = |step: usize, row: &mut [i16]| of().replay(step, row);
        let recipe = block::Recipe { network: Beside::Replay(&replay), ..recipe };
        let mut observer = |mixture| of().note(mixture);
        let mut progress = |bytes| {
            of().bytes += bytes;
            true
        };
        block::observe_block(recipe, data, &mut observer, &mut progress)
    });
    let mut recorder = recorder.into_inner().unwrap_or_else(PoisonError::into_inner);
    if payload.is_ok() {
        recorder.give(py);
    }
    if let Some(raised) = recorder.raised {
        return Err(raised);
    }
    Ok(PyBytes::new(py, &payload.expect("the work stops where Python raised")))
}

/// What the network elsewhere says of some steps, and what the memory says of them.
struct Recorder<'a> {
    said: &'a Py<PyAny>,
    take: &'a Py<PyAny>,
    lanes: usize,
    /// The first of the steps.
    first: usize,
    stretches: Vec<u8>,
    logits: Vec<u8>,
    weights: Vec<u8>,
    bytes: usize,
    raised: Option<PyErr>,
}

impl<'a> Recorder<'a> {
    fn new(said: &'a Py<PyAny>, take: &'a Py<PyAny>, lanes: usize) -> Self {
        let (stretches, logits, weights) = (Vec::new(), Vec::new(), Vec::new());
        Self { said, take, lanes, first: 0, stretches, logits, weights, bytes: 0, raised: None }
    }

    /// Fills in what the network says of a step. Whether the work may go on.
    fn replay(&mut self, step: usize, row: &mut [i16]) -> bool {
        let size = 2 * row.len();
        if (step - self.first) * size == self.stretches.len() {
            self.first = step;
            Python::attach(|py| {
                py.check_signals().map_err(|raised| self.raised = Some(raised)).ok();
                self.give(py);
                self.ask(py, size);
            });
        }
        if self.raised.is_some() {
            return false;
        }
        let stretches = &self.stretches[(step - self.first) * size..][..size];
        for (stretch, &pair) in row.iter_mut().zip(stretches.as_chunks().0) {
            *stretch = i16::from_le_bytes(pair);
        }
        self.logits.resize(self.logits.len() + size, 0);
        self.weights.resize(self.weights.len() + size / 2, 0);
        true
    }

    /// Asks Python what the network says of the next steps, of which each takes `size` bytes.
    fn ask(&mut self, py: Python<'_>, size: usize) {
        if self.raised.is_some() {
            return;
        }
        let asked = self.said.call0(py).and_then(|said| {
            let said = said.cast_bound::<PyBytes>(py)?;
            Ok(said.as_bytes().to_vec())
        });
        match asked {
            Ok(said) if !said.is_empty() && said.len() % size == 0 => self.stretches = said,
            Ok(said) => {
                let what = format!("{} bytes are no steps of {size} bytes each", said.len());
                self.raised = Some(PyValueError::new_err(what));
            }
            Err(raised) => self.raised = Some(raised),
        }
    }

    /// Notes what the memory says of a bit. With the weight rounded first, both make the mixture.
    fn note(&mut self, mixture: Mixture) {
        let weight = ((mixture.weight + (1 << 7)) >> 8).clamp(0, 255);
        let logit = mixture.stretch - ((weight * mixture.network + (1 << 5)) >> 6);
        let at = (8 * (mixture.step - self.first) + mixture.bit) * self.lanes + mixture.lane;
        self.weights[at] = weight as u8;
        self.logits[2 * at..2 * at + 2].copy_from_slice(&(logit as i16).to_le_bytes());
    }

    /// Gives Python what was noted of the last steps.
    fn give(&mut self, py: Python<'_>) {
        if self.raised.is_some() || self.bytes == 0 {
            return;
        }
        let (logits, weights) = (PyBytes::new(py, &self.logits), PyBytes::new(py, &self.weights));
        self.raised = self.take.call1(py, (self.bytes, logits, weights)).err();
        self.bytes = 0;
        self.logits.clear();
        self.weights.clear();
    }
}

/// The payload of a mixed block of `data`, and why its bytes cost what they did.
///
/// With it come, as bytes: the bits of each byte, 32-bit floats; then of the bytes from `first` to
/// before `last`, in order: the likeliest bytes before it came, their probabilities, and the bits
/// of stretch by which each source spoke for it, both as 32-bit floats. In one thread.
#[pyfunction]
fn explain_block<'py>(
    py: Python<'py>,
    network: Option<&Bound<'py, Network>>,
    recipe: Recipe,
    data: &[u8],
    first: usize,
    last: usize,
    progress: Py<PyAny>,
) -> PyResult<(Bound<'py, PyBytes>, [Bound<'py, PyBytes>; 4])> {
    let network = network.map(Bound::get);
    let recipe = recipe.resolve(network, None, data.len())?;
    let mut watch = Watch::new(&progress);
    let mut told = Told { wanted: first..last, costs: vec![0.0; data.len()], told: Vec::new() };
    let payload =
        py.detach(|| block::explain_block(recipe, data, &mut told, &mut |bytes| watch.step(bytes)));
    let payload = watch.end(py, payload)?;
    told.told.sort_unstable_by_key(|explained| explained.place);
    let likely: Vec<u8> =
        told.told.iter().flat_map(|explained| explained.likely.map(|(byte, _)| byte)).collect();
    let floats = |values: &mut dyn Iterator<Item = f64>| {
        let values: Vec<u8> = values.flat_map(|value| (value as f32).to_le_bytes()).collect();
        PyBytes::new(py, &values)
    };
    let arrays = [
        floats(&mut told.costs.iter().copied()),
        PyBytes::new(py, &likely),
        floats(&mut told.told.iter().flat_map(|explained| explained.likely.map(|(_, p)| p))),
        floats(&mut told.told.iter().flat_map(|explained| explained.shares.iter().copied())),
    ];
    Ok((payload, arrays))
}

/// What an explanation told.
struct Told {
    wanted: std::ops::Range<usize>,
    costs: Vec<f64>,
    told: Vec<Explained>,
}

impl Explainer for Told {
    fn wants(&self, place: usize) -> bool {
        self.wanted.contains(&place)
    }

    fn take(&mut self, explained: Explained) {
        self.told.push(explained);
    }

    fn cost(&mut self, place: usize, bits: f64) {
        self.costs[place] = bits;
    }
}

/// The number of what `prepare` gives: what another has is of no use here.
#[pyfunction]
fn state_version() -> u32 {
    prepared::STATE_VERSION
}

/// How often each of the 256 values occurs.
#[pyfunction]
fn counts(py: Python<'_>, data: &[u8]) -> Vec<u64> {
    py.detach(|| {
        let mut counts = vec![0; 256];
        for &byte in data {
            counts[usize::from(byte)] += 1;
        }
        counts
    })
}

/// At how many places six bytes begin that have begun before, of about one place in eight: those
/// where the product of the six as a number has no bit in its upper three.
#[pyfunction]
fn repeats(py: Python<'_>, data: &[u8]) -> usize {
    py.detach(|| {
        let key = |six: &[u8]| six.iter().fold(0, |key: u64, &byte| key << 8 | u64::from(byte));
        let chosen = |key: &u64| key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 61 == 0;
        let mut keys: Vec<u64> = data.windows(6).map(key).filter(chosen).collect();
        let places = keys.len();
        keys.sort_unstable();
        keys.dedup();
        places - keys.len()
    })
}

/// A block as the transform of this number changes it.
#[pyfunction]
fn apply<'py>(py: Python<'py>, transform: u8, block: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    changed(py, transform, block, Transform::apply)
}

/// The inverse of `apply`.
#[pyfunction]
fn undo<'py>(py: Python<'py>, transform: u8, block: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    changed(py, transform, block, Transform::undo)
}

fn changed<'py>(
    py: Python<'py>,
    transform: u8,
    block: &[u8],
    change: fn(Transform, &mut [u8]),
) -> PyResult<Bound<'py, PyBytes>> {
    let transform = Transform::by_number(transform)
        .ok_or_else(|| PyValueError::new_err(format!("there is no transform {transform}")))?;
    let mut block = block.to_vec();
    py.detach(|| change(transform, &mut block));
    Ok(PyBytes::new(py, &block))
}

/// The parts of a block, at most so many bytes, in which its deflate streams are unpacked; None where
/// nothing is gained.
#[pyfunction]
fn unpack<'py>(
    py: Python<'py>,
    block: &[u8],
    most: usize,
) -> PyResult<Option<Bound<'py, PyBytes>>> {
    if block.len() > MAX_BLOCK {
        return Err(PyValueError::new_err(format!("a block has at most {MAX_BLOCK} bytes")));
    }
    let mut alive = Alive::new();
    let parts = py.detach(|| deflate::unpack(block, most, &mut || alive.go_on()));
    alive.end()?;
    Ok(parts.map(|parts| PyBytes::new(py, &parts)))
}

/// The inverse of `unpack` for a block of `length` bytes. Raises Damaged where there is none.
#[pyfunction]
fn rebuild<'py>(py: Python<'py>, parts: &[u8], length: usize) -> PyResult<Bound<'py, PyBytes>> {
    let mut alive = Alive::new();
    let block = py.detach(|| deflate::rebuild(parts, length, &mut || alive.go_on()));
    alive.end()?;
    match block {
        Ok(block) => Ok(PyBytes::new(py, &block)),
        Err(_) => Err(Damaged::new_err("parts that make no block of this length")),
    }
}

/// What a stretch of sound or a picture consists of; the form is wide, signed and high first as bits
/// 0 to 2.
#[derive(FromPyObject)]
struct Fields(u8, u32, usize, usize, Vec<usize>);

impl Fields {
    fn signal(self) -> PyResult<Signal> {
        let Self(form, window, channels, row, distances) = self;
        let (wide, signed, high_first) = (form & 1 != 0, form & 2 != 0, form & 4 != 0);
        let signal = Signal { wide, signed, high_first, window, channels, row, distances };
        if form > 7 || !signal.is_sound() {
            return Err(PyValueError::new_err("fields of a signal that are out of bounds"));
        }
        Ok(signal)
    }
}

/// The stream of a stretch of sound or a picture.
#[pyfunction]
fn encode_signal<'py>(
    py: Python<'py>,
    stretch: &[u8],
    signal: Fields,
    instruction_set: &str,
) -> PyResult<Bound<'py, PyBytes>> {
    let isa = Isa::choose(instruction_set).map_err(PyValueError::new_err)?;
    let (signal, mut alive) = (signal.signal()?, Alive::new());
    let stream = py.detach(|| signals::encode(stretch, &signal, isa, &mut || alive.go_on()));
    alive.end()?;
    Ok(PyBytes::new(py, &stream.unwrap_or_default()))
}

/// The stretch of so many bytes that a stream stands for.
#[pyfunction]
fn decode_signal<'py>(
    py: Python<'py>,
    stream: &[u8],
    size: usize,
    signal: Fields,
    instruction_set: &str,
) -> PyResult<Bound<'py, PyBytes>> {
    let isa = Isa::choose(instruction_set).map_err(PyValueError::new_err)?;
    let (signal, mut alive) = (signal.signal()?, Alive::new());
    let go_on = &mut || alive.go_on();
    let stretch = py.detach(|| signals::decode(stream, size, &signal, isa, go_on));
    alive.end()?;
    match stretch {
        Ok(stretch) => Ok(PyBytes::new(py, &stretch.unwrap_or_default())),
        Err(error) => Err(Damaged::new_err(error.to_string())),
    }
}

/// Lets Python stop work that tells nothing, some times a second.
struct Alive {
    asked: Instant,
    raised: Option<PyErr>,
}

impl Alive {
    fn new() -> Self {
        Self { asked: Instant::now(), raised: None }
    }

    fn go_on(&mut self) -> bool {
        if self.raised.is_none() && self.asked.elapsed() >= INTERVAL {
            self.raised = Python::attach(|py| py.check_signals()).err();
            self.asked = Instant::now();
        }
        self.raised.is_none()
    }

    /// What Python has raised meanwhile.
    fn end(self) -> PyResult<()> {
        self.raised.map_or(Ok(()), Err)
    }
}

/// Tells Python of the bytes done, and lets it stop the work, some times a second.
struct Watch<'a> {
    progress: &'a Py<PyAny>,
    told: Instant,
    bytes: usize,
    raised: Option<PyErr>,
}

impl<'a> Watch<'a> {
    fn new(progress: &'a Py<PyAny>) -> Self {
        Self { progress, told: Instant::now(), bytes: 0, raised: None }
    }

    /// Whether the work may go on after so many more bytes.
    fn step(&mut self, bytes: usize) -> bool {
        self.bytes += bytes;
        self.told.elapsed() < INTERVAL || self.tell()
    }

    fn tell(&mut self) -> bool {
        let bytes = std::mem::take(&mut self.bytes);
        let called = Python::attach(|py| {
            py.check_signals()?;
            self.progress.call1(py, (bytes,)).map(drop)
        });
        self.told = Instant::now();
        self.raised = called.err();
        self.raised.is_none()
    }

    /// The result of the work, after its last bytes were told.
    fn end<'py>(
        mut self,
        py: Python<'py>,
        result: Result<Vec<u8>, BlockError>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        if result.is_ok() {
            self.tell();
        }
        if let Some(raised) = self.raised {
            return Err(raised);
        }
        match result {
            Ok(bytes) => Ok(PyBytes::new(py, &bytes)),
            Err(BlockError::Damaged) => Err(Damaged::new_err("what no encoder writes")),
            Err(BlockError::Unprepared) => {
                Err(PyValueError::new_err("the file does not hold what the memory has learned"))
            }
            Err(BlockError::Stopped) => unreachable!("the work stops where Python raised"),
        }
    }
}

/// The sources that this module was compiled from, and the version of the file format.
#[pyfunction]
fn build_id() -> String {
    format!("{}-{}", env!("KOLMOZIP_SOURCES"), block::FORMAT_VERSION)
}

/// Names of the instruction sets that this processor has kernels for, the slowest first.
#[pyfunction]
fn instruction_sets() -> Vec<&'static str> {
    Isa::ALL.into_iter().filter(|isa| isa.is_available()).map(Isa::name).collect()
}

/// The instruction set that a name, or "" for the fastest one, stands for.
///
/// Raises ValueError where this processor has none of that name.
#[pyfunction]
#[pyo3(signature = (name = ""))]
fn instruction_set(name: &str) -> PyResult<&'static str> {
    Isa::choose(name).map(Isa::name).map_err(PyValueError::new_err)
}

#[pymodule]
mod _native {
    #[pymodule_export]
    use super::{
        Damaged, Network, Prepared, apply, build_id, counts, decode_block, decode_signal,
        encode_block, encode_signal, explain_block, instruction_set, instruction_sets, prepare,
        rebuild, record_block, repeats, state_version, undo, unpack,
    };
}
