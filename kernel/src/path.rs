//! Field paths: a subset of JSONPath (RFC 9535): `$.card.number`, `$.items[*].pan`, `$..cvv`, `$["card-number"]`.

/// One step from a value to those inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// the member of this name
    Name(String),
    /// every item of an array
    Items,
    /// the members of this name, at any depth
    Anywhere(String),
}

/// The value itself where there is no step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    pub steps: Vec<Step>,
}

const MAX_BYTES: usize = 1024;

impl Path {
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_BYTES {
            return Err(format!("a path of {} bytes: at most {MAX_BYTES}", text.len()));
        }
        let Some(mut rest) = text.strip_prefix('$') else {
            return Err(format!("{text:?} does not start with $: write a path like $.card.number"));
        };
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, after) = parse_step(rest).map_err(|what| format!("{text:?}: {what}"))?;
            steps.push(step);
            rest = after;
        }
        Ok(Self { steps })
    }
}

fn parse_step(text: &str) -> Result<(Step, &str), String> {
    if let Some(rest) = text.strip_prefix("[*]") {
        return Ok((Step::Items, rest));
    }
    if text.starts_with('[') {
        let (name, rest) = parse_quoted(text)?;
        return Ok((Step::Name(name), rest));
    }
    if let Some(rest) = text.strip_prefix("..") {
        let (name, rest) = if rest.starts_with('[') { parse_quoted(rest)? } else { parse_bare(rest)? };
        return Ok((Step::Anywhere(name), rest));
    }
    match text.strip_prefix('.') {
        Some(rest) => parse_bare(rest).map(|(name, rest)| (Step::Name(name), rest)),
        None => Err(format!("{text:?} is no step: write .name, [\"name\"], [*] or ..name")),
    }
}

fn parse_bare(text: &str) -> Result<(String, &str), String> {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).unwrap_or(text.len());
    match (&text[..end], text[end..].chars().next()) {
        ("", Some('*')) => {
            Err("* for members is not supported: name them, or write [*] for the items of an array".into())
        }
        ("", _) => Err("a name is missing after the dot".into()),
        (name, None | Some('.' | '[')) => Ok((name.to_owned(), &text[end..])),
        (name, Some(odd)) => Err(format!("{odd:?} after {name:?}: write a name with such characters as [\"name\"]")),
    }
}

/// `["name"]` or `['name']`, with a backslash before a quote or backslash that belongs to the name.
fn parse_quoted(text: &str) -> Result<(String, &str), String> {
    let mut characters = text.char_indices().skip(1);
    let Some((_, quote @ ('"' | '\''))) = characters.next() else {
        return Err(format!("{text:?}: only [*] and [\"name\"] are supported, no index, slice or filter"));
    };
    let mut name = String::new();
    while let Some((at, character)) = characters.next() {
        if character == quote {
            let rest = text[at + 1..].strip_prefix(']').ok_or("] is missing after the name")?;
            return Ok((name, rest));
        }
        let escaped = if character == '\\' { characters.next().map(|(_, next)| next) } else { Some(character) };
        name.push(escaped.ok_or("the name does not end")?);
    }
    Err("the name does not end".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Step {
        Step::Name(text.into())
    }

    #[test]
    fn names_items_and_descendants_combine() {
        let steps = |text| Path::parse(text).unwrap().steps;
        assert_eq!(steps("$"), []);
        assert_eq!(steps("$.card.number"), [name("card"), name("number")]);
        assert_eq!(steps("$.items[*].pan"), [name("items"), Step::Items, name("pan")]);
        assert_eq!(steps("$..card..x"), [Step::Anywhere("card".into()), Step::Anywhere("x".into())]);
        assert_eq!(steps("$['a.b'][\"c\\\"d\"]"), [name("a.b"), name("c\"d")]);
        assert_eq!(steps("$..[\"a b\"][*][*]"), [Step::Anywhere("a b".into()), Step::Items, Step::Items]);
    }

    #[test]
    fn anything_else_is_refused_with_what_to_write() {
        for text in [
            "",
            "card",
            "$card",
            "$.",
            "$.a.",
            "$...a",
            "$.a[0]",
            "$.a[?(@.b)]",
            "$.*",
            "$.a b",
            "$['a'",
            "$['a",
            "$[1:2]",
        ] {
            assert!(Path::parse(text).is_err(), "{text}");
        }
        assert!(Path::parse("$.a[0]").unwrap_err().contains("[*]"));
    }
}
