//! Which members of the record a flow's rules speak of: only those are converted.

use std::collections::BTreeSet;

use cel::common::ast::{operators, EntryExpr, Expr, IdedExpr, LiteralValue};

#[derive(Debug, PartialEq, Eq)]
pub enum Wanted {
    /// `record` is only used as record.a, record["a"] and has(record.a): these names
    Members(Vec<String>),
    All,
}

impl Wanted {
    pub fn of<'e>(rules: impl Iterator<Item = &'e IdedExpr>) -> Self {
        let mut names = BTreeSet::new();
        for rule in rules {
            if !collect(rule, &mut names) {
                return Self::All;
            }
        }
        Self::Members(names.into_iter().collect())
    }
}

/// Adds the names; false where the record is used as a whole.
fn collect(rule: &IdedExpr, names: &mut BTreeSet<String>) -> bool {
    match &rule.expr {
        Expr::Ident(name) => name != "record",
        Expr::Select(select) if is_record(&select.operand) => {
            names.insert(select.field.clone());
            true
        }
        Expr::Select(select) => collect(&select.operand, names),
        Expr::Call(call) if call.func_name == operators::INDEX && is_record(&call.args[0]) => {
            match &call.args[1].expr {
                Expr::Literal(LiteralValue::String(name)) => {
                    names.insert(name.inner().to_owned());
                    true
                }
                _ => false,
            }
        }
        Expr::Call(call) => call.target.iter().map(AsRef::as_ref).chain(&call.args).all(|part| collect(part, names)),
        Expr::List(list) => list.elements.iter().all(|element| collect(element, names)),
        Expr::Map(map) => map.entries.iter().all(|entry| match &entry.expr {
            EntryExpr::MapEntry(entry) => collect(&entry.key, names) && collect(&entry.value, names),
            EntryExpr::StructField(field) => collect(&field.value, names),
        }),
        Expr::Comprehension(each) => {
            [&each.iter_range, &each.accu_init, &each.loop_cond, &each.loop_step, &each.result]
                .into_iter()
                .all(|part| collect(part, names))
        }
        Expr::Literal(_) => true,
        Expr::Struct(_) | Expr::Unspecified => false,
    }
}

fn is_record(rule: &IdedExpr) -> bool {
    matches!(&rule.expr, Expr::Ident(name) if name == "record")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::check::parse;

    fn wanted(rules: &[&str]) -> Wanted {
        let parsed: Vec<_> = rules.iter().map(|rule| parse(rule).unwrap()).collect();
        Wanted::of(parsed.iter())
    }

    fn members(names: &[&str]) -> Wanted {
        Wanted::Members(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn named_members_alone_are_wanted() {
        assert_eq!(wanted(&["has(record.a.b) && record.c == record[\"d\"].e"]), members(&["a", "c", "d"]));
        assert_eq!(wanted(&["record.a.exists(x, x.b == record.c)", "principal == 'p'"]), members(&["a", "c"]));
    }

    #[test]
    fn any_other_use_wants_the_whole_record() {
        for rule in ["size(record) > 3", "record == {}", "record.exists(name, name == 'a')", "record[key] == 1"] {
            assert_eq!(wanted(&[rule]), Wanted::All, "{rule}");
        }
    }
}
