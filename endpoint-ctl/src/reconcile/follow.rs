//! Following links, routes and neighbours as they change, within milliseconds; and all of it anew
//! now and then, and whenever the kernel told more than was taken.
//!
//! May import: dataplane, nexthop, endpoint-common::abi, tokio, the module's own.

use std::time::{Duration, Instant};

use endpoint_common::abi::meta::Tags;

use super::bindings::Shared;
use super::links::Links;
use super::picture::Toward;
use super::{ReconcileError, Reconciler, links_of};
use crate::nexthop::{Change, Watch};

/// How often the whole picture is taken anew, in case something went by unseen.
pub(super) const RESYNC_EVERY: Duration = Duration::from_secs(30);
/// How soon it is after something was refused; the pause doubles while it goes on.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What the wait was for.
#[derive(Debug)]
pub enum Changes {
    /// The kernel told these, oldest first.
    Told(Vec<Change>),
    /// Neighbours are to be asked for.
    Due,
    /// Time to take everything anew.
    Resync,
}

impl Reconciler {
    /// Waits until there is something to do. Nothing is lost if the wait is given up.
    pub async fn changes(&mut self) -> Changes {
        let next_ask = self.picture.next_ask();
        let resync_first = next_ask.is_none_or(|ask| self.next_resync <= ask);
        let next = next_ask.map_or(self.next_resync, |ask| ask.min(self.next_resync));
        tokio::select! {
            told = self.watch.changes() => match told {
                Ok(told) => Changes::Told(told),
                Err(error) => {
                    tracing::error!("{error}; subscribing to changes anew");
                    tokio::time::sleep(RETRY_AFTER).await;
                    match Watch::open() {
                        Ok(watch) => self.watch = watch,
                        Err(error) => tracing::error!("{error}"),
                    }
                    Changes::Resync
                }
            },
            () = tokio::time::sleep_until(next.into()) => {
                if resync_first { Changes::Resync } else { Changes::Due }
            }
        }
    }

    /// Does what changes call for.
    ///
    /// # Errors
    /// Netlink or a map refused; what could be done is done, and the rest is tried again.
    pub async fn follow(&mut self, changes: Changes) -> Result<(), ReconcileError> {
        let followed = match changes {
            Changes::Due => self.settle().await,
            Changes::Resync => self.resync().await,
            Changes::Told(told) if told.contains(&Change::Overrun) => {
                tracing::debug!("netlink told more than was taken: taking all anew");
                self.resync().await
            }
            Changes::Told(told) => self.take_over_all(told).await,
        };
        let now = Instant::now();
        if followed.is_err() {
            self.next_resync = self.next_resync.min(now + self.retry_after);
            self.retry_after = RESYNC_EVERY.min(self.retry_after * 2);
        } else {
            self.retry_after = RETRY_AFTER;
        }
        followed
    }

    async fn take_over_all(&mut self, told: Vec<Change>) -> Result<(), ReconcileError> {
        let before = self.interfaces_bound();
        let mut refused = None;
        for change in told {
            // One interface's trouble is not the others'.
            let taken = self.take_over(change);
            refused = refused.or(taken.err());
        }
        self.settle().await?;
        if self.interfaces_bound() != before {
            self.look_around().await;
        }
        refused.map_or(Ok(()), Err)
    }

    /// What is bound.
    fn interfaces_bound(&self) -> Vec<Option<(u32, Tags)>> {
        self.bindings.values().map(super::Binding::key).collect()
    }

    fn take_over(&mut self, change: Change) -> Result<(), ReconcileError> {
        let now = Instant::now();
        match change {
            Change::Neighbour(ifindex, address, known) => {
                self.picture.set_neighbour(ifindex, address, known, now);
            }
            Change::Routes(network) => self.picture.routes_changed(network),
            Change::AnyRoute => self.picture.any_route_changed(),
            Change::Link(link) => {
                let (name, index) = (link.name.clone(), link.index);
                self.links.put(link);
                return self.follow_links(&name, index);
            }
            Change::LinkGone(index) => {
                self.links.remove(index);
                return self.follow_links("", index);
            }
            Change::Overrun => {}
        }
        Ok(())
    }

    /// Follows what hangs on an interface that changed. The name that it had may be another's by
    /// now, or nobody's.
    fn follow_links(&mut self, of: &str, index: u32) -> Result<(), ReconcileError> {
        let names = self.bindings.iter();
        let names = names.filter(|(name, binding)| binding.hangs_on(name, of, index));
        let mut names: Vec<_> = names.map(|(name, _)| name.clone()).collect();
        // Who loses an interface forgets it before another binds it.
        names.sort_by_key(|name| self.links.see(name).is_some());
        let mut refused = None;
        for name in names {
            refused = refused.or(self.follow_link(&name).err());
        }
        refused.map_or(Ok(()), Err)
    }

    fn follow_link(&mut self, name: &str) -> Result<(), ReconcileError> {
        let shared = Shared::of(&self.bindings);
        let Some(binding) = self.bindings.get_mut(name) else {
            return Ok(());
        };
        let now = self.links.see(name);
        let followed = binding.follow(name, now, &shared, &mut self.dataplane);
        let links = links_of(&self.bindings, self.dataplane.has_tc());
        self.picture.set_links(links, Instant::now());
        followed
    }

    /// Takes everything anew.
    async fn resync(&mut self) -> Result<(), ReconcileError> {
        self.next_resync = Instant::now() + RESYNC_EVERY;
        self.links = Links::new(self.netlink.links().await?);
        let mut refused = None;
        for name in self.bindings.keys().cloned().collect::<Vec<_>>() {
            let followed = self.follow_link(&name);
            refused = refused.or(followed.err());
        }
        let neighbours = self.netlink.neighbours().await?;
        self.picture.set_neighbours(neighbours, Instant::now());
        self.picture.any_route_changed();
        self.settle().await?;
        self.look_around().await;
        refused.map_or(Ok(()), Err)
    }

    /// Looks up what routes may have changed, writes the rows that did, and has the kernel ask for
    /// the neighbours that are due.
    pub(super) async fn settle(&mut self) -> Result<(), ReconcileError> {
        let questions = self.picture.questions();
        let asked: Vec<_> = questions
            .iter()
            .map(|(_, destination, ifindex)| (*destination, *ifindex))
            .collect();
        let ways = self.netlink.ways(&asked).await;
        for ((row, ..), way) in questions.into_iter().zip(ways) {
            self.picture.answer(row, way);
        }
        let now = Instant::now();
        self.picture.schedule(now);
        for (row, hop) in self.picture.unwritten() {
            self.dataplane.set_hop(row, hop)?;
            let Some(turn) = self.picture.wrote(row, hop) else {
                continue;
            };
            let interface = &turn.wanted.interface;
            match turn.wanted.toward {
                Toward::Clients => {}
                Toward::Backend(backend) if turn.lost => tracing::warn!(
                    "next hop to {backend} on {interface} is lost: its packets are dropped until it is found again"
                ),
                Toward::Backend(backend) => {
                    tracing::info!("next hop to {backend} on {interface} is found again");
                }
            }
        }
        let due = self.picture.ask(now);
        if !due.is_empty() {
            self.netlink.ask_for(&due).await;
        }
        Ok(())
    }
}
