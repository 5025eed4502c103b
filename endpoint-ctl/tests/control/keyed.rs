//! Calls that an account signs by its key, over TCP.

use std::net::TcpStream;

use xtask::lab::inside;

use crate::calls::{Answered, Product};
use crate::client::Client;
use crate::node::{API, Node, REGION};
use crate::signer::{self, Request};

/// See the module.
pub(crate) struct Keyed {
    client: Client<TcpStream>,
    key: &'static str,
    secret: &'static str,
}

impl Keyed {
    /// Calls as the provider.
    #[track_caller]
    pub(crate) fn provider(node: &Node) -> Self {
        let client = inside(node.lab.ns("node"), || Ok(TcpStream::connect(API)?));
        Self {
            client: Client::new(client.expect("connects")),
            key: "provider-key",
            secret: "provider-secret",
        }
    }

    pub(crate) fn call(
        &mut self,
        product: Product,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> Answered {
        let mut request = of_region(product, action, parameters);
        request.key = self.key;
        self.secret.clone_into(&mut request.secret);
        let reply = self.client.ask(request.acs3());
        Answered {
            status: reply.status,
            body: reply.json(),
        }
    }
}

/// A request for the region of the labs, to be signed by whoever it is of.
pub(crate) fn of_region(product: Product, action: &str, parameters: &[(&str, &str)]) -> Request {
    let mut request = signer::call(action, parameters);
    request.query.extend(signer::owned(&[("RegionId", REGION)]));
    product.version().clone_into(&mut request.version);
    request
}
