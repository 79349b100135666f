//! Panlock's kernel: scan, mask and assess a chunk of records in one call.
//!
//! The way of a record: face (Python) → plan → walk (its value) and edges (key, headers) → rules → digest.

// what only the Python face uses
#![cfg_attr(not(feature = "extension-module"), allow(dead_code))]

mod audit;
mod automaton;
mod batch;
mod config;
mod copying;
mod detect;
mod digest;
mod digits;
mod edges;
mod encrypt;
mod evidence;
#[cfg(feature = "extension-module")]
mod face;
mod fpe;
mod iban;
mod iin;
mod json;
mod keyring;
mod luhn;
mod masking;
mod members;
mod names;
mod outcome;
mod pairs;
mod partial;
mod path;
mod plan;
#[cfg(test)]
mod properties;
#[cfg(feature = "extension-module")]
mod record;
#[cfg(feature = "extension-module")]
mod results;
#[cfg(feature = "extension-module")]
mod room;
mod rules;
mod shapes;
mod signed;
mod strategy;
mod survey;
mod swar;
mod text;
mod token;
mod walk;
