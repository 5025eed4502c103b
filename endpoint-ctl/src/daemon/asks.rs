//! Questions that only the daemon can answer: what becomes of a packet, what a manifest would change, what
//! is declared.
//!
//! May import: compiler, control, diff, document, explain, health, model, observe, the daemon's own.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use endpoint_common::abi::flow::Family;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{Daemon, DaemonError, read_manifest};
use crate::compiler::{Capacity, Numbers, Tables, compile};
use crate::control::{Answer, Ask, Candidate, Request, Wanted};
use crate::diff::{Replay, Replayed, changes};
use crate::document::{Document, documents, select};
use crate::explain::{Asked, Explained, Question};
use crate::health::Moment;
use crate::model::Model;
use crate::observe::ObserverHandle;

impl Daemon {
    /// Answers, now or a little later. An asker that has gone away is no matter.
    pub(super) fn answer(&mut self, ask: Ask) {
        match ask.request {
            Request::Explain(question) => drop(ask.to.send(self.explain(&question))),
            Request::Diff(candidate) => self.diff(candidate, ask.to),
            Request::Get(wanted) => drop(ask.to.send(self.get(&wanted))),
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

impl Daemon {
    fn get(&self, wanted: &Wanted) -> Answer {
        let all = documents(self.health.desired());
        match select(all, wanted.kind.as_deref(), wanted.id.as_deref()) {
            Ok(found) => Answer::Ok(found.iter().map(Document::to_value).collect()),
            Err(text) => Answer::BadInput {
                text,
                faults: Value::Null,
            },
        }
    }

    /// Answers what a manifest would change. What takes long is done beside everything else.
    fn diff(&self, candidate: Candidate, to: oneshot::Sender<Answer>) {
        let before = self.health.desired();
        let desired = match read_manifest(&candidate.file, Some(before)) {
            Ok(model) => model,
            Err(error) => {
                let _ = to.send(refused(&error));
                return;
            }
        };
        let changes = changes(before, &desired);
        let work = candidate.replay.then(|| Work {
            served: self.health.plan(desired, Moment::now()).served,
            before: self.reconciler.model().clone(),
            tables: self.reconciler.tables().clone(),
            numbers: self.reconciler.numbers().clone(),
            capacity: *self.reconciler.capacity(),
            observer: self.observer.clone(),
            flow_log: candidate.flow_log,
        });
        tokio::spawn(async move {
            let replayed = match work {
                Some(work) => work.replay().await.map(Some),
                None => Ok(None),
            };
            let _ = to.send(match replayed {
                Ok(replay) => Answer::Ok(json!({ "changes": changes, "replay": replay })),
                Err(error) => Answer::Error(error),
            });
        });
    }
}

fn refused(error: &DaemonError) -> Answer {
    let text = error.to_string();
    match error {
        DaemonError::Manifest(errors) => Answer::BadInput {
            text,
            faults: json!(errors),
        },
        _ => Answer::Error(text),
    }
}

/// What it takes to replay flows.
struct Work {
    served: Model,
    before: Model,
    tables: Tables,
    numbers: Numbers,
    capacity: Capacity,
    observer: ObserverHandle,
    flow_log: Option<PathBuf>,
}

impl Work {
    async fn replay(mut self) -> Result<Replayed, String> {
        let observer = self.observer.clone();
        let flow_log = self.flow_log.take();
        let mut replay = aside(move || self.compile()).await??;
        for family in [Family::V4, Family::V6] {
            for number in 0.. {
                let Some(flows) = observer.part(family, number).await else {
                    break;
                };
                replay = aside(move || {
                    for flow in &flows {
                        replay.flow(flow);
                    }
                    replay
                })
                .await?;
            }
        }
        let finish = move || {
            if let Some(path) = flow_log {
                read_lines(&path, |line| replay.record(line))?;
            }
            Ok(replay.finish())
        };
        aside(finish).await?
    }

    fn compile(mut self) -> Result<Replay, String> {
        self.numbers.assign(&self.served);
        let generation = self.tables.generation.wrapping_add(1);
        let candidate = compile(&self.served, &self.numbers, generation, &self.capacity);
        let candidate = candidate.map_err(|error| error.to_string())?;
        let models = [self.served, self.before];
        Ok(Replay::new(self.tables, candidate, models, self.numbers))
    }
}

/// Does on another thread what takes long.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| error.to_string())
}

/// Reads a file line by line, however long it is.
fn read_lines(path: &Path, mut each: impl FnMut(&str)) -> Result<(), String> {
    let failed = |error: io::Error| format!("{}: {error}", path.display());
    let mut reader = BufReader::new(File::open(path).map_err(failed)?);
    let mut line = String::new();
    while reader.read_line(&mut line).map_err(failed)? > 0 {
        each(line.trim_end());
        line.clear();
    }
    Ok(())
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
