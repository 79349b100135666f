//! Panlock's kernel: scan, mask and assess a chunk of records in one call.
mod config;
mod digest;
mod face;
mod keyring;
mod outcome;
mod path;
mod plan;
mod rules;
