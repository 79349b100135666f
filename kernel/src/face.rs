//! The Python face: takes references to the caller's bytes, releases the GIL, catches every panic.

use std::cell::Cell;
use std::ops::Range;
use std::panic::{catch_unwind, AssertUnwindSafe};

use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};

use crate::config::Config;
use crate::keyring::Keyring as Keys;
use crate::outcome::{KeptHeader, Outcome, Output, Rejection};
use crate::pairs;
use crate::plan::{Input, Plan};

create_exception!(panlock_kernel, KernelPanic, PyException);

const PANIC: &str = "the masking kernel failed on this input, which is a defect; the record cannot be enforced";

static NOTHING: PyOnceLock<Py<PyBytes>> = PyOnceLock::new();

#[pyclass(frozen, module = "panlock_kernel")]
struct Keyring(Keys);

#[pymethods]
impl Keyring {
    #[new]
    fn new(keys: &Bound<'_, PyDict>, active: &str) -> PyResult<Self> {
        let mut pairs = Vec::with_capacity(keys.len());
        for (id, key) in keys {
            pairs.push((id.extract::<String>()?, key.extract::<Vec<u8>>()?));
        }
        Keys::new(pairs, active).map(Self).map_err(PyValueError::new_err)
    }
}

#[pyclass(frozen, module = "panlock_kernel")]
struct Flow(Plan);

type Pairs = Vec<(PyBackedStr, Option<PyBackedBytes>)>;

/// One record as Python holds it: references only.
struct Held {
    key: Option<PyBackedBytes>,
    value: Option<PyBackedBytes>,
    headers: Pairs,
}

impl Held {
    fn input(&self) -> Input<'_> {
        Input {
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            headers: self.headers.iter().map(|(name, value)| (&**name, value.as_deref())).collect(),
        }
    }
}

#[pymethods]
impl Flow {
    #[new]
    fn new(config: &[u8], keyring: &Keyring) -> PyResult<Self> {
        let config = Config::parse(config).map_err(PyValueError::new_err)?;
        guarded(|| Plan::compile(&config, &keyring.0))?.map(Self).map_err(PyValueError::new_err)
    }

    fn enforce<'py>(
        &self,
        py: Python<'py>,
        principal: &str,
        keys: &Bound<'py, PyList>,
        values: &Bound<'py, PyList>,
        headers: &Bound<'py, PyList>,
    ) -> PyResult<Bound<'py, PyList>> {
        if keys.len() != values.len() || headers.len() != values.len() {
            return Err(PyValueError::new_err("keys, values and headers must be as many as each other"));
        }
        let mut records = Vec::with_capacity(values.len());
        for ((key, value), pairs) in keys.iter().zip(values.iter()).zip(headers.iter()) {
            records.push(Held { key: key.extract()?, value: value.extract()?, headers: extract_headers(&pairs)? });
        }
        let mut outcome = Outcome { bytes: room(), ..Outcome::default() };
        py.detach(|| guarded(|| self.0.enforce(principal, records.iter().map(Held::input), &mut outcome)))?;
        let results = to_python(py, &records, &mut outcome);
        keep(outcome.bytes);
        results
    }

    fn reveal(&self, encrypted: &[u8]) -> PyResult<Option<(&'static str, Vec<u8>)>> {
        guarded(|| self.0.reveal(encrypted).map(|(class, text)| (class.name(), text)))
    }

    fn assess(
        &self,
        py: Python<'_>,
        principal: &str,
        key: Option<PyBackedBytes>,
        value: Option<PyBackedBytes>,
        headers: &Bound<'_, PyAny>,
        masking: &[u8],
    ) -> PyResult<(i32, Option<String>)> {
        let record = Held { key, value, headers: extract_headers(headers)? };
        py.detach(|| guarded(|| self.0.assess(principal, &record.input(), masking)))
    }
}

fn extract_headers(pairs: &Bound<'_, PyAny>) -> PyResult<Pairs> {
    pairs.try_iter()?.map(|pair| pair?.extract()).collect()
}

thread_local! {
    /// What a chunk's bytes were written to, for the next chunk: memory that is given back comes again page by page.
    static ROOM: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Bytes that a thread keeps at most.
const KEPT: usize = 4 << 20;

fn room() -> Vec<u8> {
    ROOM.take()
}

fn keep(mut room: Vec<u8>) {
    if room.capacity() <= KEPT {
        room.clear();
        ROOM.set(room);
    }
}

fn to_python<'py>(py: Python<'py>, records: &[Held], outcome: &mut Outcome) -> PyResult<Bound<'py, PyList>> {
    let mut evidence = Evidence { bytes: &outcome.bytes, last: (b"[]", nothing(py)) };
    let results = std::mem::take(&mut outcome.outputs);
    let results = records.iter().zip(results).map(|(record, output)| result(py, record, output, &mut evidence));
    PyList::new(py, results.collect::<PyResult<Vec<_>>>()?)
}

/// The last evidence and its object: most records of a chunk have the same.
struct Evidence<'a, 'py> {
    bytes: &'a [u8],
    last: (&'a [u8], Bound<'py, PyBytes>),
}

impl<'py> Evidence<'_, 'py> {
    fn object(&mut self, py: Python<'py>, place: Option<Range<usize>>) -> Bound<'py, PyBytes> {
        let Some(json) = place.map(|place| &self.bytes[place]) else { return nothing(py) };
        if self.last.0 != json {
            self.last = (json, PyBytes::new(py, json));
        }
        self.last.1.clone()
    }
}

