//! Who is let in.

use std::time::{Duration, Instant};

use crate::rig::Rig;
use crate::signer::{Request, call, date};

#[test]
fn only_who_knows_the_secret_is_let_in() {
    let rig = Rig::new();
    let mut client = rig.client();
    let changed = |change: fn(&mut Request)| {
        let mut request = call("X", &[("A", "1")]);
        change(&mut request);
        request
    };
    for (request, status, code) in [
        (
            changed(|r| r.secret = "secret-2".to_owned()),
            400,
            "SignatureDoesNotMatch",
        ),
        (
            changed(|r| r.secret = String::new()),
            400,
            "SignatureDoesNotMatch",
        ),
        (changed(|r| r.key = "key-2"), 400, "SignatureDoesNotMatch"),
        (
            changed(|r| r.key = "nobody"),
            404,
            "InvalidAccessKeyId.NotFound",
        ),
        (
            call("X", &[]).key("key-off"),
            400,
            "InvalidAccessKeyId.Inactive",
        ),
        (
            changed(|r| r.date = date(-901)),
            400,
            "InvalidTimeStamp.Expired",
        ),
        (
            changed(|r| r.date = date(903)),
            400,
            "InvalidTimeStamp.Expired",
        ),
        (
            changed(|r| r.date = "2006-01-02".to_owned()),
            400,
            "InvalidTimeStamp.Format",
        ),
    ] {
        for request in request.both() {
            let reply = client.ask(request);
            assert_eq!(reply.status, status);
            assert_eq!(reply.code(), code);
        }
    }
    let mut request = call("X", &[]);
    request.nonce = String::new();
    assert_eq!(client.ask(request.acs3()).code(), "InvalidSignatureNonce");
    assert_eq!(client.ask(request.rpc()).code(), "MissingSignatureNonce");
    for seconds in [-890, 0, 890] {
        let mut request = call("X", &[]);
        request.date = date(seconds);
        for request in request.both() {
            assert_eq!(client.ask(request).status, 200);
        }
    }
}

#[test]
fn no_request_is_taken_twice() {
    let rig = Rig::new();
    let request = call("X", &[("A", "1")]);
    for sent in request.both() {
        assert_eq!(rig.client().ask(&sent).status, 200);
        for _ in 0..3 {
            let reply = rig.client().ask(&sent);
            assert_eq!(
                (reply.status, reply.code().as_str()),
                (400, "SignatureNonceUsed")
            );
        }
    }
    // Nor is its nonce, signed again.
    let mut other = call("Y", &[]);
    other.nonce = request.nonce.clone();
    other.date = date(1);
    assert_eq!(rig.client().ask(other.acs3()).code(), "SignatureNonceUsed");
    assert_eq!(rig.client().ask(other.key("key-2").acs3()).status, 200);
}

/// A request that is refused for its signature leaves no trace.
#[test]
fn nobody_else_uses_up_a_nonce_or_a_rate() {
    let rig = Rig::new();
    let mut client = rig.client();
    let good = call("X", &[]).key("key-slow");
    let mut forged = good.clone();
    forged.secret = "guess".to_owned();
    for _ in 0..50 {
        assert_eq!(client.ask(forged.acs3()).code(), "SignatureDoesNotMatch");
    }
    assert_eq!(client.ask(good.acs3()).status, 200);
}

#[test]
fn a_key_is_held_to_its_rate_and_told_when_to_come_again() {
    let rig = Rig::new();
    let mut client = rig.client();
    let began = Instant::now();
    let mut admitted = 0;
    let mut wait = 0;
    for _ in 0..30 {
        let reply = client.ask(call("X", &[]).key("key-slow").acs3());
        if reply.status == 200 {
            admitted += 1;
            continue;
        }
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (429, "Throttling.User")
        );
        let told = reply.header("x-acs-retry-after").expect("says when");
        wait = told.parse().expect("is a number");
        assert!((1..=201).contains(&wait), "{wait}");
    }
    let most = 6 + began.elapsed().as_millis() / 200;
    assert!(admitted >= 5 && admitted <= most, "{admitted} of {most}");
    assert!(wait > 0, "nothing was refused");
    // Others are not held up.
    assert_eq!(client.ask(call("X", &[]).acs3()).status, 200);
    std::thread::sleep(Duration::from_millis(wait));
    assert_eq!(
        client.ask(call("X", &[]).key("key-slow").acs3()).status,
        200
    );
}

#[test]
fn no_answer_holds_a_secret() {
    let rig = Rig::new();
    let mut client = rig.client();
    let mut forged = call("X", &[("A", "1")]);
    forged.nonce += "forged";
    forged.key = "key-2";
    for request in forged.both() {
        let reply = client.ask(request);
        let text = format!("{}{}", reply.head, String::from_utf8_lossy(&reply.body));
        assert!(!text.contains("secret-"), "{text}");
        // Enough to mend it by.
        assert!(text.contains("server string to sign is:"), "{text}");
    }
}
