//! The loaded program against the same path on the host, by BPF_PROG_TEST_RUN. Needs root.

mod checksums;
mod differences;
mod exhaustion;
mod generations;
mod icmp_error;
mod object;
mod packet;
mod packet6;
mod pairs;
mod random;
mod table;
mod telling;
mod traces;
mod twins;
mod vlan;
mod world;
