//! Field paths compiled into one deterministic automaton: the cost of a member does not grow with the rules.

use std::collections::BTreeMap;

use crate::names::Names;
use crate::path::{Path, Step};

pub type State = u16;

/// Nothing below can match.
pub const DEAD: State = 0;

/// Paths with many `..` in a row can blow the automaton up; a policy needs a few dozen states.
const MAX_STATES: usize = 4096;

/// A rule, and how many of its steps have been taken.
type Place = (usize, usize);

/// One symbol a name of the rules, one for all other names, one for an item of an array.
pub struct Automaton {
    names: Names,
    /// state × symbol → state
    next: Vec<State>,
    /// state → the rule that masks a value there
    rule: Vec<Option<u16>>,
    pub start: State,
    /// items of an array, and a member `#text`, are where their array or object is (config::Format::Xml)
    pub repeats: bool,
}

impl Automaton {
    /// `paths` in order of precedence: where two lead to one place, the first counts.
    pub fn compile(paths: &[Path]) -> Result<Self, String> {
        let names = Names::new(paths.iter().flat_map(|path| &path.steps).filter_map(|step| match step {
            Step::Name(name) | Step::Anywhere(name) => Some(name.as_str()),
            Step::Items => None,
        }));
        let mut building = Building { ids: BTreeMap::new(), sets: Vec::new() };
        building.id(Vec::new());
        let start = building.id((0..paths.len()).map(|rule| (rule, 0)).collect());
        let mut next = Vec::new();
        let mut done = 0;
        while done < building.sets.len() {
            let places = building.sets[done].clone();
            for symbol in 0..names.len() + 2 {
                let reached = step_all(paths, &places, symbol, &names);
                next.push(building.id(reached));
            }
            done += 1;
            if building.sets.len() > MAX_STATES {
                return Err("the field paths combine too many `..`: use fewer, or name whole paths".into());
            }
        }
        let accepted = |places: &Vec<Place>| {
            places.iter().filter(|(rule, taken)| *taken == paths[*rule].steps.len()).map(|(rule, _)| *rule as u16).min()
        };
        let rule = building.sets.iter().map(accepted).collect();
        Ok(Self { names, next, rule, start, repeats: false })
    }

    /// For XML, where one element and several of its name are one place: `[*]` in a path says nothing more.
    pub fn compile_repeating(mut paths: Vec<Path>) -> Result<Self, String> {
        for path in &mut paths {
            path.steps.retain(|step| *step != Step::Items);
        }
        Ok(Self { repeats: true, ..Self::compile(&paths)? })
    }

    pub fn member(&self, state: State, hash: u64, name: &[u8]) -> State {
        if state == DEAD || (self.repeats && name == b"#text") {
            return state;
        }
        self.go(state, self.names.symbol(hash, name))
    }

    pub fn item(&self, state: State) -> State {
        if self.repeats {
            return state;
        }
        self.go(state, self.names.len() + 1)
    }

    pub fn rule(&self, state: State) -> Option<usize> {
        self.rule[usize::from(state)].map(usize::from)
    }

    fn go(&self, state: State, symbol: usize) -> State {
        self.next[usize::from(state) * (self.names.len() + 2) + symbol]
    }
}

struct Building {
    ids: BTreeMap<Vec<Place>, State>,
    sets: Vec<Vec<Place>>,
}

impl Building {
    fn id(&mut self, mut places: Vec<Place>) -> State {
        places.sort_unstable();
        places.dedup();
        let next = self.sets.len() as State;
        let sets = &mut self.sets;
        *self.ids.entry(places).or_insert_with_key(|places| {
            sets.push(places.clone());
            next
        })
    }
}

fn step_all(paths: &[Path], places: &[Place], symbol: usize, names: &Names) -> Vec<Place> {
    let mut reached = Vec::new();
    for &(rule, taken) in places {
        let step = paths[rule].steps.get(taken);
        let hit = match step {
            Some(Step::Name(name) | Step::Anywhere(name)) => names.of(name) == symbol,
            Some(Step::Items) => symbol == names.len() + 1,
            None => false,
        };
        if matches!(step, Some(Step::Anywhere(_))) {
            reached.push((rule, taken));
        }
        if hit {
            reached.push((rule, taken + 1));
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::hash;

    fn walk(automaton: &Automaton, steps: &[&str]) -> Option<usize> {
        let state = steps.iter().fold(automaton.start, |state, step| match *step {
            "[]" => automaton.item(state),
            name => automaton.member(state, hash(name.as_bytes()), name.as_bytes()),
        });
        automaton.rule(state)
    }

    fn compile(paths: &[&str]) -> Automaton {
        Automaton::compile(&paths.iter().map(|path| Path::parse(path).unwrap()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn paths_match_where_they_say() {
        let automaton = compile(&["$.card.number", "$.items[*].pan", "$..cvv"]);
        assert_eq!(walk(&automaton, &["card", "number"]), Some(0));
        assert_eq!(walk(&automaton, &["items", "[]", "pan"]), Some(1));
        assert_eq!(walk(&automaton, &["cvv"]), Some(2));
        assert_eq!(walk(&automaton, &["card", "x", "[]", "cvv"]), Some(2));
        assert_eq!(walk(&automaton, &["card"]), None);
        assert_eq!(walk(&automaton, &["items", "pan"]), None);
        assert_eq!(walk(&automaton, &["x", "card", "number"]), None);
    }

    #[test]
    fn repeated_elements_are_one_place() {
        let paths = ["$.a.pan", "$.b[*].c"].map(|path| Path::parse(path).unwrap());
        let automaton = Automaton::compile_repeating(paths.to_vec()).unwrap();
        for steps in [&["a", "pan"][..], &["a", "[]", "pan", "[]", "#text"], &["a", "pan", "#text"]] {
            assert_eq!(walk(&automaton, steps), Some(0));
        }
        for steps in [&["b", "c"][..], &["b", "[]", "c"]] {
            assert_eq!(walk(&automaton, steps), Some(1));
        }
        assert_eq!(walk(&automaton, &["a", "pan", "@x"]), None);
    }

    #[test]
    fn the_first_of_two_rules_counts_and_no_rules_are_dead_at_once() {
        assert_eq!(walk(&compile(&["$..a", "$.b.a"]), &["b", "a"]), Some(0));
        assert_eq!(compile(&[]).start, DEAD);
        assert_eq!(walk(&compile(&["$"]), &[]), Some(0));
    }

    #[test]
    fn descendants_of_descendants_match_at_any_depth() {
        let automaton = compile(&["$..a..b"]);
        assert_eq!(walk(&automaton, &["x", "a", "y", "[]", "b"]), Some(0));
        assert_eq!(walk(&automaton, &["b", "a"]), None);
        assert_eq!(walk(&automaton, &["a", "b", "b"]), Some(0));
    }
}
