//! The store: both kinds through the same tests, then what each of them meets in its own world:
//! crashes, damaged files and full disks, and an etcd that is frozen, killed, compacted or wiped.

mod cached;
mod crash;
mod damage;
mod disk;
mod embedded;
mod interleaving;
mod rig;
mod speed;
mod suite;
