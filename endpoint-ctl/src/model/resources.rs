//! All resources of one kind, by id: a map whose copies share what they have in common.
//!
//! May import: std.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Index;
use std::sync::Arc;

/// Resources by id, in the order of the ids. A copy costs nothing; the first change of a copy costs a list
/// of pointers, and the resource that is changed: what is in force, what is wanted and what is tried out
/// are copies of each other.
#[derive(Clone, PartialEq, Eq)]
pub struct Resources<K: Ord, V>(Arc<BTreeMap<K, Arc<V>>>);

/// What differs under one id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference<'m, K, V> {
    /// The id.
    pub id: &'m K,
    /// What was there before.
    pub before: Option<&'m V>,
    /// What is there now.
    pub now: Option<&'m V>,
}

impl<K: Ord, V> Resources<K, V> {
    /// None.
    pub fn new() -> Self {
        Self(Arc::new(BTreeMap::new()))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one with this id.
    pub fn get<Q: Ord + ?Sized>(&self, id: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.0.get(id).map(|one| &**one)
    }

    /// Whether there is one with this id.
    pub fn contains_key<Q: Ord + ?Sized>(&self, id: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.0.contains_key(id)
    }

    /// The ids.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.0.keys()
    }

    /// The resources.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.0.values().map(|one| &**one)
    }

    /// Ids and resources.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().map(|(id, one)| (id, &**one))
    }

    /// What differs from `before`, by id: pointers are compared first.
    pub fn differences<'m>(&'m self, before: &'m Self) -> Vec<Difference<'m, K, V>>
    where
        V: PartialEq,
    {
        if Arc::ptr_eq(&self.0, &before.0) {
            return Vec::new();
        }
        let gone = before.iter().filter(|(id, _)| !self.contains_key(*id));
        let gone = gone.map(|(id, one)| Difference {
            id,
            before: Some(one),
            now: None,
        });
        let other = self.0.iter().filter_map(|(id, now)| {
            let old = before.0.get(id);
            let is_same = old.is_some_and(|old| Arc::ptr_eq(old, now) || old == now);
            (!is_same).then_some(Difference {
                id,
                before: old.map(|old| &**old),
                now: Some(&**now),
            })
        });
        gone.chain(other).collect()
    }
}

impl<K: Ord + Clone, V: Clone> Resources<K, V> {
    /// The one with this id, to be changed. Copies made before keep what they have.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, id: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let one = Arc::make_mut(&mut self.0).get_mut(id)?;
        Some(Arc::make_mut(one))
    }

    /// Puts one there; returns the one that was there before.
    pub fn insert(&mut self, id: K, one: V) -> Option<V> {
        let before = Arc::make_mut(&mut self.0).insert(id, Arc::new(one));
        before.map(Arc::unwrap_or_clone)
    }

    /// Takes one away.
    pub fn remove<Q: Ord + ?Sized>(&mut self, id: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let before = Arc::make_mut(&mut self.0).remove(id);
        before.map(Arc::unwrap_or_clone)
    }

    /// All of them, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        let all = Arc::make_mut(&mut self.0).values_mut();
        all.map(Arc::make_mut)
    }

    /// Takes away what does not pass.
    pub fn retain(&mut self, mut passes: impl FnMut(&K, &V) -> bool) {
        Arc::make_mut(&mut self.0).retain(|id, one| passes(id, one));
    }
}

impl<K: Ord, V> Default for Resources<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Ord + fmt::Debug, V: fmt::Debug> fmt::Debug for Resources<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Ord + Clone, V: Clone> FromIterator<(K, V)> for Resources<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(all: I) -> Self {
        let all = all.into_iter();
        let all = all.map(|(id, one)| (id, Arc::new(one)));
        Self(Arc::new(all.collect()))
    }
}

impl<K: Ord + Clone, V: Clone> Extend<(K, V)> for Resources<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, all: I) {
        let all = all.into_iter().map(|(id, one)| (id, Arc::new(one)));
        Arc::make_mut(&mut self.0).extend(all);
    }
}

impl<K: Ord + Borrow<Q>, Q: Ord + ?Sized, V> Index<&Q> for Resources<K, V> {
    type Output = V;

    /// The one with this id.
    ///
    /// # Panics
    /// There is none.
    fn index(&self, id: &Q) -> &V {
        &self.0[id]
    }
}

impl<'m, K: Ord, V> IntoIterator for &'m Resources<K, V> {
    type Item = (&'m K, &'m V);
    type IntoIter = Box<dyn Iterator<Item = Self::Item> + 'm>;

    fn into_iter(self) -> Self::IntoIter {
        Box::new(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_keeps_what_it_had_and_knows_what_differs() {
        let before: Resources<_, _> = (0..1_000).map(|id| (id, id.to_string())).collect();
        let mut now = before.clone();
        now.insert(1_000, "new".to_owned());
        *now.get_mut(&5).expect("there") = "changed".to_owned();
        assert_eq!(now.remove(&7).as_deref(), Some("7"));
        let same = "6".to_owned();
        now.insert(6, same);
        assert_eq!(before.get(&5).map(String::as_str), Some("5"));
        let differences = now.differences(&before);
        let texts = |one: Option<&String>| one.cloned().unwrap_or_default();
        let told: Vec<_> = differences
            .iter()
            .map(|one| (*one.id, texts(one.before), texts(one.now)))
            .collect();
        let told: Vec<_> = told.iter().map(|(id, a, b)| (*id, &**a, &**b)).collect();
        assert_eq!(
            told,
            [(7, "7", ""), (5, "5", "changed"), (1_000, "", "new")]
        );
    }
}
