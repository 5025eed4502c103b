//! The wire face of the API: Alibaba's RPC protocol over HTTP, for unmodified SDKs.
//!
//! A request is read (`server`), decoded (`form`), its signature checked (`signature`, with the keys of
//! `keys`), admitted (`admission`: nonces and rates), made a [`Call`] with [`Parameters`], and given to
//! a [`Service`], which knows what the operations mean. Whatever happens, the answer is JSON with a
//! `RequestId`. See docs/api.md.
//!
//! May import: manifest, model.

mod admission;
mod authenticate;
mod call;
mod error;
mod form;
mod keys;
mod parameters;
mod request_id;
mod server;
mod signature;

pub use call::{Call, Product, Service};
pub use error::ApiError;
pub use keys::{KeyFileError, KeyRing};
pub use parameters::{Parameters, Reader, Value};
pub use server::{
    Limits, Listen, NoPlace, ReloadError, Server, Settings, StartError, TlsError, TlsFiles,
};
