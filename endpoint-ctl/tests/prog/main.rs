//! The loaded program against the same path on the host, by BPF_PROG_TEST_RUN. Needs root.

mod checksums;
mod packet;
mod table;
mod twins;
mod world;
