//! The API's wire face, over real sockets: what is answered, to whom, and that nobody holds others.
//!
//! The service behind it echoes (`echo`); requests are signed by code of the tests' own (`signer`), sent
//! by a plain client (`client`) to a server on loopback (`rig`).

mod client;
mod dispatch;
mod echo;
mod life;
mod malformed;
mod rig;
mod secure;
mod signer;
mod slow;
mod start;
