//! What becomes of a packet, stage by stage, and why: the loaded program says it on the tables in force
//! ([`endpoint_common::abi::explain`]), and the oracle says it from the model. Where the two disagree,
//! something is broken.
//!
//! May import: model, compiler (numbers), oracle, endpoint-common, serde, std.

mod answer;
mod frame;
mod question;
mod rules;
mod stages;
mod target;

use endpoint_common::abi::explain::Explanation;
use endpoint_common::abi::flow::Family;
use endpoint_common::wire::Mac;

use crate::compiler::Numbers;
use crate::model::{Model, NodeId};
use answer::Context;
use target::Target;

pub use answer::{Explained, FlowView, HopView, ListenerView, NatView, Place, Told};
pub use question::{EPHEMERAL, End, Protocol, Question};
pub use rules::{Probe, RuleView};
pub use stages::Stage;

/// A question that can be asked: its target is known.
pub struct Asked<'m> {
    model: &'m Model,
    question: &'m Question,
    target: Target<'m>,
}

impl<'m> Asked<'m> {
    /// Finds the target of a question in the model in force.
    ///
    /// # Errors
    /// The question makes no sense, or its target is nobody's, or that of several; with the mend.
    pub fn of(model: &'m Model, question: &'m Question) -> Result<Self, String> {
        question.check()?;
        let target = target::find(model, question)?;
        Ok(Self {
            model,
            question,
            target,
        })
    }

    /// What can be said of a question's target that [`of`](Self::of) has not found, if it is declared.
    pub fn elsewhere(declared: &Model, question: &Question, here: &NodeId) -> Option<String> {
        target::elsewhere(declared, question.to.ip, here)
    }

    /// The interface the packet arrives on.
    pub fn interface(&self) -> &'m str {
        self.target.interface()
    }

    /// The packet's family.
    pub fn family(&self) -> Family {
        stages::family(self.question.to.ip)
    }

    /// The packet, to an interface with this MAC address.
    pub fn frame(&self, mac: Mac) -> Vec<u8> {
        self.question.frame(mac)
    }

    /// What the program found, in names, and compared with the model. `interface` names interfaces by
    /// index.
    pub fn answer(
        &self,
        numbers: &Numbers,
        interface: &dyn Fn(u32) -> Option<String>,
        found: &Explanation,
    ) -> Explained {
        let context = Context {
            model: self.model,
            numbers,
            interface,
        };
        answer::explained(&context, self.question, &self.target, found)
    }
}
