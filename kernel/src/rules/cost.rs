//! Keeps rules linear: a loop over the record must not, at every turn, do work that grows with the rest of the record.
//!
//! Inside a loop, what belongs to the turn (its variable, and loops over parts of it) may be used freely. What lies
//! outside (record, key, headers, findings, outer variables) may be compared, tested by has() and calculated with:
//! that costs no more than the turn's own side. It may not be copied, searched, measured or looped over.

use cel::common::ast::{operators, CallExpr, EntryExpr, Expr, IdedExpr};

const REFUSED: &str = "inside a loop this would cost more than the record is long: \
    there, only compare fields of the record, test them with has() or calculate with them";

/// Operators that give a small value and cost no more than their smaller operand.
const SMALL: [&str; 14] = [
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::LESS,
    operators::LESS_EQUALS,
    operators::GREATER,
    operators::GREATER_EQUALS,
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::NOT_STRICTLY_FALSE,
    operators::SUBSTRACT,
    operators::MULTIPLY,
    operators::DIVIDE,
    operators::MODULO,
];

pub fn check(rule: &IdedExpr) -> Result<(), String> {
    visit(rule, None)
}

/// `turn`: the variables that belong to the turn of the loop around, if there is one.
fn visit(rule: &IdedExpr, turn: Option<&[&str]>) -> Result<(), String> {
    match &rule.expr {
        Expr::Ident(_) | Expr::Literal(_) | Expr::Struct(_) | Expr::Unspecified => Ok(()),
        Expr::Select(select) => visit(&select.operand, turn),
        Expr::Call(call) => visit_call(call, turn),
        Expr::List(list) => visit_parts(list.elements.iter(), turn),
        Expr::Map(map) => {
            let parts = map.entries.iter().flat_map(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
                EntryExpr::StructField(field) => vec![&field.value],
            });
            visit_parts(parts, turn)
        }
        Expr::Comprehension(each) => {
            visit(&each.iter_range, turn)?;
            let constant = !mentions_variable(&each.iter_range);
            let mut inner: Vec<&str> = match turn {
                Some(turn) if outside(&each.iter_range, turn) => return Err(REFUSED.into()),
                // a loop over a constant multiplies the cost by a constant
                Some(turn) if constant => turn.to_vec(),
                None if constant => {
                    return [&each.loop_cond, &each.loop_step, &each.result]
                        .into_iter()
                        .try_for_each(|part| visit(part, None))
                }
                _ => Vec::new(),
            };
            inner.push(&each.iter_var);
            let inside = [&each.accu_init, &each.loop_cond, &each.loop_step, &each.result];
            inside.into_iter().try_for_each(|part| visit(part, Some(&inner)))
        }
    }
}

fn visit_call(call: &CallExpr, turn: Option<&[&str]>) -> Result<(), String> {
    let parts = || call.target.iter().map(AsRef::as_ref).chain(&call.args);
    parts().try_for_each(|part| visit(part, turn))?;
    let Some(turn) = turn else {
        return Ok(());
    };
    let name = call.func_name.as_str();
    let refused = match name {
        operators::CONDITIONAL => false,
        operators::INDEX => call.args.get(1).is_some_and(|index| outside(index, turn)),
        _ => !SMALL.contains(&name) && parts().any(|part| outside(part, turn)),
    };
    if refused {
        Err(REFUSED.into())
    } else {
        Ok(())
    }
}

/// Elements of a list or map are copied into it.
fn visit_parts<'e>(parts: impl Iterator<Item = &'e IdedExpr>, turn: Option<&[&str]>) -> Result<(), String> {
    for part in parts {
        visit(part, turn)?;
        if turn.is_some_and(|turn| outside(part, turn)) {
            return Err(REFUSED.into());
        }
    }
    Ok(())
}

/// Whether a value may be large and come from outside the turn.
fn outside(rule: &IdedExpr, turn: &[&str]) -> bool {
    match &rule.expr {
        Expr::Ident(name) => is_variable(name) && !turn.contains(&name.as_str()),
        Expr::Select(select) => !select.test && outside(&select.operand, turn),
        Expr::Call(call) if call.func_name == operators::INDEX => outside(&call.args[0], turn),
        Expr::Call(call) if call.func_name == operators::CONDITIONAL => {
            call.args[1..].iter().any(|branch| outside(branch, turn))
        }
        // visit refuses what would make these large
        _ => false,
    }
}

fn mentions_variable(rule: &IdedExpr) -> bool {
    match &rule.expr {
        Expr::Ident(name) => is_variable(name),
        Expr::Select(select) => mentions_variable(&select.operand),
        Expr::Call(call) => call.target.iter().map(AsRef::as_ref).chain(&call.args).any(mentions_variable),
        Expr::List(list) => list.elements.iter().any(mentions_variable),
        Expr::Literal(_) => false,
        _ => true,
    }
}

/// The macros' own @result grows with the turns alone.
fn is_variable(name: &str) -> bool {
    !name.starts_with('@')
}
