//! Why a change cannot be made.
//!
//! May import: std, manifest (faults), model.

use std::fmt;

use crate::manifest::{Fault, FaultClass};
use crate::model::{Kind, ResourceId};

/// What is wrong with a change, in a way that programs can branch on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// A field that must be given is not.
    Missing,
    /// A value cannot be taken.
    Wrong,
    /// Something that is named is not there.
    NotFound(Kind),
    /// Somebody else has it: an address, a name, an id, a domain.
    Taken,
    /// There is no more of it: addresses of a vSwitch.
    Exhausted,
    /// More than may be: the quota's name.
    Quota(&'static str),
    /// Something else needs it.
    InUse,
    /// It is not to be changed by hand: it comes with something else, or belongs to a manifest.
    Managed,
    /// It is in no state for that.
    State,
}

/// A change that was not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of wrong it is.
    pub reason: Reason,
    /// The resource it is about, if there is one.
    pub resource: Option<ResourceId>,
    /// The field of its document, such as `Zones[0].ip`; empty if it is about all of it.
    pub field: String,
    /// What is wrong.
    pub problem: String,
    /// How to mend it.
    pub mend: String,
}

impl Refusal {
    /// One about a resource as a whole.
    pub fn new(
        reason: Reason,
        resource: ResourceId,
        problem: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self {
            reason,
            resource: Some(resource),
            field: String::new(),
            problem: problem.into(),
            mend: mend.into(),
        }
    }

    /// There is no such resource.
    pub fn not_found(resource: ResourceId) -> Self {
        let problem = format!("there is no {resource}");
        Self::new(Reason::NotFound(resource.kind), resource, problem, "")
    }

    /// The same, told of a field of the part of the document that `prefix` leads to, if it is of that.
    #[must_use]
    pub fn within(mut self, prefix: &str) -> Self {
        if let Some(field) = self.field.strip_prefix(prefix) {
            self.field = field.to_owned();
        }
        self
    }

    /// The first of the faults of a document.
    pub(super) fn of_faults(faults: Vec<Fault>) -> Self {
        let mut faults = faults.into_iter();
        let Some(fault) = faults.next() else {
            return Self {
                reason: Reason::Wrong,
                resource: None,
                field: String::new(),
                problem: "it cannot be used, for no known reason".to_owned(),
                mend: "report this as a defect of the program".to_owned(),
            };
        };
        let kind = fault.kind.as_deref().and_then(Kind::named);
        let resource = kind.zip(fault.id.as_deref());
        Self {
            reason: match fault.class {
                FaultClass::Wrong => Reason::Wrong,
                FaultClass::Missing => Reason::Missing,
                FaultClass::NotFound(kind) => Reason::NotFound(kind),
                FaultClass::Taken => Reason::Taken,
                FaultClass::Exhausted => Reason::Exhausted,
                FaultClass::TooMany => Reason::Quota("q_items"),
            },
            resource: resource.map(|(kind, id)| ResourceId::new(kind, id)),
            field: fault.path,
            problem: fault.problem,
            mend: fault.mend,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(resource) = &self.resource {
            write!(f, "{resource}: ")?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.problem)?;
        if !self.mend.is_empty() {
            write!(f, "; {}", self.mend)?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}
