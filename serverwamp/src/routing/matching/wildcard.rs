//! Finding the wildcard patterns that a topic matches.

use std::collections::HashMap;

use smallvec::SmallVec;

/// Values by wildcard pattern: a radix tree over the components of patterns.
///
/// Finding all patterns of a topic visits those nodes only that agree with the topic so far. There are fewer than twice
/// as many nodes as patterns, however many components those have.
#[derive(Debug)]
pub(super) struct WildcardTree<T> {
    root: Node<T>,
}

#[derive(Debug)]
struct Node<T> {
    /// The components between the one that leads here from the node above and those that lead on; empty ones match any.
    label: Box<[Box<str>]>,
    value: Option<T>,
    literal: HashMap<Box<str>, Node<T>>,
    /// Below an empty component, which any component matches.
    any: Option<Box<Node<T>>>,
}

impl<T> Default for Node<T> {
    fn default() -> Node<T> {
        Node { label: Box::default(), value: None, literal: HashMap::new(), any: None }
    }
}

impl<T> Default for WildcardTree<T> {
    fn default() -> WildcardTree<T> {
        WildcardTree { root: Node::default() }
    }
}

/// The components of a topic or pattern.
type Components<'a> = SmallVec<[&'a str; 16]>;

fn components(uri: &str) -> Components<'_> {
    uri.split('.').collect()
}

impl<T> WildcardTree<T> {
    /// The value of exactly this pattern.
    pub(super) fn get(&self, pattern: &str) -> Option<&T> {
        self.root.get(&components(pattern))
    }

    /// Sets the value of a pattern.
    pub(super) fn insert(&mut self, pattern: &str, value: T) {
        self.root.insert(&components(pattern), value);
    }

    /// Takes a pattern out.
    pub(super) fn remove(&mut self, pattern: &str) -> Option<T> {
        self.root.remove(&components(pattern))
    }

    /// The values of all patterns that a topic matches. Returns how many components were compared for that.
    pub(super) fn for_each_match<'t>(&'t self, topic: &str, mut found: impl FnMut(&'t T)) -> usize {
        match self.root.is_empty() {
            true => 0,
            false => self.root.for_each_match(&components(topic), &mut found),
        }
    }
}

impl<T> Node<T> {
    /// The only pattern that these components lead to.
    fn leaf(rest: &[&str], value: T) -> Node<T> {
        Node { label: rest.iter().map(|&component| component.into()).collect(), value: Some(value), ..Node::default() }
    }

    fn is_empty(&self) -> bool {
        self.value.is_none() && self.literal.is_empty() && self.any.is_none()
    }

    fn child(&self, component: &str) -> Option<&Node<T>> {
        if component.is_empty() { self.any.as_deref() } else { self.literal.get(component) }
    }

    /// How many components of the label a pattern begins with.
    fn common(&self, rest: &[&str]) -> usize {
        self.label.iter().zip(rest).take_while(|(component, other)| ***component == ***other).count()
    }

