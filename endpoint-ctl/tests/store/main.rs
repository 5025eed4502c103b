//! The store: both kinds through the same tests, then what each of them meets in its own world:
//! crashes, damaged files and full disks, and an etcd that is frozen, killed, compacted or wiped.

mod cached;
#[cfg(feature = "etcd")]
mod cluster;
mod crash;
mod damage;
mod disk;
mod embedded;
#[cfg(feature = "etcd")]
mod etcd;
mod interleaving;
#[cfg(feature = "etcd")]
mod lease;
#[cfg(feature = "etcd")]
mod login;
#[cfg(feature = "etcd")]
mod proxy;
mod rig;
#[cfg(feature = "etcd")]
mod server;
mod speed;
mod suite;
