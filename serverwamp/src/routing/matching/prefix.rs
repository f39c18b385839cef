//! Finding the prefixes of a text.

/// Values by string prefix: a radix tree over octets.
///
/// Finding all prefixes of a text walks down one path: its length is that of the longest match, however many other
/// prefixes there are.
#[derive(Debug)]
pub(super) struct PrefixTree<T> {
    root: Node<T>,
}

#[derive(Debug)]
struct Node<T> {
    /// What leads here from the node above; empty at the root only.
    label: Box<[u8]>,
    value: Option<T>,
    /// By the first octet of their labels, which differ.
    children: Vec<Node<T>>,
}

impl<T> Default for PrefixTree<T> {
    fn default() -> PrefixTree<T> {
        PrefixTree { root: Node { label: Box::default(), value: None, children: Vec::new() } }
    }
}

impl<T> PrefixTree<T> {
    /// The value of exactly this prefix.
    pub(super) fn get(&self, prefix: &str) -> Option<&T> {
        let (mut node, mut rest) = (&self.root, prefix.as_bytes());
        while !rest.is_empty() {
            (node, rest) = node.step(rest)?;
        }
        node.value.as_ref()
    }

    /// Sets the value of a prefix.
    pub(super) fn insert(&mut self, prefix: &str, value: T) {
        self.root.insert(prefix.as_bytes(), value);
    }

    /// Takes a prefix out.
    pub(super) fn remove(&mut self, prefix: &str) -> Option<T> {
        self.root.remove(prefix.as_bytes())
    }

    /// The values of all prefixes of a text, the shortest first.
    pub(super) fn for_each_match<'t>(&'t self, text: &str, mut found: impl FnMut(&'t T)) {
        let mut next = Some((&self.root, text.as_bytes()));
        while let Some((node, rest)) = next {
            if let Some(value) = &node.value {
                found(value);
            }
            next = node.step(rest);
        }
    }
}

impl<T> Node<T> {
    /// The child that a text leads to, and what is left of the text there.
    fn step<'t>(&self, text: &'t [u8]) -> Option<(&Node<T>, &'t [u8])> {
        let child = self.children.get(self.place(text.first()?).ok()?)?;
        Some((child, text.strip_prefix(&*child.label)?))
    }

    /// Where the child is, or would be, whose label begins with this octet.
    fn place(&self, first: &u8) -> Result<usize, usize> {
        self.children.binary_search_by(|child| child.label.first().cmp(&Some(first)))
    }

    fn insert(&mut self, text: &[u8], value: T) {
        let Some(first) = text.first() else {
            self.value = Some(value);
            return;
        };
        let place = match self.place(first) {
            Ok(place) => place,
            Err(place) => {
                self.children.insert(place, Node { label: text.into(), value: Some(value), children: Vec::new() });
                return;
            }
        };
        let Some(child) = self.children.get_mut(place) else { return };
        let common = child.label.iter().zip(text).take_while(|(one, other)| one == other).count();
        if common < child.label.len() {
            child.split(common);
        }
        child.insert(text.get(common..).unwrap_or_default(), value);
    }

    fn remove(&mut self, text: &[u8]) -> Option<T> {
        let Some(first) = text.first() else { return self.value.take() };
        let place = self.place(first).ok()?;
        let child = self.children.get_mut(place)?;
        let removed = child.remove(text.strip_prefix(&*child.label)?);
        if child.value.is_none() {
            match child.children.len() {
                0 => drop(self.children.remove(place)),
                1 => child.merge(),
                _ => {}
            }
        }
        removed
    }

    /// Makes the first octets of the label a node of their own, above the rest.
    fn split(&mut self, at: usize) {
        let (upper, lower) = self.label.split_at(at);
        let (upper, lower) = (upper.into(), lower.into());
        let children = std::mem::take(&mut self.children);
        let below = Node { label: lower, value: self.value.take(), children };
        *self = Node { label: upper, value: None, children: vec![below] };
    }

    /// Takes the place of the only child.
    fn merge(&mut self) {
        if let Some(child) = self.children.pop() {
            let label = [&*self.label, &*child.label].concat().into();
            *self = Node { label, ..child };
        }
    }
}
