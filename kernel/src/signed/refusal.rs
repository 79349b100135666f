//! Why a signed record is refused before it is masked.

/// The order is the face's numbering; the codes are pipeline.record.Reason's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    InvalidUtf8,
    IdentityDuplicate,
    IdentityMismatch,
    EnvelopeMissing,
    EnvelopeDuplicate,
    EnvelopeMalformed,
    EnvelopeStale,
    CertificateExpired,
    SealRequired,
    SealInvalid,
}

impl Refusal {
    pub const CODES: [&'static str; 10] = [
        "invalid-utf8",
        "identity-duplicate",
        "identity-mismatch",
        "envelope-missing",
        "envelope-duplicate",
        "envelope-malformed",
        "envelope-stale",
        "certificate-expired",
        "seal-required",
        "seal-invalid",
    ];
}
