//! The audit in bulk: a lane's chain replayed, and the hashes of its RFC 6962 tree, with the GIL released.
//!
//! What is not as it should be at first sight is left to Python (pipeline.audit.verify), which says what is wrong.

mod canonical;
pub mod chain;
#[cfg(feature = "extension-module")]
pub mod face;
pub mod tree;
