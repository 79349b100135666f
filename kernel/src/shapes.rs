//! The shapes of a flow's objects: most records repeat the names of those before, in their order. A shape is the names
//! that an object has so far. What follows it is known by one comparison, with all that the name tells of its value,
//! and cannot be a name that the object has already.

use crate::automaton::State;
use crate::detect::Name;

/// A number of a shape.
pub type Shape = u32;

const NONE: Shape = Shape::MAX;
/// Shapes that are kept: objects of others are read name by name.
const MOST: usize = 2048;
/// Names in a shape.
pub const LONGEST: usize = 64;
/// Names that may follow a shape: where there are more, they are data.
const FOLLOWING: usize = 4;
/// Bytes of a name that one comparison takes.
const HEAD: usize = 16;

/// What the place and the name of a member tell of its value.
#[derive(Debug, Clone, Copy)]
pub struct Member {
    pub state: State,
    pub tells: Name,
}

/// What became of a name that was read.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    To(Shape),
    Repeated,
    /// not kept
    Unknown,
}

struct Node {
    /// the first bytes of `text`, and which of them are its
    head: u128,
    mask: u128,
    /// the last name with its quotes and colon
    text: Box<[u8]>,
    member: Member,
    before: Shape,
    length: usize,
    /// the first that follows it, and the next that follows what it follows
    first: Shape,
    next: Shape,
}

impl Node {
    fn new(text: Box<[u8]>, member: Member, before: Shape, length: usize) -> Self {
        let mut head = [0; HEAD];
        let known = text.len().min(HEAD);
        head[..known].copy_from_slice(&text[..known]);
        let mask = if known == HEAD { !0 } else { (1 << (8 * known)) - 1 };
        let head = u128::from_le_bytes(head);
        Self { head, mask, text, member, before, length, first: NONE, next: NONE }
    }

    #[inline(always)]
    fn begins(&self, rest: &[u8]) -> bool {
        match rest.first_chunk() {
            Some(first) if self.text.len() <= HEAD => (u128::from_le_bytes(*first) ^ self.head) & self.mask == 0,
            _ => rest.starts_with(&self.text),
        }
    }

    fn name(&self) -> &[u8] {
        &self.text[1..self.text.len() - 2]
    }
}

#[derive(Default)]
pub struct Shapes {
    nodes: Vec<Node>,
    /// shapes of empty objects, by the state and then by the name of the member that they are
    empty: Vec<[Shape; Name::COUNT]>,
}

impl Shapes {
    /// Of an object without members, where it stands and what the name of the member around it tells.
    #[inline]
    pub fn empty(&mut self, state: State, outer: Name) -> Option<Shape> {
        match self.empty.get(usize::from(state)) {
            Some(shapes) if shapes[outer as usize] != NONE => Some(shapes[outer as usize]),
            _ => self.new_empty(state, outer),
        }
    }

    #[cold]
    fn new_empty(&mut self, state: State, outer: Name) -> Option<Shape> {
        let shape = self.keep(Node::new(b"\"\":"[..].into(), Member { state, tells: outer }, NONE, 0))?;
        if self.empty.len() <= usize::from(state) {
            self.empty.resize(usize::from(state) + 1, [NONE; Name::COUNT]);
        }
        self.empty[usize::from(state)][outer as usize] = shape;
        Some(shape)
    }

    /// The shape after a member whose name, quotes and colon `rest` begins with, how long that is, and what it tells.
    #[inline(always)]
    pub fn follow(&self, shape: Shape, rest: &[u8]) -> Option<(Shape, usize, Member)> {
        let mut next = self.nodes[shape as usize].first;
        while let Some(node) = self.nodes.get(next as usize) {
            if node.begins(rest) {
                return Some((next, node.text.len(), node.member));
            }
            next = node.next;
        }
        None
    }

    /// The shape after a member of a name without escapes.
    pub fn add(&mut self, shape: Shape, name: &[u8], member: Member) -> Next {
        let mut following = 0;
        let mut next = self.nodes[shape as usize].first;
        while let Some(node) = self.nodes.get(next as usize) {
            if node.name() == name {
                return Next::To(next);
            }
            following += 1;
            next = node.next;
        }
        if self.names(shape).any(|known| known == name) {
            return Next::Repeated;
        }
        let length = self.nodes[shape as usize].length + 1;
        if following == FOLLOWING || length > LONGEST {
            return Next::Unknown;
        }
        let text = [b"\"", name, b"\":"].concat().into();
        let Some(new) = self.keep(Node::new(text, member, shape, length)) else { return Next::Unknown };
        self.nodes[new as usize].next = std::mem::replace(&mut self.nodes[shape as usize].first, new);
        Next::To(new)
    }

