//! Signed and sealed records: what pipeline.identity.envelope defines, for a whole chunk with the GIL released.
//!
//! The way of a chunk: chunk (read: headers, envelope, content, leaf, root) → Python verifies each distinct root once →
//! chunk (finish: what the roots' verdicts and the data keys make of each record; sealing opens).

pub mod chunk;
pub mod content;
pub mod envelope;
#[cfg(feature = "extension-module")]
pub mod face;
pub mod headers;
pub mod merkle;
pub mod refusal;
pub mod sealing;
