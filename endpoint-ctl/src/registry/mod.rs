//! The service layer: what is declared, whoever declared it, and every rule of its change.
//!
//! A [`Registry`] is everything as of one moment; copies cost nothing. A [`Change`] makes another of it,
//! by documents, which the manifest's decoders check. The [`Desk`] makes one change after the other, keeps
//! them in the store before anybody hears of them, and shows what is declared and what is in force. The
//! manifest, the command line and the API are faces of it.
//!
//! May import: std, bytes, fastrand, jiff, serde, serde_json, thiserror, tokio, tracing, document, manifest, model,
//! store.

mod apply;
mod change;
mod cluster;
mod desk;
mod history;
mod origin;
mod quota;
mod record;
mod referrers;
mod refusal;
mod token;
mod view;

pub use apply::{Applied, Apply, ApplyError, Conflict};
pub use change::Change;
pub use cluster::{ClusterView, NodeView};
pub use desk::{Desk, DeskError, Failed};
pub use origin::Origin;
pub use quota::Quotas;
pub use record::RecordError;
pub use referrers::referrers;
pub use refusal::{Reason, Refusal};
pub use token::Token;
pub use view::{Progress, View};

use crate::model::{AccountId, Kind, Model, ResourceId, Resources};

/// Everything that is declared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registry {
    /// The resources.
    pub model: Model,
    /// Where each comes from. What comes with an endpoint, as its managed group does, has the endpoint's.
    pub origins: Resources<ResourceId, Origin>,
    /// Answers to requests that had a client token, by account and token.
    pub tokens: Resources<String, Token>,
}

impl Registry {
    /// Where a resource comes from.
    pub fn origin(&self, kind: Kind, id: &str) -> Option<&Origin> {
        self.origins.get(&ResourceId::new(kind, id))
    }

    /// Whether a resource belongs to an account.
    pub fn is_of(&self, kind: Kind, id: &str, account: &AccountId) -> bool {
        let origin = self.origin(kind, id);
        origin.is_some_and(|origin| origin.account == *account)
    }

    /// Ids of a kind that belong to an account.
    pub fn ids_of<'r>(
        &'r self,
        kind: Kind,
        account: &'r AccountId,
    ) -> impl Iterator<Item = &'r str> {
        let of_kind = self.origins.iter().filter(move |(id, _)| id.kind == kind);
        let its = of_kind.filter(move |(_, origin)| origin.account == *account);
        its.map(|(id, _)| &*id.id)
    }
}