    /// What is left of a pattern behind the label.
    fn behind_label<'r, 'p>(&self, rest: &'r [&'p str]) -> Option<&'r [&'p str]> {
        if self.common(rest) == self.label.len() { rest.get(self.label.len()..) } else { None }
    }

    fn get(&self, rest: &[&str]) -> Option<&T> {
        match self.behind_label(rest)?.split_first() {
            None => self.value.as_ref(),
            Some((first, behind)) => self.child(first)?.get(behind),
        }
    }

    fn insert(&mut self, rest: &[&str], value: T) {
        let common = self.common(rest);
        if common < self.label.len() {
            self.split(common);
        }
        let Some((&first, behind)) = rest.get(common..).and_then(<[&str]>::split_first) else {
            self.value = Some(value);
            return;
        };
        let child = if first.is_empty() { self.any.as_deref_mut() } else { self.literal.get_mut(first) };
        match child {
            Some(child) => child.insert(behind, value),
            None => self.add(first.into(), Node::leaf(behind, value)),
        }
    }

    fn add(&mut self, component: Box<str>, child: Node<T>) {
        if component.is_empty() {
            self.any = Some(Box::new(child));
        } else {
            self.literal.insert(component, child);
        }
    }

    /// Makes the first components of the label a node of their own, above the rest.
    fn split(&mut self, at: usize) {
        let mut upper = std::mem::take(&mut self.label).into_vec();
        let mut lower = upper.split_off(at.min(upper.len())).into_iter();
        let Some(first) = lower.next() else { return };
        let below = Node { label: lower.collect(), ..std::mem::take(self) };
        self.label = upper.into();
        self.add(first, below);
    }

    fn remove(&mut self, rest: &[&str]) -> Option<T> {
        let Some((&first, behind)) = self.behind_label(rest)?.split_first() else { return self.value.take() };
        let child = if first.is_empty() { self.any.as_deref_mut()? } else { self.literal.get_mut(first)? };
        let removed = child.remove(behind);
        if child.is_empty() {
            self.cut(first);
        } else {
            child.merge();
        }
        removed
    }

    /// Takes out a child, and the memory of the last one.
    fn cut(&mut self, component: &str) {
        if component.is_empty() {
            self.any = None;
            return;
        }
        self.literal.remove(component);
        if self.literal.is_empty() {
            self.literal = HashMap::new();
        }
    }

    /// Takes the place of the only child, if there is just one and nothing else.
    fn merge(&mut self) {
        let (component, child) = match (&self.value, self.any.take(), self.literal.len()) {
            (None, Some(child), 0) => (Box::default(), *child),
            (None, None, 1) => match self.literal.drain().next() {
                Some(only) => only,
                None => return,
            },
            (_, any, _) => {
                self.any = any;
                return;
            }
        };
        let mut label = std::mem::take(&mut self.label).into_vec();
        label.push(component);
        label.extend(child.label);
        *self = Node { label: label.into(), ..child };
    }

    /// As deep as the topic has components; a URI has at most 128.
    fn for_each_match<'t>(&'t self, rest: &[&str], found: &mut impl FnMut(&'t T)) -> usize {
        let agrees = |component: &str, other: &str| component.is_empty() || component == other;
        let compared = self.label.iter().zip(rest).take_while(|(component, other)| agrees(component, other)).count();
        let looked_at = compared.saturating_add(1);
        if compared < self.label.len() {
            return looked_at;
        }
        let Some((first, behind)) = rest.get(compared..).and_then(<[&str]>::split_first) else {
            self.value.iter().for_each(found);
            return looked_at;
        };
        let children = self.literal.get(*first).into_iter().chain(self.any.as_deref());
        children.fold(looked_at, |sum, child| sum.saturating_add(child.for_each_match(behind, found)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nodes<T>(node: &Node<T>) -> usize {
        1 + node.literal.values().chain(node.any.as_deref()).map(nodes).sum::<usize>()
    }

    proptest! {
        #[test]
        fn there_are_at_most_two_nodes_for_each_pattern(
            changes in prop::collection::vec(("[ab]?(\\.[ab]?){0,5}", prop::bool::weighted(0.6)), 0..80),
        ) {
            let mut tree = WildcardTree::default();
            let mut present = std::collections::BTreeSet::new();
            for (pattern, added) in changes {
                if added {
                    tree.insert(&pattern, pattern.clone());
                    present.insert(pattern);
                } else {
                    prop_assert_eq!(tree.remove(&pattern).is_some(), present.remove(&pattern), "{}", pattern);
                }
                prop_assert!(nodes(&tree.root) <= 1 + 2 * present.len(), "{:?}", tree);
                for pattern in &present {
                    prop_assert_eq!(tree.get(pattern), Some(pattern));
                }
            }
        }
    }

    #[test]
    fn what_cannot_match_is_not_looked_at_for_long() {
        let mut tree = WildcardTree::default();
        for number in 0..1_000 {
            tree.insert(&format!("com..actors.{number}."), number);
        }
        let looked_at = tree.for_each_match("com.example.sensors.7.temperature", |_| panic!("nothing matches"));
        assert_eq!(looked_at, 3, "the root, what is below com, and that it is not actors");
    }
}
