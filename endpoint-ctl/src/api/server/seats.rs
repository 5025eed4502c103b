//! How many connections there are. When all seats are taken, a newcomer gets that of the connection
//! which has been idle for the longest; a connection whose call is being answered keeps its seat.
//!
//! So nobody can hold others off by connections that say nothing, or little, or do not listen.
//!
//! May import: std, tokio, the module's own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// All seats.
#[derive(Debug)]
pub(super) struct Seats {
    most: usize,
    taken: Mutex<Taken>,
    /// Told when the last one is left.
    free: Notify,
}

#[derive(Debug, Default)]
struct Taken {
    /// Counts what happened, so that who was active last is known.
    turn: u64,
    next_id: u64,
    by_id: BTreeMap<u64, Sitter>,
}

#[derive(Debug)]
struct Sitter {
    /// When it became idle; none while it is busy.
    idle_since: Option<u64>,
    leave: Arc<Notify>,
}

/// One seat, left when this is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Arc<Seats>,
    id: u64,
    leave: Arc<Notify>,
}

/// While this lives, the seat's connection is busy.
#[derive(Debug)]
pub(super) struct Busy<'s> {
    seat: &'s Seat,
}

impl Seats {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            taken: Mutex::default(),
            free: Notify::new(),
        }
    }

    /// A seat, if there is one or if somebody can be asked to leave.
    pub(super) fn take(self: &Arc<Self>) -> Option<Seat> {
        let mut taken = self.lock();
        if taken.by_id.len() >= self.most {
            let idle = taken.by_id.iter();
            let idle = idle.filter_map(|(id, sitter)| Some((sitter.idle_since?, *id)));
            let (_, longest) = idle.min()?;
            if let Some(sitter) = taken.by_id.remove(&longest) {
                sitter.leave.notify_one();
            }
        }
        let leave = Arc::new(Notify::new());
        taken.turn += 1;
        taken.next_id += 1;
        let (id, turn) = (taken.next_id, taken.turn);
        let sitter = Sitter {
            idle_since: Some(turn),
            leave: Arc::clone(&leave),
        };
        taken.by_id.insert(id, sitter);
        let seats = Arc::clone(self);
        Some(Seat { seats, id, leave })
    }

    /// Waits until nobody is there.
    pub(super) async fn all_free(&self) {
        loop {
            let told = self.free.notified();
            if self.lock().by_id.is_empty() {
                return;
            }
            told.await;
        }
    }

    /// Asks everybody to leave.
    pub(super) fn clear(&self) {
        for (_, sitter) in std::mem::take(&mut self.lock().by_id) {
            sitter.leave.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Waits until this seat has to be left.
    pub(super) async fn must_leave(&self) {
        self.leave.notified().await;
    }

    /// Keeps the seat from being given to others.
    pub(super) fn busy(&self) -> Busy<'_> {
        if let Some(sitter) = self.seats.lock().by_id.get_mut(&self.id) {
            sitter.idle_since = None;
        }
        Busy { seat: self }
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        let mut taken = self.seat.seats.lock();
        taken.turn += 1;
        let turn = taken.turn;
        if let Some(sitter) = taken.by_id.get_mut(&self.seat.id) {
            sitter.idle_since = Some(turn);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        taken.by_id.remove(&self.id);
        if taken.by_id.is_empty() {
            self.seats.free.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    fn must_leave(seat: &Seat) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        pin!(seat.must_leave()).poll(&mut context).is_ready()
    }

    #[test]
    fn the_longest_idle_has_to_leave() {
        let seats = Arc::new(Seats::new(3));
        let [a, b, c] = [(); 3].map(|()| seats.take().expect("is free"));
        drop(a.busy());
        let d = seats.take().expect("b leaves");
        assert!([&a, &c, &d].iter().all(|seat| !must_leave(seat)));
        assert!(must_leave(&b));
        // It is no longer counted, so nobody else has to go for it.
        drop(b);
        let busy = c.busy();
        let _e = seats.take().expect("a leaves");
        assert!(must_leave(&a) && !must_leave(&c));
        drop(busy);
    }

    #[test]
    fn the_busy_stay() {
        let seats = Arc::new(Seats::new(2));
        let (a, b) = (seats.take().expect("free"), seats.take().expect("free"));
        let (busy, _other) = (a.busy(), b.busy());
        assert!(seats.take().is_none());
        drop(busy);
        assert!(seats.take().is_some());
        assert!(must_leave(&a));
    }

    #[test]
    fn a_seat_that_is_left_is_free() {
        let seats = Arc::new(Seats::new(1));
        for _ in 0..5 {
            let seat = seats.take().expect("is free");
            assert!(!must_leave(&seat));
        }
    }
}
