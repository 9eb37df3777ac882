//! Codes files with a design of the memory, and a network's evidence live or replayed.
#![forbid(unsafe_code)]

mod arguments;
mod evidence;

use arguments::{Arguments, USAGE};
use evidence::Evidence;
use kolmozip_core::block::{Beside, Recipe, decode_block, encode_block, observe_block};
use kolmozip_core::memory::Mixture;
use kolmozip_core::memory::designs;
use kolmozip_core::network::{Isa, Network};
use kolmozip_core::speculation::Speculate;
use kolmozip_core::weights::Weights;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

/// Bytes of a block at most.
const MAX_BLOCK: usize = 1 << 27;
/// Where nobody names them.
const LANES: usize = 16;

fn main() -> ExitCode {
    let arguments = match Arguments::read(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("error: {error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let isa = Isa::choose(&std::env::var("KOLMOZIP_ISA").unwrap_or_default())?;
    let network = match &arguments.weights {
        None => None,
        Some(path) => {
            let weights = Weights::read(&read(path)?);
            let weights = weights.map_err(|error| format!("{}: {error}", path.display()))?;
            Some(Network::new(&weights, isa))
        }
    };
    let evidence = arguments.replay.as_deref().map(Evidence::read).transpose()?;
    for path in &arguments.files {
        let mut data = read(path)?;
        arguments.transform.apply(&mut data);
        let lanes = match (&evidence, arguments.lanes) {
            (Some(evidence), Some(lanes)) if lanes != evidence.lanes => {
                return Err(format!("the replay has {} lanes: leave lanes out", evidence.lanes));
            }
            (Some(evidence), _) => evidence.lanes,
            (None, lanes) => lanes.unwrap_or(LANES),
        };
        if !(lanes..=MAX_BLOCK).contains(&data.len()) {
            let path = path.display();
            return Err(format!(
                "{path}: a block in {lanes} lanes has {lanes} to {MAX_BLOCK} bytes"
            ));
        }
        if evidence.as_ref().is_some_and(|evidence| !evidence.is_of(&data)) {
            return Err(format!("the replay is not of {}: record it anew", path.display()));
        }
        let replay = |step: usize, row: &mut [i16]| {
            evidence.iter().for_each(|evidence| row.copy_from_slice(evidence.of_step(step)));
            true
        };
        let network = match evidence {
            Some(_) => Beside::Replay(&replay),
            None => network.as_ref().into(),
        };
        let (design, tables, threads) = (arguments.design, arguments.tables, arguments.threads);
        let recipe = Recipe {
            design,
            tables,
            network,
            isa,
            lanes,
            threads,
            prepared: None,
            speculate: Speculate::Usual,
        };
        if arguments.record {
            record(recipe, &data, arguments.out.as_deref())?;
        } else {
            code(recipe, &data, path, arguments)?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Writes what the network says of a text; which memory it is beside does not matter.
fn record(recipe: Recipe<'_>, data: &[u8], out: Option<&Path>) -> Result<(), String> {
    let mut evidence = Evidence::new(data, recipe.lanes);
    let mut observer = |mixture: Mixture| {
        let at = evidence.at(mixture.step, mixture.bit, mixture.lane);
        evidence.stretches[at] = mixture.network as i16;
    };
    let recipe = Recipe { design: &designs::LIGHT, tables: 1, ..recipe };
    observe_block(recipe, data, &mut observer, &mut |_| true).expect("nothing stops the block");
    out.map_or(Ok(()), |out| evidence.write(out))
}

/// Codes a text, and says what comes of it.
fn code(recipe: Recipe<'_>, data: &[u8], path: &Path, arguments: &Arguments) -> Result<(), String> {
    let a_byte = |start: Instant| start.elapsed().as_secs_f64() * 1e6 / data.len() as f64;
    let start = Instant::now();
    let payload = encode_block(recipe, data, &mut |_| true).expect("nothing stops the block");
    let time = a_byte(start);
    if let Some(out) = &arguments.out {
        fs::write(out, &payload).map_err(|error| format!("{}: {error}", out.display()))?;
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let bits = 8.0 * payload.len() as f64 / data.len() as f64;
    print!("{name:12} {:>9} {:>8} {bits:.4} {time:.2} us", data.len(), payload.len());
    if arguments.decode {
        let start = Instant::now();
        let restored = decode_block(recipe, &payload, data.len(), &mut |_| true);
        let time = a_byte(start);
        if restored.as_deref() != Ok(data) {
            println!();
            return Err(format!("{} came back different", path.display()));
        }
        print!(", back {time:.2} us");
    }
    println!();
    Ok(())
}
