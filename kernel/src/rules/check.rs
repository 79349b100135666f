//! What a hold rule may say: known variables and functions only, and nothing that costs more than the record is long.

use cel::common::ast::{operators, CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue};
use cel::ParseErrors;

use super::{cost, ENVIRONMENT};

/// Bytes of a rule. What a rule costs grows with its length; this bounds it.
const MAX_BYTES: usize = 4096;

/// Expressions in each other. Checking and evaluation recurse; this bounds their stack.
const DEEPEST: usize = 100;

pub const VARIABLES: [&str; 5] = ["record", "key", "headers", "principal", "findings"];

const TYPES: [&str; 12] =
    ["int", "uint", "double", "bool", "string", "bytes", "list", "map", "null_type", "type", "timestamp", "duration"];

const FUNCTIONS: [&str; 12] =
    ["size", "int", "uint", "double", "string", "bool", "bytes", "type", "dyn", "timestamp", "duration", "matches"];

const METHODS: [&str; 15] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "getFullYear",
    "getMonth",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getHours",
    "getMinutes",
    "getSeconds",
    "getMilliseconds",
];

/// What the parser may need for a text of MAX_BYTES: it recurses, and the caller's stack may be small.
const PARSER_STACK: usize = 16 << 20;

/// The rule as it stands, checked. What is wrong otherwise, and what to write.
pub fn parse(text: &str) -> Result<IdedExpr, String> {
    std::thread::scope(|scope| {
        let parser = std::thread::Builder::new().stack_size(PARSER_STACK);
        let parser = parser.spawn_scoped(scope, || parse_here(text)).map_err(|error| format!("no thread: {error}"))?;
        parser.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn parse_here(text: &str) -> Result<IdedExpr, String> {
    if text.len() > MAX_BYTES {
        return Err(format!("a rule of {} bytes: at most {MAX_BYTES}", text.len()));
    }
    let program = ENVIRONMENT.compile(text).map_err(|errors| parse_error(&errors))?;
    let rule = program.expression();
    match &rule.expr {
        Expr::Literal(LiteralValue::Boolean(_)) => {} // `true` holds every record of a flow
        Expr::Literal(_) | Expr::List(_) | Expr::Map(_) => {
            return Err("it is no condition: write one like record.amount > 5000.0, or true for every record".into());
        }
        _ => {}
    }
    names(rule, &mut Vec::new(), DEEPEST)?;
    cost::check(rule)?;
    Ok(rule.clone())
}

fn parse_error(errors: &ParseErrors) -> String {
    let Some(error) = errors.errors.first() else {
        return "no CEL expression: write one like record.amount > 5000.0".into();
    };
    if error.msg.contains("Recursion limit") {
        return TOO_DEEP.into();
    }
    let (line, column) = error.pos;
    // the parser lists every token it would have taken
    let what = error.msg.split(" expecting ").next().unwrap_or_default().replace('\n', " ");
    format!("no CEL expression (line {line}, column {column}: {what}): write one like record.amount > 5000.0")
}

const TOO_DEEP: &str = "too many parentheses, fields or operators in each other: split the rule in two";

/// Every variable and function must be known. `bound`: the variables of the loops around; `room`: levels left.
fn names<'e>(rule: &'e IdedExpr, bound: &mut Vec<&'e str>, room: usize) -> Result<(), String> {
    let Some(room) = room.checked_sub(1) else {
        return Err(TOO_DEEP.into());
    };
    match &rule.expr {
        Expr::Ident(name) => variable(name, bound),
        Expr::Select(select) => names(&select.operand, bound, room),
        Expr::Call(call) => {
            function(call)?;
            call.target.iter().map(AsRef::as_ref).chain(&call.args).try_for_each(|part| names(part, bound, room))
        }
        Expr::List(list) => list.elements.iter().try_for_each(|element| names(element, bound, room)),
        Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
            EntryExpr::MapEntry(entry) => {
                names(&entry.key, bound, room).and_then(|()| names(&entry.value, bound, room))
            }
            EntryExpr::StructField(field) => names(&field.value, bound, room),
        }),
        Expr::Comprehension(each) => {
            names(&each.iter_range, bound, room)?;
            if VARIABLES.contains(&each.iter_var.as_str()) {
                return Err(format!("the loop's {0} hides the record's {0}: give it another name", each.iter_var));
            }
            bound.push(&each.iter_var);
            let inside = [&each.accu_init, &each.loop_cond, &each.loop_step, &each.result];
            inside.into_iter().try_for_each(|part| names(part, bound, room))?;
            bound.pop();
            Ok(())
        }
        Expr::Literal(_) => Ok(()),
        Expr::Struct(_) | Expr::Unspecified => Err("messages are not supported: compare the fields".into()),
    }
}

fn variable(name: &str, bound: &[&str]) -> Result<(), String> {
    // @result is what the macros add up in; no rule can spell it
    let known = VARIABLES.contains(&name) || TYPES.contains(&name) || bound.contains(&name) || name.starts_with('@');
    if known {
        return Ok(());
    }
    Err(format!("unknown variable {name}: a rule sees {}; a field is record.{name}", VARIABLES.join(", ")))
}

fn function(call: &CallExpr) -> Result<(), String> {
    let name = call.func_name.as_str();
    let operator = name.contains('_') || name.starts_with('@');
    let known = if call.target.is_some() { METHODS.contains(&name) } else { operator || FUNCTIONS.contains(&name) };
    if !known {
        return Err(format!("unknown function {name}: use {} or {}", METHODS.join(", "), FUNCTIONS.join(", ")));
    }
    if name == "matches" {
        return pattern(call.args.last());
    }
    if name == operators::OPT_INDEX || name == operators::OPT_SELECT {
        return Err("optional fields are not supported: use has()".into());
    }
    Ok(())
}

/// A pattern must be the policy's own: one from a record could cost anything.
fn pattern(argument: Option<&IdedExpr>) -> Result<(), String> {
    let Some(Expr::Literal(LiteralValue::String(text))) = argument.map(|argument| &argument.expr) else {
        return Err("the pattern of matches must be a text in quotes".into());
    };
    match regex::Regex::new(text.inner()) {
        Ok(_) => Ok(()),
        Err(_) => Err(format!("{:?} is no regular expression that can be used (RE2 syntax): mend it", text.inner())),
    }
}
