//! Two changes to a rule before it is evaluated.
//!
//! has(record.a.b) is false also where `a` is missing (CEL as it stands calls that an error, and would hold every
//! record without `a`): it becomes has(record.a) && has(record.a.b). And the pattern of matches() is compiled here,
//! once, not for every record: x.matches("p") becomes a call of MATCHES with x and the pattern's number.

use cel::common::ast::{operators, CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue};
use cel::common::types::CelInt;
use regex::Regex;

/// No rule can spell this name.
pub const MATCHES: &str = "@matches";

/// `patterns` grows by those of the rule, which check.rs has found to be regular expressions in quotes.
pub fn rewrite(rule: &mut IdedExpr, patterns: &mut Vec<Regex>) {
    match &mut rule.expr {
        Expr::Call(call) => {
            call.target.iter_mut().map(AsMut::as_mut).chain(&mut call.args).for_each(|part| rewrite(part, patterns));
            precompile(call, patterns);
        }
        Expr::Select(select) => {
            rewrite(&mut select.operand, patterns);
            if select.test {
                rule.expr = guarded(rule.expr.clone());
            }
        }
        Expr::List(list) => list.elements.iter_mut().for_each(|element| rewrite(element, patterns)),
        Expr::Map(map) => map.entries.iter_mut().for_each(|entry| match &mut entry.expr {
            EntryExpr::MapEntry(entry) => {
                rewrite(&mut entry.key, patterns);
                rewrite(&mut entry.value, patterns);
            }
            EntryExpr::StructField(field) => rewrite(&mut field.value, patterns),
        }),
        Expr::Comprehension(each) => {
            let parts =
                [&mut each.iter_range, &mut each.accu_init, &mut each.loop_cond, &mut each.loop_step, &mut each.result];
            parts.into_iter().for_each(|part| rewrite(part, patterns));
        }
        Expr::Ident(_) | Expr::Literal(_) | Expr::Struct(_) | Expr::Unspecified => {}
    }
}

/// has(a.b.c) → has(a.b) && has(a.b.c), and so on towards the root.
fn guarded(test: Expr) -> Expr {
    let Expr::Select(select) = &test else {
        return test;
    };
    let Expr::Select(inner) = &select.operand.expr else {
        return test;
    };
    let mut before = inner.clone();
    before.test = true;
    let before = guarded(Expr::Select(before));
    let part = |expr| IdedExpr { id: 0, expr };
    Expr::Call(CallExpr {
        func_name: operators::LOGICAL_AND.into(),
        target: None,
        args: vec![part(before), part(test)],
    })
}

fn precompile(call: &mut CallExpr, patterns: &mut Vec<Regex>) {
    if call.func_name != "matches" {
        return;
    }
    let Some(Expr::Literal(LiteralValue::String(text))) = call.args.last().map(|argument| &argument.expr) else {
        return;
    };
    if let Ok(pattern) = Regex::new(text.inner()) {
        let number = IdedExpr { id: 0, expr: Expr::Literal(LiteralValue::Int(CelInt::from(patterns.len() as i64))) };
        patterns.push(pattern);
        call.func_name = MATCHES.into();
        call.args.pop();
        call.args.extend(call.target.take().map(|target| *target));
        call.args.push(number);
    }
}
