//! Hold rules (CEL, https://cel.dev): which of a flow's rules, in order, is the first to match a masked record.

mod check;
mod cost;
mod document;
mod rewrite;
mod scope;
mod wanted;

use std::sync::{Arc, LazyLock};

use cel::common::ast::IdedExpr;
use cel::common::types::CelBool;
use cel::{Context, Env, Value};

use crate::config::Rule;
use crate::plan::Input;
use scope::RecordScope;
use wanted::Wanted;

/// The standard library, without optional syntax: a missing field is what has() is for.
static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib().with_optional_support(false)));

/// `detail` of a hold whose rule could not be evaluated: it holds the record, since nobody can say that it may pass.
const RULE_ERROR: &str = "rule-error";

pub struct Rules {
    rules: Vec<IdedExpr>,
    wanted: Wanted,
    root: Context<'static, 'static>,
}

impl Rules {
    pub fn compile(rules: &[Rule]) -> Result<Self, String> {
        let parsed = |rule: &Rule| check::parse(&rule.when).map_err(|what| format!("rule {}: {what}", rule.id));
        let mut rules = rules.iter().map(parsed).collect::<Result<Vec<_>, _>>()?;
        let mut patterns = Vec::new();
        rules.iter_mut().for_each(|rule| rewrite::rewrite(rule, &mut patterns));
        let mut root = Context::with_env(Arc::clone(&ENVIRONMENT));
        root.add_function(rewrite::MATCHES, move |text: Arc<String>, number: i64| {
            patterns.get(number as usize).is_some_and(|pattern| pattern.is_match(&text))
        })
        .map_err(|error| error.to_string())?;
        Ok(Self { wanted: Wanted::of(rules.iter()), rules, root })
    }

    /// 0, or the number (from 1) of the first rule that matches or cannot be evaluated. A tombstone is never held.
    /// `masking`: the record's evidence as JSON.
    pub fn assess(&self, principal: &str, record: &Input, masking: &[u8]) -> (i32, Option<String>) {
        let Some(value) = record.value.filter(|_| !self.rules.is_empty()) else {
            return (0, None);
        };
        let scope = RecordScope::new(principal, record, value, masking, &self.wanted);
        let mut context = self.root.new_inner_scope();
        context.set_variable_resolver(&scope);
        for (rule, number) in self.rules.iter().zip(1..) {
            let result = Value::resolve_val(rule, &context);
            match result.as_ref().ok().and_then(|value| value.downcast_ref::<CelBool>()).map(|truth| *truth.inner()) {
                Some(true) => return (number, None),
                Some(false) => {}
                None => return (number, Some(RULE_ERROR.to_owned())),
            }
        }
        (0, None)
    }
}

/// Whether a text is a hold rule; if not, what is wrong with it and what to write.
pub fn check(text: &str) -> Result<(), String> {
    check::parse(text).map(|_| ())
}
