//! The Python face of the audit: replay_chain, leaf_hashes, append_leaves.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

use crate::audit::chain::{replay, Replayed};
use crate::audit::tree::{append, is_range, leaf, Hash};
use crate::face::guarded;

type Bytes<'py> = Bound<'py, PyBytes>;

#[pyfunction]
pub fn replay_chain<'py>(
    py: Python<'py>,
    lane: u32,
    due: u64,
    head: &[u8],
    keys: Vec<Option<PyBackedBytes>>,
    values: Vec<Option<PyBackedBytes>>,
) -> PyResult<(usize, Bytes<'py>, Bytes<'py>, Vec<usize>)> {
    let head: Hash = head.try_into().map_err(|_| PyValueError::new_err("a hash has 32 bytes"))?;
    let records = keys.iter().zip(&values).map(|(key, value)| (key.as_deref(), value.as_deref()));
    let Replayed { count, head, leaves, signed } = py.detach(|| guarded(|| replay(lane, due, head, records)))?;
    Ok((count, PyBytes::new(py, &head), PyBytes::new(py, leaves.as_flattened()), signed))
}

#[pyfunction]
pub fn leaf_hashes<'py>(py: Python<'py>, values: Vec<PyBackedBytes>) -> PyResult<Bytes<'py>> {
    let leaves: Vec<Hash> = py.detach(|| guarded(|| values.iter().map(|value| leaf(value)).collect()))?;
    Ok(PyBytes::new(py, leaves.as_flattened()))
}

#[pyfunction]
pub fn append_leaves<'py>(py: Python<'py>, size: u64, peaks: &[u8], leaves: &[u8]) -> PyResult<Bytes<'py>> {
    let (peaks, rest) = peaks.as_chunks::<32>();
    let (leaves, more) = leaves.as_chunks::<32>();
    if !rest.is_empty() || !more.is_empty() || !is_range(size, peaks) {
        return Err(PyValueError::new_err("no compact range of that size, or no whole hashes"));
    }
    let mut grown = peaks.to_vec();
    py.detach(|| guarded(|| append(size, &mut grown, leaves)))?;
    Ok(PyBytes::new(py, grown.as_flattened()))
}
