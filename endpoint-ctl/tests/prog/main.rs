//! The loaded program, by BPF_PROG_TEST_RUN. Needs root.

mod smoke;
