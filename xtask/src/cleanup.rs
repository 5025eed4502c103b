//! What must be undone however the process ends: by return, by panic, by
//! Ctrl-C or by SIGTERM. Imports nothing of this crate.
//!
//! Whoever makes something outside the process registers how to undo it and
//! keeps the guard. Dropping the guard undoes it; a signal undoes everything
//! that is registered, newest first, and ends the process. SIGKILL cannot be
//! caught: the lab sweeps up after it at the next start.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

type Undo = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Registry {
    next: u64,
    entries: BTreeMap<u64, Undo>,
    closing: bool,
}

static REGISTRY: Mutex<Registry> = Mutex::new(Registry {
    next: 0,
    entries: BTreeMap::new(),
    closing: false,
});

fn registry() -> MutexGuard<'static, Registry> {
    // No code that can panic runs under the lock, so poison means nothing.
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Undoes one thing when dropped.
#[derive(Debug)]
#[must_use = "dropping the guard undoes at once"]
pub(crate) struct Guard(u64);

impl Drop for Guard {
    fn drop(&mut self) {
        let undo = registry().entries.remove(&self.0);
        if let Some(undo) = undo {
            undo();
        }
    }
}

/// Registers how to undo something. During a shut-down by signal it undoes at
/// once and never returns: the process is about to end.
pub(crate) fn register(undo: impl FnOnce() + Send + 'static) -> Guard {
    static ARM: Once = Once::new();
    ARM.call_once(arm);
    let mut registry = registry();
    if registry.closing {
        drop(registry);
        undo();
        park_forever();
    }
    let id = registry.next;
    registry.next += 1;
    registry.entries.insert(id, Box::new(undo));
    Guard(id)
}

/// Waits for the signal that ends the process.
pub(crate) fn park_forever() -> ! {
    loop {
        std::thread::park();
    }
}

fn arm() {
    let mut signals = match Signals::new([SIGINT, SIGTERM, SIGHUP]) {
        Ok(signals) => signals,
        Err(error) => {
            eprintln!("cannot watch for signals, so Ctrl-C will not clean up: {error}");
            return;
        }
    };
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            eprintln!("interrupted: cleaning up");
            undo_all();
            std::process::exit(128 + signal);
        }
    });
}

fn undo_all() {
    registry().closing = true;
    loop {
        let last = registry().entries.pop_last();
        let Some((_, undo)) = last else { break };
        undo();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::register;

    #[test]
    fn a_guard_undoes_on_drop_and_on_panic() {
        for panics in [false, true] {
            let undone = Arc::new(AtomicBool::new(false));
            let flag = undone.clone();
            let thread = std::thread::spawn(move || {
                let _guard = register(move || flag.store(true, Ordering::SeqCst));
                assert!(!panics, "on purpose");
            });
            assert_eq!(thread.join().is_err(), panics);
            assert!(undone.load(Ordering::SeqCst));
        }
    }
}
