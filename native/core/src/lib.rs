//! The coded path of kolmozip: integer network, memory and range coder, whole blocks at a time.

pub mod block;
pub mod coder;
mod constants;
pub mod deflate;
mod drafts;
mod history;
mod json;
mod lanes;
mod mapping;
pub mod memory;
pub mod network;
pub mod prepared;
pub mod shape;
pub mod signals;
pub mod speculation;
mod team;
pub mod transform;
pub mod weights;