    /// The last name first.
    pub fn names(&self, shape: Shape) -> impl Iterator<Item = &[u8]> {
        let node = |shape: Shape| self.nodes.get(shape as usize).filter(|node| node.length > 0);
        std::iter::successors(node(shape), move |last| node(last.before)).map(Node::name)
    }

    fn keep(&mut self, node: Node) -> Option<Shape> {
        (self.nodes.len() < MOST).then(|| {
            self.nodes.push(node);
            self.nodes.len() as Shape - 1
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMBER: Member = Member { state: 1, tells: Name::Raised };

    fn added(shapes: &mut Shapes, shape: Shape, name: &str) -> Shape {
        match shapes.add(shape, name.as_bytes(), MEMBER) {
            Next::To(shape) => shape,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_name_is_known_from_its_second_time_on() {
        let mut shapes = Shapes::default();
        let empty = shapes.empty(1, Name::Neutral).unwrap();
        for name in ["", "a", "thirteen_long", "fourteen__long", "a name of more than sixteen bytes"] {
            let text = format!("\"{name}\": 1");
            assert!(shapes.follow(empty, text.as_bytes()).is_none());
            let one = shapes.add(empty, name.as_bytes(), MEMBER);
            for behind in ["", "1}", " \"long enough to be looked at in one piece\"}"] {
                let text = format!("\"{name}\":{behind}");
                let known = shapes.follow(empty, text.as_bytes());
                assert_eq!(
                    known.map(|(shape, length, _)| (Next::To(shape), length)),
                    match one {
                        Next::To(shape) => Some((Next::To(shape), name.len() + 3)),
                        _ => None, // the fifth
                    }
                );
            }
            assert!(shapes.follow(empty, format!("\"{name}x\":1, and more of it").as_bytes()).is_none());
        }
    }

    #[test]
    fn objects_of_other_places_are_other_shapes() {
        let mut shapes = Shapes::default();
        let (one, two) = (shapes.empty(1, Name::Neutral).unwrap(), shapes.empty(1, Name::Raised).unwrap());
        assert_ne!(one, two);
        assert_ne!(Some(one), shapes.empty(2, Name::Neutral));
        assert_eq!(Some(one), shapes.empty(1, Name::Neutral));
        added(&mut shapes, one, "a");
        assert!(shapes.follow(two, b"\"a\":1").is_none());
    }

    #[test]
    fn a_name_that_comes_twice_is_seen_and_names_are_told() {
        let mut shapes = Shapes::default();
        let empty = shapes.empty(1, Name::Neutral).unwrap();
        let a = added(&mut shapes, empty, "a");
        let b = added(&mut shapes, a, "b");
        assert_eq!(added(&mut shapes, a, "b"), b);
        assert_eq!(shapes.add(b, b"a", MEMBER), Next::Repeated);
        assert_eq!(shapes.add(b, b"b", MEMBER), Next::Repeated);
        assert_eq!(shapes.names(b).collect::<Vec<_>>(), [b"b", b"a"]);
        assert_eq!(shapes.names(empty).count(), 0);
    }

    #[test]
    fn names_that_are_data_are_not_kept() {
        let mut shapes = Shapes::default();
        let empty = shapes.empty(1, Name::Neutral).unwrap();
        let kept = (0..100).filter(|n| shapes.add(empty, format!("id{n}").as_bytes(), MEMBER) != Next::Unknown);
        assert_eq!(kept.count(), FOLLOWING);
        let mut last = empty;
        let mut length = 0;
        while let Next::To(shape) = shapes.add(last, format!("id{length}").as_bytes(), MEMBER) {
            (last, length) = (shape, length + 1);
        }
        assert_eq!(length, LONGEST);
        for state in 0..u16::MAX {
            if shapes.empty(state, Name::Neutral).is_none() {
                return assert_eq!(shapes.nodes.len(), MOST);
            }
        }
        panic!("there is no bound");
    }
}
