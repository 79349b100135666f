//! The Python face of signed records: panlock_kernel.SignedChunk.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};
use pyo3::types::{PyBytes, PyList, PyTuple};

use crate::face::guarded;
use crate::record::Record as Fetched;
use crate::signed::chunk::{finish, read, Chunk, Finished, Read, Record, Terms, Verdict};
use crate::signed::content::{Pairs, Place};
use crate::signed::headers::OWN;
use crate::signed::refusal::Refusal;
use crate::signed::sealing::DataKey;

/// One record as Python holds it: references only.
enum Held {
    Fetched(Py<Fetched>),
    Other {
        key: Option<PyBackedBytes>,
        value: Option<PyBackedBytes>,
        headers: Vec<(PyBackedStr, Option<PyBackedBytes>)>,
        time: i64,
    },
    /// whose header's name is not UTF-8
    Unreadable,
}

impl Held {
    /// None where a header's name is not UTF-8: such a record is refused, not an error.
    fn headers(&self) -> Option<Vec<(&str, Option<&[u8]>)>> {
        match self {
            Self::Fetched(record) => {
                let pair = |(name, value)| Some((std::str::from_utf8(name).ok()?, value));
                record.get().headers().map(pair).collect()
            }
            Self::Other { headers, .. } => {
                Some(headers.iter().map(|(name, value)| (&**name, value.as_deref())).collect())
            }
            Self::Unreadable => None,
        }
    }

    fn record<'a>(&'a self, headers: Pairs<'a>) -> Record<'a> {
        match self {
            Self::Fetched(record) => {
                let record = record.get();
                Record { key: record.key(), value: record.value(), headers, time: record.timestamp() }
            }
            Self::Other { key, value, time, .. } => {
                Record { key: key.as_deref(), value: value.as_deref(), headers, time: *time }
            }
            Self::Unreadable => Record { key: None, value: None, headers, time: 0 },
        }
    }
}

#[pyclass(frozen, module = "panlock_kernel")]
pub struct SignedChunk {
    place: Place,
    held: Vec<Held>,
    chunk: Chunk,
}

type Hash<'py> = Bound<'py, PyBytes>;

/// Number of the record, stream, time, `panlock-certificates`, `panlock-sealed-key`.
type AttachedTuple<'py> = (usize, Hash<'py>, u64, Option<Hash<'py>>, Option<Hash<'py>>);

#[pymethods]
impl SignedChunk {
    #[new]
    #[pyo3(signature = (place, principal, records, window, sealed))]
    fn new(
        py: Python<'_>,
        place: (PyBackedStr, PyBackedBytes, u32),
        principal: &str,
        records: &Bound<'_, PyList>,
        window: u64,
        sealed: bool,
    ) -> PyResult<Self> {
        let (cluster, topic_id, partition) = place;
        let place = Place::new(&cluster, &topic_id, partition, principal)
            .ok_or_else(|| PyValueError::new_err("a topic's id has 16 bytes, and names at most 255"))?;
        let mut held = Vec::with_capacity(records.len());
        for record in records {
            held.push(extract(&record)?);
        }
        let terms = Terms { window, sealed };
        let chunk = py.detach(|| guarded(|| read_all(&place, principal, &terms, &held)))?;
        Ok(Self { place, held, chunk })
    }

    #[getter]
    fn roots<'py>(&self, py: Python<'py>) -> Vec<(Hash<'py>, u8, u32, Hash<'py>, Hash<'py>)> {
        let bytes = |raw: &[u8]| PyBytes::new(py, raw);
        let tuple = |each: &crate::signed::chunk::Root| {
            (bytes(&each.certificate), each.algorithm, each.size, bytes(&each.root), bytes(&each.signature))
        };
        self.chunk.roots.iter().map(tuple).collect()
    }

    #[getter]
    fn attached<'py>(&self, py: Python<'py>) -> Vec<AttachedTuple<'py>> {
        let bytes = |raw: &Vec<u8>| PyBytes::new(py, raw);
        let tuple = |each: &crate::signed::chunk::Attached| {
            let stream = PyBytes::new(py, &each.stream);
            (each.record, stream, each.time, each.certificates.as_ref().map(bytes), each.sealed_key.as_ref().map(bytes))
        };
        self.chunk.attached.iter().map(tuple).collect()
    }

    #[getter]
    fn sealed_keys<'py>(&self, py: Python<'py>) -> Vec<Hash<'py>> {
        self.chunk.sealed_keys.iter().map(|hash| PyBytes::new(py, hash)).collect()
    }

    /// `verdicts`: for each root the certificate's validity, or a reason's number; `keys`: for each sealed key the
    /// data key, or a reason's number.
    fn finish<'py>(
        &self,
        py: Python<'py>,
        verdicts: Vec<VerdictGiven>,
        keys: Vec<KeyGiven>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let verdicts: Vec<Verdict> = verdicts.into_iter().map(VerdictGiven::verdict).collect();
        let keys: Vec<_> = keys.into_iter().map(KeyGiven::key).collect();
        if verdicts.len() != self.chunk.roots.len() || keys.len() != self.chunk.sealed_keys.len() {
            return Err(PyValueError::new_err("one verdict for each root, and one key for each sealed key"));
        }
        let mut room = Vec::new();
        let finished = py.detach(|| guarded(|| self.finish_all(&verdicts, &keys, &mut room)))?;
        self.give(py, finished, &room)
    }
}

