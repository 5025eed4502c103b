//! Faults: what is wrong, where, and how to mend it; collected rather than returned at the first.
//!
//! May import: std, serde, `model`, `kind`.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::rc::Rc;

use serde::Serialize;

use super::kind::Header;
use crate::model::Kind;

/// What kind of wrong a fault is, for programs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FaultClass {
    /// A value cannot be taken.
    #[default]
    Wrong,
    /// A field that must be given is not.
    Missing,
    /// What is named is not there.
    NotFound(Kind),
    /// Another has what only one may have.
    Taken,
    /// There are no more addresses.
    Exhausted,
    /// More than there may be.
    TooMany,
}

/// One fault of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Number of the document in the file, from 1; none when the file as a whole is at fault, or what
    /// others declared.
    pub document: Option<usize>,
    /// `kind` of the document, if it could be read.
    pub kind: Option<String>,
    /// Id of the document's resource, if it could be read.
    pub id: Option<String>,
    /// Line of the file, from 1.
    pub line: Option<u32>,
    /// Column, from 1; only for what YAML itself refuses.
    pub column: Option<u32>,
    /// Path to the field, such as `Permissions[2].PortRange`, places from 0; empty for the document.
    pub path: String,
    /// What is wrong.
    pub problem: String,
    /// How to mend it.
    pub mend: String,
    /// What kind of wrong it is.
    #[serde(skip)]
    pub class: FaultClass,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match (&self.kind, &self.id) {
            (Some(kind), Some(id)) => Some(format!("{kind} {id}")),
            (Some(kind), None) => Some(kind.clone()),
            (None, _) => None,
        };
        if self.document.is_none()
            && let Some(name) = &name
        {
            write!(f, "{name}, declared before: ")?;
        }
        if let Some(number) = self.document {
            write!(f, "document {number}")?;
            let line = self.line.map(|line| format!("line {line}"));
            let column = self.column.map(|column| format!("column {column}"));
            let place: Vec<String> = [name, line, column].into_iter().flatten().collect();
            if !place.is_empty() {
                write!(f, " ({})", place.join(", "))?;
            }
            f.write_str(": ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{}; {}", self.problem, self.mend)
    }
}

/// Every fault found in a manifest, in file order; never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ManifestErrors {
    /// Name of the file, as given to `load`.
    pub file: String,
    /// The faults.
    pub faults: Vec<Fault>,
}

impl fmt::Display for ManifestErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}: {fault}", self.file)?;
        }
        Ok(())
    }
}

impl Error for ManifestErrors {}

/// A value that cannot be taken, before its place is known.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) problem: String,
    pub(super) mend: String,
}

impl Wrong {
    pub(super) fn new(problem: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
            mend: mend.into(),
        }
    }
}

/// The fault is already recorded: nothing is left to do but to stop using the value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told;

/// Where faults are collected.
#[derive(Debug, Default)]
pub(super) struct Faults {
    // A cell, so that any number of places can report without owning the list.
    list: RefCell<Vec<Fault>>,
}

impl Faults {
    pub(super) fn push(&self, fault: Fault) -> Told {
        self.list.borrow_mut().push(fault);
        Told
    }

    /// Records a fault of the file as a whole.
    pub(super) fn file(&self, problem: impl Into<String>, mend: impl Into<String>) -> Told {
        self.push(Fault {
            document: None,
            kind: None,
            id: None,
            line: None,
            column: None,
            path: String::new(),
            problem: problem.into(),
            mend: mend.into(),
            class: FaultClass::Wrong,
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.borrow().is_empty()
    }

    /// The faults in file order; those of one line in the order they were found.
    pub(super) fn into_sorted(self) -> Vec<Fault> {
        let mut list = self.list.into_inner();
        list.sort_by_key(|fault| (fault.document, fault.line));
        list
    }
}

/// The way to a field from the document it is in, made into text once there is a fault.
#[derive(Debug, Clone, Default)]
pub(super) struct Path<'a> {
    /// To the mapping or list that the rest is in.
    base: Rc<str>,
    /// The place in a list, from 0.
    index: Option<usize>,
    /// The field, or nothing.
    name: &'a str,
}

impl Path<'_> {
    /// The path to a field of the mapping here. Where this is a field itself, its path is made into text.
    pub(super) fn field<'f>(&self, name: &'f str) -> Path<'f> {
        let here = self.name.is_empty();
        Path {
            base: if here {
                self.base.clone()
            } else {
                self.to_string().into()
            },
            index: self.index.filter(|_| here),
            name,
        }
    }

    /// The path to a part of what is here, made into text, to which places in a list may be added.
    pub(super) fn part(&self, below: impl fmt::Display) -> Self {
        Self {
            base: format!("{self}{below}").into(),
            ..Self::default()
        }
    }

    /// The path to an item of the list here, which must be text already.
    pub(super) fn item(&self, index: usize) -> Self {
        Self {
            index: Some(index),
            ..self.clone()
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)?;
        if let Some(index) = self.index {
            write!(f, "[{index}]")?;
        }
        if self.name.is_empty() {
            return Ok(());
        }
        if !self.base.is_empty() {
            f.write_str(".")?;
        }
        // A key comes from the file and may hold anything, but a fault is one line.
        write!(f, "{}", self.name.escape_debug())
    }
}

/// A place in a document that a fault can be reported at.
#[derive(Debug, Clone)]
pub(super) struct Place<'a> {
    pub(super) faults: &'a Faults,
    pub(super) document: &'a Header,
    pub(super) line: u32,
    pub(super) path: Path<'a>,
}

impl Place<'_> {
    pub(super) fn fault(&self, problem: impl Into<String>, mend: impl Into<String>) -> Told {
        self.fault_as(FaultClass::Wrong, problem, mend)
    }

    pub(super) fn fault_as(
        &self,
        class: FaultClass,
        problem: impl Into<String>,
        mend: impl Into<String>,
    ) -> Told {
        self.faults.push(Fault {
            class,
            document: Some(self.document.number).filter(|number| *number > 0),
            kind: self.document.kind.map(|kind| kind.name().to_owned()),
            id: self.document.id.clone(),
            line: Some(self.line).filter(|line| *line > 0),
            column: None,
            path: self.path.to_string(),
            problem: problem.into(),
            mend: mend.into(),
        })
    }

    pub(super) fn wrong(&self, wrong: Wrong) -> Told {
        self.fault(wrong.problem, wrong.mend)
    }

    /// The value, or the fault recorded here.
    pub(super) fn tell<T>(&self, value: Result<T, Wrong>) -> Result<T, Told> {
        value.map_err(|wrong| self.wrong(wrong))
    }
}
