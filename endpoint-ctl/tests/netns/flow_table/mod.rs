//! The flow table holds under a flood, when it is full, when it is damaged, when nobody looks after
//! it, and keeps 10,000 flows of two VPCs apart; with both IP families. Imports `scene`, `waiting`.

mod crosstalk;
mod echo;
mod flood;
mod full;
mod halves;
mod maps;
mod nat_ports;
mod syn_flood;
mod talk;
mod unattended;

pub(crate) use echo::Echo;
pub(crate) use talk::{Connection, Talk};
