//! Finding the wildcard patterns that a topic matches.

use std::collections::HashMap;

/// Values by wildcard pattern: a tree over the components of topics.
///
/// Finding all patterns of a topic visits those nodes only that agree with the topic so far.
#[derive(Debug)]
pub(super) struct WildcardTree<T> {
    root: Node<T>,
}

#[derive(Debug)]
struct Node<T> {
    value: Option<T>,
    literal: HashMap<Box<str>, Node<T>>,
    /// Below an empty component, which any component matches.
    any: Option<Box<Node<T>>>,
}

impl<T> Default for Node<T> {
    fn default() -> Node<T> {
        Node { value: None, literal: HashMap::new(), any: None }
    }
}

impl<T> Default for WildcardTree<T> {
    fn default() -> WildcardTree<T> {
        WildcardTree { root: Node::default() }
    }
}

impl<T> WildcardTree<T> {
    /// The value of exactly this pattern.
    pub(super) fn get(&self, pattern: &str) -> Option<&T> {
        let node = pattern.split('.').try_fold(&self.root, |node, component| match component {
            "" => node.any.as_deref(),
            literal => node.literal.get(literal),
        });
        node?.value.as_ref()
    }

    /// Sets the value of a pattern.
    pub(super) fn insert(&mut self, pattern: &str, value: T) {
        let node = pattern.split('.').fold(&mut self.root, |node, component| match component {
            "" => node.any.get_or_insert_default(),
            literal => node.literal.entry(literal.into()).or_default(),
        });
        node.value = Some(value);
    }

    /// Takes a pattern out.
    pub(super) fn remove(&mut self, pattern: &str) -> Option<T> {
        self.root.remove(Some(pattern))
    }

    /// The values of all patterns that a topic matches. Returns how many nodes were visited for that.
    pub(super) fn for_each_match<'t>(&'t self, topic: &str, mut found: impl FnMut(&'t T)) -> usize {
        match self.root.is_empty() {
            true => 0,
            false => self.root.for_each_match(Some(topic), &mut found),
        }
    }
}

/// The first component of what is left of a topic, and what is left behind it.
fn component(rest: &str) -> (&str, Option<&str>) {
    match rest.split_once('.') {
        Some((first, behind)) => (first, Some(behind)),
        None => (rest, None),
    }
}

impl<T> Node<T> {
    fn is_empty(&self) -> bool {
        self.value.is_none() && self.literal.is_empty() && self.any.is_none()
    }

    fn remove(&mut self, rest: Option<&str>) -> Option<T> {
        let Some(rest) = rest else { return self.value.take() };
        let (first, behind) = component(rest);
        if first.is_empty() {
            let child = self.any.as_mut()?;
            let removed = child.remove(behind);
            if child.is_empty() {
                self.any = None;
            }
            return removed;
        }
        let child = self.literal.get_mut(first)?;
        let removed = child.remove(behind);
        if child.is_empty() {
            self.literal.remove(first);
            if self.literal.is_empty() {
                self.literal = HashMap::new();
            }
        }
        removed
    }

    /// As deep as the topic has components; a URI has at most 128.
    fn for_each_match<'t>(&'t self, rest: Option<&str>, found: &mut impl FnMut(&'t T)) -> usize {
        let Some(rest) = rest else {
            self.value.iter().for_each(found);
            return 1;
        };
        let (first, behind) = component(rest);
        let children = self.literal.get(first).into_iter().chain(self.any.as_deref());
        children.fold(1, |visited, child| visited.saturating_add(child.for_each_match(behind, found)))
    }
}
