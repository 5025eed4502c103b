//! Questions that only the daemon can answer: what becomes of a packet, what a manifest would change, what
//! is declared, what was used.
//!
//! May import: compiler, control, diff, document, explain, health, metering, model, observe, the daemon's own.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use endpoint_common::abi::explain::Explanation;
use endpoint_common::abi::flow::Family;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{Daemon, Declare, DeclareError};
use crate::compiler::{Capacity, Numbers, Tables, compile};
use crate::control::{Answer, Application, Ask, Candidate, Request, Wanted};
use crate::diff::{Replay, Replayed, changes};
use crate::document::{Document, documents, kind_of, select};
use crate::explain::{Asked, Explained, Question};
use crate::health::{Moment, Servers};
use crate::metering::UsageOf;
use crate::model::{AccountId, Model, NodeId};
use crate::observe::ObserverHandle;
use crate::registry::{Change, Failed};

impl Daemon {
    /// Answers, now or a little later. An asker that has gone away is no matter.
    pub(super) async fn answer(&mut self, ask: Ask) {
        match ask.request {
            Request::Explain(question) => self.explain(question, ask.to),
            Request::Diff(candidate) => self.diff(candidate, ask.to),
            Request::Get(wanted) => self.get(wanted, ask.to),
            Request::Describe { kind, id } => self.describe(kind, id, ask.to),
            Request::Usage(of) => self.usage(of, ask.to),
            Request::Apply(application) => {
                let answer = self.apply_manifest(application).await;
                let _ = ask.to.send(answer.unwrap_or_else(|refused| refused));
            }
            Request::Backup { to } => self.backup(to, ask.to),
            Request::Delete { kind, id } => {
                let answer = self.delete(&kind, id).await;
                let _ = ask.to.send(answer.unwrap_or_else(|refused| refused));
            }
            request => {
                let text = format!("not a question for the daemon: {request:?}");
                let _ = ask.to.send(Answer::Error(text));
            }
        }
    }

    /// Asks the program here, and the model beside everything else: with many rules that takes long.
    fn explain(&mut self, question: Question, to: oneshot::Sender<Answer>) {
        let model = Arc::clone(self.reconciler.model());
        let found = match self.ask_the_program(&model, &question) {
            Ok(found) => found,
            Err(refused) => {
                let _ = to.send(refused);
                return;
            }
        };
        let interfaces = self.reconciler.interfaces();
        let numbers = Arc::clone(self.reconciler.numbers());
        tokio::task::spawn_blocking(move || {
            let interface = |index: u32| {
                let mut all = interfaces.iter();
                let found = all.find(|one| one.ifindex == Some(index))?;
                Some(found.interface.clone())
            };
            let explained = Asked::of(&model, &question)
                .map(|asked| asked.answer(&numbers, &interface, &found));
            let _ = to.send(match explained {
                Ok(explained) => told(&explained),
                Err(text) => bad_question(text),
            });
        });
    }

    /// Applies a manifest, or says what that would change.
    async fn apply_manifest(&mut self, application: Application) -> Result<Answer, Answer> {
        let declare = self
            .declare_of(&application)
            .map_err(|error| refused(&error))?;
        let mut draft = self.desk.draft();
        let before = draft.model().clone();
        let applied = draft.apply(&declare.0);
        let applied = applied.map_err(|error| refused(&error.into()))?;
        let changes = changes(&before, draft.model());
        if !application.dry_run {
            let declared = self.declare(declare).await;
            declared.map_err(|error| refused(&error))?;
        }
        let left = applied.left.iter();
        let left = left.map(|id| json!({ "kind": id.kind.name(), "id": &*id.id }));
        let left: Vec<_> = left.collect();
        Ok(Answer::Ok(json!({ "changes": changes, "left": left })))
    }

    fn declare_of(&self, application: &Application) -> Result<Declare, DeclareError> {
        let name = application.name.as_deref();
        let mut declare = Declare::read(&application.file, name, &self.options.account)?;
        let apply = &mut declare.0;
        apply.prune = application.prune;
        apply.take_over = application.take_over;
        Ok(declare)
    }

    /// Writes a backup, beside everything else.
    fn backup(&self, path: PathBuf, to: oneshot::Sender<Answer>) {
        let desk = self.desk.clone();
        tokio::spawn(async move {
            let _ = to.send(match desk.backup(&path).await {
                Ok(Some(revision)) => Answer::Ok(json!({ "revision": revision.0 })),
                Ok(None) => bad_question("there is no store: run with --store".to_owned()),
                Err(error) => Answer::Error(error.to_string()),
            });
        });
    }

    /// Deletes a resource that no manifest owns; the operator may delete anybody's.
    async fn delete(&mut self, kind: &str, id: String) -> Result<Answer, Answer> {
        let kind = kind_of(kind).map_err(bad_question)?;
        let deleted = self
            .desk
            .change(move |change| change.delete(kind, &id))
            .await;
        deleted.map_err(|failed| match failed {
            Failed::Refused(refusal) => bad_question(refusal.to_string()),
            other => Answer::Error(other.to_string()),
        })?;
        self.follow_declared().await;
        Ok(Answer::Ok(Value::Null))
    }

