//! What the operations of the API mean: each a reading of what is declared, or a change of it.
//!
//! An operation is a function, found by product and name (`privatelink`, `ecs`, `vpc`, `nlb`); what all of
//! them have in common, regions, client tokens, dry runs, is done here. Changes may be made several times
//! until one is kept, so they do nothing but change.
//!
//! May import: std, jiff, ipnet, serde_json, sha2, tracing, api, document, model, registry.

mod answers;
mod ecs;
mod names;
mod nlb;
mod paging;
mod privatelink;
mod refusals;
mod request;
mod tagging;
mod tokens;
mod visible;
mod vpc;

use std::sync::Arc;

use serde_json::{Map, Value};

pub use privatelink::{EndpointShown, ServiceShown, ZoneShown};
use request::Request;
pub use request::Settings;

use crate::api::{ApiError, Call, Product, Service};
use crate::registry::{Change, Desk, Failed, View};
use crate::store::StoreError;

/// The members of an answer, without `RequestId`.
type Answer = Result<Map<String, Value>, ApiError>;

/// An operation.
#[derive(Clone, Copy)]
struct Operation {
    /// Whether `RegionId` must be given.
    needs_region: bool,
    run: Run,
}

#[derive(Clone, Copy)]
enum Run {
    Read(fn(&View, &Request<'_>) -> Answer),
    Write(fn(&mut Change, &Request<'_>) -> Answer),
}

impl Operation {
    const fn read(run: fn(&View, &Request<'_>) -> Answer) -> Self {
        Self {
            needs_region: true,
            run: Run::Read(run),
        }
    }

    const fn write(run: fn(&mut Change, &Request<'_>) -> Answer) -> Self {
        Self {
            needs_region: true,
            run: Run::Write(run),
        }
    }

    /// The same, where no region need be named.
    const fn anywhere(self) -> Self {
        Self {
            needs_region: false,
            ..self
        }
    }
}

/// The operations, over a desk.
#[derive(Debug, Clone)]
pub struct Operations {
    desk: Desk,
    settings: Arc<Settings>,
}

impl Operations {
    /// The operations of a region.
    pub fn new(desk: Desk, settings: Settings) -> Self {
        Self {
            desk,
            settings: Arc::new(settings),
        }
    }

    async fn write(&self, call: Call, run: fn(&mut Change, &Request<'_>) -> Answer) -> Answer {
        let settings = Arc::clone(&self.settings);
        let made = self.desk.change(move |change| {
            let request = Request::new(&call, &settings);
            tokens::once(change, &request, run)
        });
        made.await.map_err(|failed| match failed {
            Failed::Refused(error) => error,
            Failed::Store(error) => unkept(&error),
            Failed::Stopping => ApiError::unavailable("The daemon is stopping."),
        })
    }
}

impl Service for Operations {
    async fn call(&self, call: Call) -> Answer {
        let operation = find(call.product, &call.action)
            .ok_or_else(|| ApiError::action_not_found(call.product, &call.action))?;
        Request::new(&call, &self.settings).check_region(operation.needs_region)?;
        match operation.run {
            Run::Read(read) => {
                let request = Request::new(&call, &self.settings);
                read(&self.desk.view(), &request)
            }
            Run::Write(write) => self.write(call, write).await,
        }
    }
}

fn find(product: Product, action: &str) -> Option<Operation> {
    match product {
        Product::PrivateLink => privatelink::find(action),
        Product::Ecs => ecs::find(action),
        Product::Vpc => vpc::find(action),
        Product::Nlb => nlb::find(action),
    }
}

/// The store failed: nothing was changed, or it is not known whether it was.
fn unkept(error: &StoreError) -> ApiError {
    match error {
        StoreError::TooManyBytes(_) => ApiError::new(
            400,
            "InvalidParameter",
            format!("The resource is too large: {error}."),
        ),
        _ => ApiError::unavailable(format!("The change could not be kept: {error}.")),
    }
}