#[derive(FromPyObject)]
enum VerdictGiven {
    Valid(i64, i64),
    #[pyo3(transparent)]
    Refused(i32),
}

impl VerdictGiven {
    fn verdict(self) -> Verdict {
        match self {
            Self::Valid(from, until) => Ok((from, until)),
            Self::Refused(reason) => Err(reason),
        }
    }
}

#[derive(FromPyObject)]
enum KeyGiven {
    #[pyo3(transparent)]
    Key(PyBackedBytes),
    #[pyo3(transparent)]
    Refused(i32),
}

impl KeyGiven {
    fn key(self) -> Result<DataKey, i32> {
        match self {
            Self::Key(key) => DataKey::new(&key).ok_or(Refusal::SealInvalid as i32),
            Self::Refused(reason) => Err(reason),
        }
    }
}

impl SignedChunk {
    fn finish_all(
        &self,
        verdicts: &[Verdict],
        keys: &[Result<DataKey, i32>],
        room: &mut Vec<u8>,
    ) -> Vec<Result<(Finished, &Read), i32>> {
        let mut results = Vec::with_capacity(self.held.len());
        for (held, read) in self.held.iter().zip(&self.chunk.records) {
            results.push((|| {
                let headers = held.headers().ok_or(Refusal::InvalidUtf8 as i32)?;
                let read = read.as_ref().map_err(|refusal| *refusal as i32)?;
                Ok((finish(&self.place, &held.record(&headers), read, verdicts, keys, room)?, read))
            })());
        }
        results
    }

    /// (keys, values, headers, proofs): the first three of the records that are not refused; the last of all.
    fn give<'py>(
        &self,
        py: Python<'py>,
        finished: Vec<Result<(Finished, &Read), i32>>,
        room: &[u8],
    ) -> PyResult<Bound<'py, PyTuple>> {
        let certificates: Vec<_> = self.chunk.roots.iter().map(|root| PyBytes::new(py, &root.certificate)).collect();
        let (keys, values, headers) = (PyList::empty(py), PyList::empty(py), PyList::empty(py));
        let proofs = PyList::empty(py);
        let mut stream = PyBytes::new(py, &[]);
        for (held, finished) in self.held.iter().zip(finished) {
            let (finished, read) = match finished {
                Ok(finished) => finished,
                Err(reason) => {
                    proofs.append(reason)?;
                    continue;
                }
            };
            if stream.as_bytes() != read.stream {
                stream = PyBytes::new(py, &read.stream);
            }
            let pairs = held.headers().unwrap_or_default();
            let (record, kept) = (held.record(&pairs), passing(py, &pairs)?);
            let sealed_key = read.sealed_key.map(|number| number as i32).unwrap_or(-1);
            let evidence = PyBytes::new(py, &room[finished.evidence]);
            proofs.append((&certificates[read.root], &stream, read.sequence, sealed_key, evidence, &kept))?;
            keys.append(opened(py, finished.key.map(|place| &room[place]), record.key))?;
            values.append(opened(py, finished.value.map(|place| &room[place]), record.value))?;
            headers.append(kept)?;
        }
        (keys, values, headers, proofs).into_pyobject(py)
    }
}

fn read_all(place: &Place, principal: &str, terms: &Terms, held: &[Held]) -> Chunk {
    let headers: Vec<_> = held.iter().map(|held| held.headers().unwrap_or_default()).collect();
    read(place, principal, terms, held.iter().zip(&headers).map(|(held, headers)| held.record(headers)))
}

fn extract(record: &Bound<'_, PyAny>) -> PyResult<Held> {
    if let Ok(record) = record.cast::<Fetched>() {
        return Ok(Held::Fetched(record.clone().unbind()));
    }
    let py = record.py();
    let attribute = |name| record.getattr(name);
    let mut headers = Vec::new();
    for pair in attribute(pyo3::intern!(py, "headers"))?.try_iter()? {
        let (name, value): (Bound<'_, PyAny>, Option<PyBackedBytes>) = pair?.extract()?;
        match name.extract() {
            Ok(name) => headers.push((name, value)),
            Err(_) => return Ok(Held::Unreadable),
        }
    }
    Ok(Held::Other {
        key: attribute(pyo3::intern!(py, "key"))?.extract()?,
        value: attribute(pyo3::intern!(py, "value"))?.extract()?,
        headers,
        time: attribute(pyo3::intern!(py, "timestamp"))?.extract()?,
    })
}

/// The headers that may leave quarantine: all but those that begin with `panlock-`.
fn passing<'py>(py: Python<'py>, headers: Pairs<'_>) -> PyResult<Bound<'py, PyTuple>> {
    let mut kept = Vec::new(); // of most records, none: that takes no memory
    for (name, value) in headers {
        if !name.starts_with(OWN) {
            kept.push((name.into_pyobject(py)?, value.map(|bytes| PyBytes::new(py, bytes))));
        }
    }
    PyTuple::new(py, kept)
}

fn opened<'py>(py: Python<'py>, opened: Option<&[u8]>, given: Option<&[u8]>) -> Option<Bound<'py, PyBytes>> {
    opened.or(given).map(|bytes| PyBytes::new(py, bytes))
}
