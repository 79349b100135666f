//! What the kernel decides about one record.

use std::ops::Range;

/// Why a record is rejected, and where in the masked document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    pub reason: Rejection,
    pub place: String,
}

impl Rejected {
    pub fn at_byte(reason: Rejection, offset: usize) -> Self {
        Self { reason, place: format!("byte {offset}") }
    }
}

/// Reason codes of FORMATS.md that the kernel gives. The order is the face's numbering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    MalformedJson,
    DuplicateKey,
    InvalidUtf8,
    NotFinite,
    TrailingBytes,
    TooDeep,
    FieldType,
    HeaderName,
    UndeclaredField,
}

impl Rejection {
    pub const CODES: [&'static str; 9] = [
        "malformed-json",
        "duplicate-key",
        "invalid-utf8",
        "not-finite",
        "trailing-bytes",
        "too-deep",
        "field-type",
        "header-name",
        "undeclared-field",
    ];

    pub fn code(self) -> &'static str {
        Self::CODES[self as usize]
    }

    pub fn verdict(self) -> i32 {
        -1 - self as i32
    }
}

/// A header that passes: which of the given ones, and its value if masking changed it.
#[derive(Debug, PartialEq, Eq)]
pub struct KeptHeader {
    pub index: usize,
    pub value: Option<Vec<u8>>,
}

/// What a chunk's records come to. What is long stands in one buffer, so that a record costs no allocation of its own.
#[derive(Debug, Default)]
pub struct Outcome {
    pub outputs: Vec<Output>,
    pub bytes: Vec<u8>,
}

/// The outcome for one record. `key`, `value` and `headers` are None where nothing changed.
#[derive(Debug)]
pub struct Output {
    pub verdict: i32,
    pub detail: Option<String>,
    pub key: Option<Vec<u8>>,
    /// in the chunk's `bytes`, as `masking` is
    pub value: Option<Range<usize>>,
    pub headers: Option<Vec<KeptHeader>>,
    /// what the header of crate::pairs says, which follows them
    pub previous_tokens: Option<Vec<u8>>,
    pub masking: Option<Range<usize>>,
    pub more: Option<Vec<u8>>,
    pub sha256: [u8; 32],
}

impl From<Rejected> for Output {
    fn from(rejected: Rejected) -> Self {
        Self {
            verdict: rejected.reason.verdict(),
            detail: Some(rejected.place),
            key: None,
            value: None,
            headers: None,
            previous_tokens: None,
            masking: None,
            more: None,
            sha256: [0; 32],
        }
    }
}
