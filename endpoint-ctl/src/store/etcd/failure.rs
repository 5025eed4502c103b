//! Why calls fail, and what that means. Imports nothing of this crate.

use std::error::Error;
use std::io;

use tonic::{Code, Status};

/// Why a call failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// It was not carried out. Another member may do it.
    NotDone(String),
    /// It may have been carried out.
    Unknown(String),
    /// It was refused for good.
    Refused(String, &'static str),
    /// What was asked for is compacted.
    Compacted,
}

/// What a status means. etcd's words are from its `rpctypes` package.
pub(super) fn failure(status: &Status) -> Failure {
    const LOGIN: &str = "See that the credentials file holds the user's password, and that the user may \
                         read and write the prefix (etcdctl user, etcdctl role)";
    const PAPERS: &str = "See that our certificate is signed by the CA that etcd trusts for clients \
                          (its --trusted-ca-file), and has not expired";
    let why = match status.source() {
        Some(cause) => reason(cause),
        None => status.message().to_owned(),
    };
    let says = |words: &str| status.message().contains(words);
    match status.code() {
        Code::OutOfRange if says("compacted") => Failure::Compacted,
        _ if says("invalid auth token") || says("revision of auth store is old") => {
            Failure::NotDone(why)
        }
        _ if says("no leader") || never_sent(status) => Failure::NotDone(why),
        // etcd looks at certificates before it takes any call.
        _ if why.contains("received fatal alert") && why.contains("ertificate") => {
            Failure::Refused(why, PAPERS)
        }
        Code::Unauthenticated | Code::PermissionDenied => Failure::Refused(why, LOGIN),
        Code::InvalidArgument if says("user name is empty") || says("authentication failed") => {
            Failure::Refused(why, LOGIN)
        }
        Code::ResourceExhausted if says("space exceeded") => {
            Failure::Refused(why, "Compact and defragment it, then etcdctl alarm disarm")
        }
        Code::InvalidArgument | Code::FailedPrecondition | Code::NotFound | Code::Unimplemented => {
            Failure::Refused(why, "See that it is an etcd of release 3.4 or later")
        }
        _ => Failure::Unknown(why),
    }
}

fn never_sent(status: &Status) -> bool {
    let mut cause = status.source();
    while let Some(error) = cause {
        let kind = error.downcast_ref().map(io::Error::kind);
        if matches!(
            kind,
            Some(
                io::ErrorKind::ConnectionRefused
                    | io::ErrorKind::HostUnreachable
                    | io::ErrorKind::NetworkUnreachable
            )
        ) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// An error with its innermost cause, which is what tells.
pub(super) fn reason(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string()
}
