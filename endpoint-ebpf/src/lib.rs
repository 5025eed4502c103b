//! Empty: gives cargo a library target, so that other crates can name this one.
#![no_std]
