//! What is known of one resource, as far as it takes a running daemon to know it.
//!
//! May import: control, describe, document, reconcile, the daemon's own.

use serde_json::Value;
use tokio::sync::oneshot;

use super::Daemon;
use super::asks::bad_question;
use crate::control::Answer;
use crate::describe::Known;
use crate::document::{documents, kind_of, select};

impl Daemon {
    /// Answers, beside everything else.
    pub(super) fn describe(&self, kind: String, id: String, to: oneshot::Sender<Answer>) {
        let interfaces = self.reconciler.interfaces().into_iter();
        let macs = interfaces.filter_map(|found| Some((found.interface, found.mac?)));
        let known = Known {
            view: self.desk.view(),
            settings: self.options.settings(),
            targets: self.health.targets(),
            macs: macs.collect(),
        };
        tokio::task::spawn_blocking(move || {
            let _ = to.send(answer(&known, &kind, &id).unwrap_or_else(bad_question));
        });
    }
}

/// The answer, or what is wrong with what was asked.
fn answer(known: &Known, kind: &str, id: &str) -> Result<Answer, String> {
    let found = known.describe(kind_of(kind)?, id);
    let Some(described) = found else {
        // Says that there is none, and which there are.
        select(documents(known.view.model()), Some(kind), Some(id))?;
        return Ok(Answer::Ok(Value::Null));
    };
    Ok(match serde_json::to_value(described) {
        Ok(described) => Answer::Ok(described),
        Err(error) => Answer::Error(error.to_string()),
    })
}
