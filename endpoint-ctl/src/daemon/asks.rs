//! Questions that only the daemon can answer: what becomes of a packet, what a manifest would change.
//!
//! May import: control, explain, reconcile, the daemon's own.

use serde_json::Value;

use super::Daemon;
use crate::control::{Answer, Ask, Request};
use crate::explain::{Asked, Explained, Question};

impl Daemon {
    /// Answers, now or a little later. An asker that has gone away is no matter.
    pub(super) fn answer(&mut self, ask: Ask) {
        match ask.request {
            Request::Explain(question) => drop(ask.to.send(self.explain(&question))),
            request => {
                let text = format!("not a question for the daemon: {request:?}");
                let _ = ask.to.send(Answer::Error(text));
            }
        }
    }

    fn explain(&mut self, question: &Question) -> Answer {
        let model = self.reconciler.model().clone();
        let asked = match Asked::of(&model, question) {
            Ok(asked) => asked,
            Err(text) => {
                let faults = Value::Null;
                return Answer::BadInput { text, faults };
            }
        };
        let frame = |mac| asked.frame(mac);
        let found = self
            .reconciler
            .explain(asked.interface(), asked.family(), frame);
        let found = match found {
            Ok(found) => found,
            Err(error) => return Answer::Error(error.to_string()),
        };
        let interfaces = self.reconciler.interfaces();
        let interface = |index: u32| {
            let mut all = interfaces.iter();
            let found = all.find(|one| one.ifindex == Some(index))?;
            Some(found.interface.clone())
        };
        let explained = asked.answer(self.reconciler.numbers(), &interface, &found);
        shout(&explained);
        match serde_json::to_value(&explained) {
            Ok(value) => Answer::Ok(value),
            Err(error) => Answer::Error(error.to_string()),
        }
    }
}

/// Tells where program and model disagree.
fn shout(explained: &Explained) {
    let question = &explained.question;
    for disagreement in &explained.disagreements {
        tracing::error!(
            from = %question.from,
            to = %question.to,
            protocol = question.protocol.name(),
            generation = explained.generation,
            "explain: the loaded program and the model disagree; please report it: {disagreement}"
        );
    }
}
