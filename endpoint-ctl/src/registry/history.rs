//! What was declared lately, by revision: nodes that share a store put it in force at their own pace.
//!
//! May import: std, store (revisions), registry's own.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Registry;
use crate::store::Revision;

/// The most that are kept: a node that is stuck must not take all memory of the others.
const MOST: usize = 1_024;

/// See the module.
#[derive(Debug)]
pub(super) struct History(Mutex<States>);

#[derive(Debug, Default)]
struct States {
    /// The oldest first.
    all: VecDeque<(Revision, Arc<Registry>)>,
    /// What is in force at this node.
    here: Option<Arc<Registry>>,
}

impl History {
    /// One that begins with what is declared now.
    pub(super) fn new(revision: Revision, declared: Arc<Registry>) -> Self {
        let states = States {
            all: [(revision, declared)].into(),
            here: None,
        };
        Self(Mutex::new(states))
    }

    fn states(&self) -> MutexGuard<'_, States> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of what is declared by now. If that is what was declared last, it is so up to this
    /// revision.
    pub(super) fn declare(&self, revision: Revision, declared: &Arc<Registry>) {
        let mut states = self.states();
        match states.all.back_mut() {
            Some((last, same)) if Arc::ptr_eq(same, declared) => *last = revision,
            _ => states.all.push_back((revision, Arc::clone(declared))),
        }
        while states.all.len() > MOST {
            states.all.pop_front();
        }
    }

    /// Takes note of what is in force at this node.
    pub(super) fn put_in_force(&self, registry: Arc<Registry>) {
        self.states().here = Some(registry);
    }

    /// Up to which revision this node has put in force what is declared.
    pub(super) fn here(&self) -> Option<Revision> {
        let states = self.states();
        let here = states.here.as_ref()?;
        let mut all = states.all.iter().rev();
        let (revision, _) = all.find(|(_, one)| Arc::ptr_eq(one, here))?;
        Some(*revision)
    }

    /// What is declared now, and its revision.
    pub(super) fn last(&self) -> (Revision, Arc<Registry>) {
        self.states().all.back().cloned().unwrap_or_default()
    }

    /// What was declared at a revision, or the oldest that is known; forgets what was before that.
    pub(super) fn at(&self, revision: Revision) -> Option<Arc<Registry>> {
        let mut states = self.states();
        while let Some((next, _)) = states.all.get(1)
            && *next <= revision
        {
            states.all.pop_front();
        }
        states.all.front().map(|(_, registry)| Arc::clone(registry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry() -> Arc<Registry> {
        Arc::default()
    }

    #[test]
    fn what_all_have_is_what_was_declared_at_the_least_of_their_revisions() {
        let [first, second, third] = [registry(), registry(), registry()];
        let history = History::new(Revision(5), Arc::clone(&first));
        assert_eq!(history.here(), None, "nothing is in force yet");
        history.declare(Revision(7), &second);
        history.declare(Revision(9), &third);
        history.put_in_force(Arc::clone(&third));
        assert_eq!(history.here(), Some(Revision(9)));
        let at = |revision| history.at(Revision(revision)).expect("is known");
        assert!(Arc::ptr_eq(&at(2), &first), "older is not known");
        assert!(Arc::ptr_eq(&at(6), &first));
        assert!(Arc::ptr_eq(&at(7), &second));
        assert!(Arc::ptr_eq(&at(5), &second), "what was before is forgotten");
        assert!(Arc::ptr_eq(&at(10), &third));
        assert_eq!(
            history.here(),
            Some(Revision(9)),
            "and what is in force here is not"
        );
    }

    #[test]
    fn what_is_declared_again_is_in_force_up_to_then() {
        let only = registry();
        let history = History::new(Revision(1), Arc::clone(&only));
        history.put_in_force(Arc::clone(&only));
        history.declare(Revision(4), &only);
        assert_eq!(history.here(), Some(Revision(4)));
        assert_eq!(history.last().0, Revision(4));
    }

    #[test]
    fn a_stuck_node_takes_no_more_than_so_much() {
        let history = History::new(Revision(0), registry());
        for revision in 1..=2 * MOST as u64 {
            history.declare(Revision(revision), &registry());
        }
        assert_eq!(history.states().all.len(), MOST);
    }
}
