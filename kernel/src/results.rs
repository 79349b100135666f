//! What a chunk comes to, in Python's objects. Made under the GIL: nothing is moved, and what repeats is made once.

use std::ops::Range;

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyList, PyTuple};

use crate::digest::hex;
use crate::face::Held;
use crate::outcome::{Outcome, Output};
use crate::pairs;

static NOTHING: PyOnceLock<Py<PyBytes>> = PyOnceLock::new();

pub fn list<'py>(py: Python<'py>, records: &[Held], outcome: &Outcome) -> PyResult<Bound<'py, PyList>> {
    let mut results = Results { py, bytes: &outcome.bytes, evidence: (b"[]", nothing(py)) };
    let mut tuples = Vec::with_capacity(records.len());
    for (record, output) in records.iter().zip(&outcome.outputs) {
        tuples.push(results.tuple(record, output)?);
    }
    PyList::new(py, tuples)
}

/// `b"[]"`, one object for all records without findings.
fn nothing(py: Python<'_>) -> Bound<'_, PyBytes> {
    NOTHING.get_or_init(py, || PyBytes::new(py, b"[]").unbind()).bind(py).clone()
}

struct Results<'a, 'py> {
    py: Python<'py>,
    bytes: &'a [u8],
    /// the last one and its object: most records of a chunk have the same
    evidence: (&'a [u8], Bound<'py, PyBytes>),
}

impl<'py> Results<'_, 'py> {
    fn tuple(&mut self, record: &Held, output: &Output) -> PyResult<Bound<'py, PyTuple>> {
        let py = self.py;
        if output.verdict < 0 {
            let none = py.None();
            return (output.verdict, &output.detail, &none, &none, &none, nothing(py), &none, PyBytes::new(py, b""))
                .into_pyobject(py);
        }
        (
            output.verdict,
            &output.detail,
            self.same_or_new(output.key.as_deref(), &record.key)?,
            self.same_or_new(output.value.clone().map(|value| &self.bytes[value]), &record.value)?,
            self.headers(record, output)?,
            self.evidence(output.masking.clone()),
            output.more.as_ref().map(|json| PyBytes::new(py, json)),
            PyBytes::new(py, &hex(&output.sha256)),
        )
            .into_pyobject(py)
    }

    fn evidence(&mut self, place: Option<Range<usize>>) -> Bound<'py, PyBytes> {
        let Some(json) = place.map(|place| &self.bytes[place]) else { return nothing(self.py) };
        if self.evidence.0 != json {
            self.evidence = (json, PyBytes::new(self.py, json));
        }
        self.evidence.1.clone()
    }

    fn same_or_new(&self, changed: Option<&[u8]>, given: &Option<PyBackedBytes>) -> PyResult<Py<PyAny>> {
        Ok(match (changed, given) {
            (Some(bytes), _) => PyBytes::new(self.py, bytes).into_any().unbind(),
            (None, Some(bytes)) => bytes.into_pyobject(self.py)?.into_any().unbind(),
            (None, None) => self.py.None(),
        })
    }

    /// The headers that pass, and Panlock's own behind them; None where they are those that were given.
    fn headers(&self, record: &Held, output: &Output) -> PyResult<Option<Bound<'py, PyTuple>>> {
        if output.headers.is_none() && output.previous_tokens.is_none() {
            return Ok(None);
        }
        let mut headers = Vec::with_capacity(record.headers.len() + 1);
        let mut add = |index: usize, changed: Option<&[u8]>| -> PyResult<()> {
            let (name, value) = &record.headers[index];
            headers.push((name.into_pyobject(self.py)?.into_any(), self.same_or_new(changed, value)?));
            Ok(())
        };
        match &output.headers {
            Some(kept) => kept.iter().try_for_each(|header| add(header.index, header.value.as_deref()))?,
            None => (0..record.headers.len()).try_for_each(|index| add(index, None))?,
        }
        if let Some(json) = &output.previous_tokens {
            let value = self.same_or_new(Some(json), &None)?;
            headers.push((pairs::HEADER.into_pyobject(self.py)?.into_any(), value));
        }
        PyTuple::new(self.py, headers).map(Some)
    }
}
