//! The Python face: takes references to the caller's bytes, releases the GIL, catches every panic.

use std::panic::{catch_unwind, AssertUnwindSafe};

use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};

use crate::config::Config;
use crate::keyring::Keyring as Keys;
use crate::outcome::{Outcome, Rejection};
use crate::plan::{Input, Plan};
use crate::{results, room};

create_exception!(panlock_kernel, KernelPanic, PyException);

const PANIC: &str = "the masking kernel failed on this input, which is a defect; the record cannot be enforced";

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
pub struct Held {
    pub key: Option<PyBackedBytes>,
    pub value: Option<PyBackedBytes>,
    pub headers: Pairs,
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
        let mut outcome = Outcome { bytes: room::take(), ..Outcome::default() };
        py.detach(|| guarded(|| self.0.enforce(principal, records.iter().map(Held::input), &mut outcome)))?;
        let list = results::list(py, &records, &outcome);
        room::keep(outcome.bytes);
        list
    }

    fn findings(&self) -> Vec<(&'static str, u64)> {
        self.0.found().map(|(class, count)| (class.name(), count)).collect()
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
    if pairs.cast::<PyTuple>().is_ok_and(|pairs| pairs.is_empty()) {
        return Ok(Vec::new()); // most records have none
    }
    pairs.try_iter()?.map(|pair| pair?.extract()).collect()
}

/// Runs `work`; a panic becomes KernelPanic, without its message, which may quote the record.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> PyResult<T> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| KernelPanic::new_err(PANIC))
}

/// The yardstick of bench/kernel.py.
#[pyfunction]
fn parse_and_copy<'py>(py: Python<'py>, values: Vec<PyBackedBytes>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
    let mut copies = room::take();
    let places = py.detach(|| {
        let copy = |value: &PyBackedBytes| crate::copying::parse_and_copy(value, &mut copies);
        guarded(|| values.iter().map(copy).collect::<Result<Vec<_>, _>>())
    })?;
    let places = places.map_err(|rejected| PyValueError::new_err(rejected.place))?;
    let objects = places.into_iter().map(|place| PyBytes::new(py, &copies[place])).collect();
    room::keep(copies);
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
    module.add("REFUSALS", PyTuple::new(module.py(), crate::signed::refusal::Refusal::CODES)?)?;
    module.add_class::<crate::signed::face::SignedChunk>()?;
    module.add_function(wrap_pyfunction!(crate::audit::face::replay_chain, module)?)?;
    module.add_function(wrap_pyfunction!(crate::audit::face::leaf_hashes, module)?)?;
    module.add_function(wrap_pyfunction!(crate::audit::face::append_leaves, module)?)?;
    module.add_class::<crate::record::Record>()?;
    module.add_class::<crate::record::WrittenBatch>()?;
    module.add_function(wrap_pyfunction!(crate::record::read_batch, module)?)?;
    module.add_function(wrap_pyfunction!(crate::record::is_whole_batch, module)?)?;
    module.add_function(wrap_pyfunction!(parse_and_copy, module)?)?;
    module.add_function(wrap_pyfunction!(check_rule, module)?)?;
    module.add_function(wrap_pyfunction!(scan, module)?)?;
    module.add_function(wrap_pyfunction!(check_path, module)?)
}
