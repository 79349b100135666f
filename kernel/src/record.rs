//! The Python face of record batches: panlock_kernel.Record and WrittenBatch. A record refers to the bytes of its
//! fetch, and makes Python's objects only of what is asked for.

use std::ops::Range;
use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};
use pyo3::types::{PyBytes, PyList, PyString, PyTuple};

use crate::batch::{headers, is_whole, read, seal, Header, Parts, Writer};

#[pyclass(frozen, module = "panlock_kernel")]
pub struct Record {
    raw: Arc<PyBackedBytes>,
    parts: Parts,
}

impl Record {
    pub fn key(&self) -> Option<&[u8]> {
        self.part(&self.parts.key)
    }

    pub fn value(&self) -> Option<&[u8]> {
        self.part(&self.parts.value)
    }

    pub fn headers(&self) -> impl Iterator<Item = Header<'_>> {
        headers(&self.raw[self.parts.headers.clone()])
    }

    pub fn timestamp(&self) -> i64 {
        self.parts.timestamp
    }

    fn part(&self, place: &Option<Range<usize>>) -> Option<&[u8]> {
        place.clone().map(|place| &self.raw[place])
    }
}

#[pymethods]
impl Record {
    #[getter]
    fn offset(&self) -> i64 {
        self.parts.offset
    }

    #[getter(timestamp)]
    fn given_timestamp(&self) -> i64 {
        self.parts.timestamp
    }

    #[getter(key)]
    fn given_key<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.key().map(|key| PyBytes::new(py, key))
    }

    #[getter(value)]
    fn given_value<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.value().map(|value| PyBytes::new(py, value))
    }

    #[getter(headers)]
    fn given_headers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        if self.parts.headers.is_empty() {
            return Ok(PyTuple::empty(py));
        }
        let pair = |(name, value): Header<'_>| {
            let name = match std::str::from_utf8(name) {
                Ok(name) => PyString::new(py, name),
                Err(_) => {
                    let raw = PyBytes::new(py, name);
                    PyString::from_encoded_object(&raw, Some(c"utf-8"), Some(c"surrogateescape"))?
                }
            };
            Ok((name, value.map(|value| PyBytes::new(py, value))))
        };
        PyTuple::new(py, self.headers().map(pair).collect::<PyResult<Vec<_>>>()?)
    }

    /// Bytes of key, value and headers.
    #[getter]
    fn size(&self) -> usize {
        let length = |place: &Option<Range<usize>>| place.as_ref().map_or(0, Range::len);
        length(&self.parts.key) + length(&self.parts.value) + self.parts.headers.len()
    }
}

/// Of the batch at `start..end`: its records as far as they are well-formed, and whether all of it is.
#[pyfunction]
pub fn read_batch<'py>(
    py: Python<'py>,
    raw: PyBackedBytes,
    start: usize,
    end: usize,
) -> PyResult<(Bound<'py, PyList>, bool)> {
    let raw = Arc::new(raw);
    let (parts, whole) = read(&raw, start..end);
    let records = PyList::empty(py);
    for parts in parts {
        records.append(Bound::new(py, Record { raw: raw.clone(), parts })?)?;
    }
    Ok((records, whole))
}

/// Whether the checksum of the batch at `start..end` is right.
#[pyfunction]
pub fn is_whole_batch(raw: PyBackedBytes, start: usize, end: usize) -> PyResult<bool> {
    raw.get(start..end).map(is_whole).ok_or_else(|| PyValueError::new_err("there are not so many bytes"))
}

/// Records of a transaction, encoded as one batch.
#[pyclass(frozen, module = "panlock_kernel")]
pub struct WrittenBatch {
    raw: Vec<u8>,
    #[pyo3(get)]
    count: u32,
}

#[pymethods]
impl WrittenBatch {
    /// `records[start..]` as far as `limit` bytes take them, the first one always.
    #[new]
    fn new(records: &Bound<'_, PyList>, start: usize, limit: usize) -> PyResult<Self> {
        let mut writer = Writer::new(limit);
        for record in records.iter().skip(start) {
            let record = record.cast::<PyTuple>()?;
            let (key, value) = (given(&record.get_item(0)?)?, given(&record.get_item(1)?)?);
            let (timestamp, headers) = (record.get_item(2)?.extract()?, record.get_item(3)?);
            let headers: Vec<(PyBackedStr, Option<PyBackedBytes>)> =
                headers.try_iter()?.map(|pair| pair?.extract()).collect::<PyResult<_>>()?;
            let pairs: Vec<_> = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_deref())).collect();
            if !writer.append(timestamp, key.as_deref(), value.as_deref(), &pairs) {
                break;
            }
        }
        let (raw, count) = writer.finish();
        Ok(Self { raw, count })
    }

    #[getter]
    fn size(&self) -> usize {
        self.raw.len()
    }

    /// The batch's bytes, of this producer.
    fn sealed<'py>(&self, py: Python<'py>, producer: i64, epoch: i16, sequence: i32) -> PyResult<Bound<'py, PyBytes>> {
        PyBytes::new_with(py, self.raw.len(), |bytes| {
            bytes.copy_from_slice(&self.raw);
            seal(bytes, producer, epoch, sequence);
            Ok(())
        })
    }
}

fn given(part: &Bound<'_, PyAny>) -> PyResult<Option<PyBackedBytes>> {
    part.extract().map_err(Into::into)
}