fn result<'py>(
    py: Python<'py>,
    record: &Held,
    output: Output,
    evidence: &mut Evidence<'_, 'py>,
) -> PyResult<Bound<'py, PyTuple>> {
    if output.verdict < 0 {
        let none = py.None();
        return (output.verdict, output.detail, &none, &none, &none, nothing(py), &none, PyBytes::new(py, b""))
            .into_pyobject(py);
    }
    let headers = to_headers(py, record, output.headers, output.previous_tokens)?;
    (
        output.verdict,
        output.detail,
        same_or_new(py, output.key.as_deref(), &record.key)?,
        same_or_new(py, output.value.map(|value| &evidence.bytes[value]), &record.value)?,
        headers,
        evidence.object(py, output.masking),
        output.more.map(|json| PyBytes::new(py, &json)),
        PyBytes::new(py, &output.sha256),
    )
        .into_pyobject(py)
}

fn same_or_new(py: Python<'_>, changed: Option<&[u8]>, given: &Option<PyBackedBytes>) -> PyResult<Py<PyAny>> {
    Ok(match (changed, given) {
        (Some(bytes), _) => PyBytes::new(py, bytes).into_any().unbind(),
        (None, Some(bytes)) => bytes.into_pyobject(py)?.into_any().unbind(),
        (None, None) => py.None(),
    })
}

/// The headers that pass, and Panlock's own behind them; None where they are those that were given.
fn to_headers<'py>(
    py: Python<'py>,
    record: &Held,
    kept: Option<Vec<KeptHeader>>,
    previous_tokens: Option<Vec<u8>>,
) -> PyResult<Option<Bound<'py, PyTuple>>> {
    let kept = match (kept, &previous_tokens) {
        (None, None) => return Ok(None),
        (None, Some(_)) => (0..record.headers.len()).map(|index| KeptHeader { index, value: None }).collect(),
        (Some(kept), _) => kept,
    };
    let mut headers = Vec::with_capacity(kept.len() + 1);
    for header in kept {
        let (name, value) = &record.headers[header.index];
        headers.push((name.into_pyobject(py)?.into_any(), same_or_new(py, header.value.as_deref(), value)?));
    }
    if let Some(json) = previous_tokens {
        headers.push((pairs::HEADER.into_pyobject(py)?.into_any(), PyBytes::new(py, &json).into_any().unbind()));
    }
    PyTuple::new(py, headers).map(Some)
}

/// `b"[]"`, one object for all records without findings.
fn nothing(py: Python<'_>) -> Bound<'_, PyBytes> {
    NOTHING.get_or_init(py, || PyBytes::new(py, b"[]").unbind()).bind(py).clone()
}

/// Runs `work`; a panic becomes KernelPanic, without its message, which may quote the record.
fn guarded<T>(work: impl FnOnce() -> T) -> PyResult<T> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| KernelPanic::new_err(PANIC))
}

/// The yardstick of bench/kernel.py.
#[pyfunction]
fn parse_and_copy<'py>(py: Python<'py>, values: Vec<PyBackedBytes>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
    let mut copies = room();
    let places = py.detach(|| {
        let copy = |value: &PyBackedBytes| crate::copying::parse_and_copy(value, &mut copies);
        guarded(|| values.iter().map(copy).collect::<Result<Vec<_>, _>>())
    })?;
    let places = places.map_err(|rejected| PyValueError::new_err(rejected.place))?;
    let objects = places.into_iter().map(|place| PyBytes::new(py, &copies[place])).collect();
    keep(copies);
    Ok(objects)
}

#[pyfunction]
fn check_rule(text: &str) -> PyResult<()> {
    guarded(|| crate::rules::check(text))?.map_err(PyValueError::new_err)
}

#[pyfunction]
fn check_path(text: &str) -> PyResult<()> {
    guarded(|| crate::path::Path::parse(text).map(|_| ()))?.map_err(PyValueError::new_err)
}

/// What the scan finds in a JSON value, as JSON.
#[pyfunction]
fn scan<'py>(py: Python<'py>, value: PyBackedBytes) -> PyResult<Bound<'py, PyBytes>> {
    let json = py.detach(|| guarded(|| crate::survey::survey(&value)))?;
    Ok(PyBytes::new(py, json.as_bytes()))
}

#[pymodule]
fn panlock_kernel(module: &Bound<'_, PyModule>) -> PyResult<()> {
    // The default hook prints a panic's message, and with it what the record holds, to stderr.
    std::panic::set_hook(Box::new(|panic| {
        if let Some(place) = panic.location() {
            eprintln!("panlock-kernel: panic at {}:{}", place.file(), place.line());
        }
    }));
    module.add("KernelPanic", module.py().get_type::<KernelPanic>())?;
    module.add("REJECTIONS", PyTuple::new(module.py(), Rejection::CODES)?)?;
    module.add_class::<Keyring>()?;
    module.add_class::<Flow>()?;
    module.add_function(wrap_pyfunction!(parse_and_copy, module)?)?;
    module.add_function(wrap_pyfunction!(check_rule, module)?)?;
    module.add_function(wrap_pyfunction!(scan, module)?)?;
    module.add_function(wrap_pyfunction!(check_path, module)?)
}