    /// Answers what is declared, beside everything else.
    fn get(&self, wanted: Wanted, to: oneshot::Sender<Answer>) {
        let declared = self.desk.view().declared;
        tokio::task::spawn_blocking(move || {
            let found = select(
                documents(&declared.model),
                wanted.kind.as_deref(),
                wanted.id.as_deref(),
            );
            let _ = to.send(match found {
                Ok(found) => Answer::Ok(found.iter().map(Document::to_value).collect()),
                Err(text) => bad_question(text),
            });
        });
    }

    /// Answers what endpoints used, beside everything else.
    fn usage(&self, of: UsageOf, to: oneshot::Sender<Answer>) {
        let metering = self.metering.clone();
        tokio::spawn(async move {
            let usage = metering.usage(of).await;
            let _ = to.send(match usage.map(serde_json::to_value) {
                Some(Ok(usage)) => Answer::Ok(usage),
                Some(Err(error)) => Answer::Error(error.to_string()),
                None => Answer::Error("the daemon is stopping".to_owned()),
            });
        });
    }

    fn ask_the_program(
        &mut self,
        model: &Model,
        question: &Question,
    ) -> Result<Explanation, Answer> {
        let asked = Asked::of(model, question).map_err(|text| {
            let declared = self.desk.view().declared;
            let elsewhere = Asked::elsewhere(&declared.model, question, &self.options.node);
            bad_question(elsewhere.unwrap_or(text))
        })?;
        let (interface, family) = (asked.interface(), asked.family());
        let frame = |mac| asked.frame(mac);
        let found = self.reconciler.explain(interface, family, frame);
        found.map_err(|error| Answer::Error(error.to_string()))
    }

    /// Answers what a manifest would change, beside everything else: a large one takes long to read.
    fn diff(&self, candidate: Candidate, to: oneshot::Sender<Answer>) {
        let work = Work {
            draft: self.desk.draft(),
            account: self.options.account.clone(),
            node: self.options.node.clone(),
            // As a reload would have it.
            manifest_name: self.options.manifest_name(),
            servers: self.health.servers(),
            in_force: Arc::clone(self.reconciler.model()),
            tables: Arc::clone(self.reconciler.tables()),
            numbers: Arc::clone(self.reconciler.numbers()),
            capacity: *self.reconciler.capacity(),
            observer: self.observer.clone(),
            candidate,
        };
        tokio::spawn(async move {
            let _ = to.send(match work.diff().await {
                Ok(found) => Answer::Ok(found),
                Err(refused) => refused,
            });
        });
    }
}

pub(super) fn bad_question(text: String) -> Answer {
    let faults = Value::Null;
    Answer::BadInput { text, faults }
}

fn told(explained: &Explained) -> Answer {
    shout(explained);
    match serde_json::to_value(explained) {
        Ok(value) => Answer::Ok(value),
        Err(error) => Answer::Error(error.to_string()),
    }
}

fn refused(error: &DeclareError) -> Answer {
    let text = error.to_string();
    match error {
        DeclareError::Faults(errors) => Answer::BadInput {
            text,
            faults: json!(errors),
        },
        DeclareError::Conflicts(_) => bad_question(text),
        _ => Answer::Error(text),
    }
}

/// What it takes to say what a candidate would change.
struct Work {
    /// Of what is declared when it is asked, however long the candidate takes to be read.
    draft: Change,
    account: AccountId,
    node: NodeId,
    manifest_name: Option<String>,
    servers: Servers,
    in_force: Arc<Model>,
    tables: Arc<Tables>,
    numbers: Arc<Numbers>,
    capacity: Capacity,
    observer: ObserverHandle,
    candidate: Candidate,
}

impl Work {
    async fn diff(self) -> Result<Value, Answer> {
        let (mut draft, account) = (self.draft.clone(), self.account.clone());
        let name = self.manifest_name.clone();
        let file = self.candidate.file.clone();
        let read = aside(move || {
            let declare = Declare::read(&file, name.as_deref(), &account)?;
            let before = draft.model().clone();
            draft.apply(&declare.0)?;
            let changes = changes(&before, draft.model());
            Ok::<_, DeclareError>((changes, draft.model().clone()))
        });
        let read = read.await.map_err(Answer::Error)?;
        let (changes, desired) = read.map_err(|error| refused(&error))?;
        let replay = if self.candidate.replay {
            let replayed = self.replay(desired).await;
            Some(replayed.map_err(Answer::Error)?)
        } else {
            None
        };
        Ok(json!({ "changes": changes, "replay": replay }))
    }

    async fn replay(mut self, desired: Model) -> Result<Replayed, String> {
        let observer = self.observer.clone();
        let flow_log = self.candidate.flow_log.take();
        let mut replay = aside(move || self.compile(&desired)).await??;
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

    fn compile(self, desired: &Model) -> Result<Replay, String> {
        let part = desired.at(&self.node);
        let served = self.servers.plan(part, Moment::now()).served;
        let mut numbers = Arc::unwrap_or_clone(self.numbers);
        numbers.assign(&served);
        let tables = Arc::unwrap_or_clone(self.tables);
        let generation = tables.generation.wrapping_add(1);
        let candidate = compile(&served, &numbers, generation, &self.capacity);
        let candidate = candidate.map_err(|error| error.to_string())?;
        let models = [served, Arc::unwrap_or_clone(self.in_force)];
        Ok(Replay::new(tables, candidate, models, numbers))
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
