//! The thread that commits: takes all transactions that wait, and writes them with one commit of
//! the file. Imports `file` and `history`, and `error`, `record`, `transaction` and `watch` of the
//! store.

use tokio::sync::{mpsc, oneshot};

use super::super::{Change, Commit, Outcome, Revision, StoreError, Transaction};
use super::file::{StoreFile, Writing};
use super::history::History;

/// Transactions that share a commit of the file at most.
const GROUP: usize = 64;

type Answer = Result<Outcome, StoreError>;

/// What the thread is asked.
#[derive(Debug)]
pub(super) enum Request {
    Transact(Transaction, oneshot::Sender<Answer>),
    Close(oneshot::Sender<()>),
}

/// Runs until it is told to close, or nobody can ask any more.
pub(super) fn run(file: &StoreFile, history: &History, mut requests: mpsc::Receiver<Request>) {
    let mut closing = None;
    while closing.is_none()
        && let Some(first) = requests.blocking_recv()
    {
        let mut group = Vec::new();
        let mut next = Some(first);
        while let Some(request) = next {
            match request {
                Request::Transact(transaction, answer) => group.push((transaction, answer)),
                Request::Close(answer) => {
                    closing = Some(answer);
                    break;
                }
            }
            next = (group.len() < GROUP)
                .then(|| requests.try_recv().ok())
                .flatten();
        }
        serve(file, history, group);
    }
    file.close();
    history.close();
    // Those who still wait find their answers' senders gone.
    drop(requests);
    if let Some(answer) = closing {
        let _ = answer.send(());
    }
}

/// Carries out a group and answers it. Who does not wait any more is not told.
fn serve(file: &StoreFile, history: &History, group: Vec<(Transaction, oneshot::Sender<Answer>)>) {
    if group.is_empty() {
        return;
    }
    let (transactions, answers): (Vec<_>, Vec<_>) = group.into_iter().unzip();
    match commit(file, transactions) {
        Ok(done) => {
            for (done, answer) in done.into_iter().zip(answers) {
                if !done.commit.changes.is_empty() {
                    history.add(done.commit);
                }
                let _ = answer.send(Ok(done.outcome));
            }
        }
        Err(error) => {
            for answer in answers {
                let _ = answer.send(Err(error.clone()));
            }
        }
    }
}

/// A transaction as it was carried out.
#[derive(Debug)]
struct Done {
    outcome: Outcome,
    commit: Commit,
}

fn commit(file: &StoreFile, transactions: Vec<Transaction>) -> Result<Vec<Done>, StoreError> {
    let before = file.reopen()?;
    let mut revision = before;
    let mut group = Vec::new();
    let written = file.write(|writing| {
        for transaction in transactions {
            let done = carry_out(writing, transaction, revision)?;
            revision = revision.max(done.commit.revision);
            group.push(done);
        }
        Ok((revision > before).then_some(revision))
    });
    let Err(error) = written else {
        return Ok(group);
    };
    // Whether the commit reached the disk before the error is in the file.
    file.give_up();
    match file.reopen() {
        Ok(now) if now == revision && now > before => Ok(group),
        _ => Err(error),
    }
}

/// Checks preconditions, then writes. `before` is the revision so far.
fn carry_out(
    writing: &mut Writing<'_>,
    transaction: Transaction,
    before: Revision,
) -> Result<Done, StoreError> {
    let mut commit = Commit {
        revision: before,
        changes: Vec::new(),
    };
    for precondition in &transaction.preconditions {
        let key = precondition.key();
        if !precondition.holds(writing.revision_of(key)?) {
            let outcome = Outcome::Conflict(key.clone());
            return Ok(Done { outcome, commit });
        }
    }
    let revision = Revision(before.0 + 1);
    for (key, value) in transaction.writes {
        match &value {
            Some(value) => writing.put(&key, revision, value)?,
            None => {
                if !writing.delete(&key)? {
                    continue;
                }
            }
        }
        commit.changes.push(Change { key, value });
    }
    let outcome = if commit.changes.is_empty() {
        Outcome::Committed(Revision(0))
    } else {
        commit.revision = revision;
        Outcome::Committed(revision)
    };
    Ok(Done { outcome, commit })
}
