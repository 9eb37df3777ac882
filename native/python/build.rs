//! Names the sources that are compiled, so that a module older than its checkout is told by name.
//!
//! `compressor/codec/native.py` computes the same of the same files.

use std::fs;
use std::path::{Path, PathBuf};

/// Files and folders of the workspace that the compiled module is made of.
const SOURCES: [&str; 7] = [
    "Cargo.lock",
    "Cargo.toml",
    "core/Cargo.toml",
    "core/src",
    "python/Cargo.toml",
    "python/build.rs",
    "python/src",
];

fn main() {
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace holds the crate");
    let mut files = Vec::new();
    for name in SOURCES {
        let path = root.join(name);
        println!("cargo::rerun-if-changed={}", path.display());
        collect(path, &mut files);
    }
    let mut named: Vec<(String, PathBuf)> = files
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(root).expect("it lies below").components();
            let name: Vec<_> = name.map(|part| part.as_os_str().to_string_lossy()).collect();
            (name.join("/"), path)
        })
        .collect();
    named.sort();
    let mut crc = Crc32::new();
    for (name, path) in named {
        crc.update(name.as_bytes());
        crc.update(b"\0");
        crc.update(&fs::read(path).expect("a source can be read"));
        crc.update(b"\0");
    }
    println!("cargo::rustc-env=KOLMOZIP_SOURCES={:08x}", crc.finish());
}

/// The file, or all Rust files below the folder.
fn collect(path: PathBuf, files: &mut Vec<PathBuf>) {
    if !path.is_dir() {
        files.push(path);
        return;
    }
    for entry in fs::read_dir(path).expect("a folder can be read") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() || path.extension().is_some_and(|suffix| suffix == "rs") {
            collect(path, files);
        }
    }
}

/// CRC-32 as zip has it.
struct Crc32(u32);

impl Crc32 {
    fn new() -> Self {
        Self(!0)
    }

    fn update(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 ^= u32::from(byte);
            for _ in 0..8 {
                self.0 = self.0 >> 1 ^ if self.0 & 1 == 1 { 0xEDB8_8320 } else { 0 };
            }
        }
    }

    fn finish(&self) -> u32 {
        !self.0
    }
}
