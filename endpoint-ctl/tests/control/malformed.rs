//! Requests by chance against a daemon in a lab, over the wire: those that are signed wrongly, come too late or
//! twice, or are no HTTP get nowhere; those that are signed and odd are answered, or told what is wrong with them.
//!
//! `CONTROL_REQUESTS` says how many there are in all, `CONTROL_SEED` by which seed; both are printed. Workers
//! change the same daemon, so a seed gives the same requests, not the same order of them.

mod broken;
mod forged;
mod good;
mod known;
mod misnamed;
mod odd;
mod stage;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Shutdown, TcpStream};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use fastrand::Rng;
use xtask::lab::address::ENI_A;
use xtask::lab::inside;

use crate::calls::Product;
use crate::client::{Client, Reply};
use crate::network::eventually;
use crate::node::{API, Node};
use stage::Stage;

/// Requests in all, unless `CONTROL_REQUESTS` says otherwise. The full run is of 50,000.
const REQUESTS: usize = 5_000;
const SEED: u64 = 20_261_201;
const WORKERS: usize = 4;
/// How long any answer may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// For requests of the full run; in fewer, fixed costs weigh more.
const LONGEST: Duration = Duration::from_secs(150);
/// What no log and no answer may have.
const SECRETS: [&str; 2] = ["consumer-secret", "provider-secret"];

/// A request that must get nowhere.
struct Wrong {
    kind: &'static str,
    /// What is sent before, and must do well.
    first: Option<Vec<u8>>,
    request: Vec<u8>,
    /// What may be said to it; nothing in particular if there is none.
    codes: &'static [&'static str],
    ending: Ending,
}

/// What becomes of the connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// It is HTTP, so there is an answer, and the next request.
    GoesOn,
    /// There is an answer, and then the connection may end.
    Told,
    /// So little is it HTTP that there may be no answer.
    Cut,
}

/// How often what happened, of each kind of request.
#[derive(Default)]
struct Count {
    told: usize,
    cut: usize,
}

/// How often which code was answered, and what was called.
type Seen = (BTreeMap<String, usize>, BTreeSet<(Product, String)>);

#[test]
fn no_wrong_request_gets_through() {
    let node = Node::new();
    let stage = Stage::new(&node);
    let (requests, seed) = (requests(), seed());
    let before = stage::declared(&node);
    let counts: Mutex<BTreeMap<&str, Count>> = Mutex::default();
    let began = Instant::now();
    work(&node, |worker| {
        let mut rng = Rng::with_seed(seed + worker);
        let mut client = connect();
        for _ in 0..requests / WORKERS {
            let wrong = if rng.u8(..4) == 0 {
                broken::any(&stage, &mut rng)
            } else {
                forged::any(&stage, &mut rng)
            };
            let told = send(&mut client, &wrong);
            if wrong.ending != Ending::GoesOn {
                client = connect();
            }
            let mut counts = counts.lock().expect("no panic");
            let count = counts.entry(wrong.kind).or_default();
            *(if told {
                &mut count.told
            } else {
                &mut count.cut
            }) += 1;
        }
    });
    let took = began.elapsed();
    let counts = counts.into_inner().expect("no panic");
    let (told, cut) = counts.values().fold((0, 0), |(told, cut), count| {
        (told + count.told, cut + count.cut)
    });
    println!(
        "seed {seed}: {} wrong requests of {} kinds, {told} refused in JSON, {cut} cut, in {:.1} s",
        told + cut,
        counts.len(),
        took.as_secs_f64()
    );
    for (kind, count) in &counts {
        println!("  {kind}: {} refused, {} cut", count.told, count.cut);
    }
    assert_eq!(told + cut, requests / WORKERS * WORKERS);
    assert!(
        cut * 10 < told,
        "few are so broken that nothing can be said"
    );
    assert!(took < LONGEST, "{took:?}");
    let kinds = forged::kinds() + broken::kinds();
    assert_eq!(counts.len(), kinds, "each kind has come");

    assert_eq!(stage::declared(&node), before, "nothing has changed");
    assert_eq!(node.fetch("client-a", ENI_A).as_deref(), Some("b1"));
    assert_sound(&node);
    // What was refused would have been done, had it been signed as it must be.
    let mut client = inside(node.lab.ns("node"), || Ok(connect())).expect("connects");
    for (place, change) in stage.changes().into_iter().enumerate() {
        let signed = if place % 2 == 0 {
            change.acs3()
        } else {
            change.rpc()
        };
        let reply = client.ask(signed);
        assert_eq!(reply.status, 200, "{}: {:?}", change.action, reply.json());
    }
    assert_ne!(stage::declared(&node), before);
}

#[test]
fn whatever_is_signed_is_answered_or_refused() {
    let mut node = Node::new();
    let stage = Stage::new(&node);
    let (requests, seed) = (requests(), seed());
    let theirs = stage.of_provider(&node);
    let operations = known::operations();
    let known = operations.len();
    let seen: Mutex<Seen> = Mutex::default();
    let began = Instant::now();
    work(&node, |worker| {
        let mut rng = Rng::with_seed(seed + 100 + worker);
        let mut chance = odd::Chance::new(&stage, &operations);
        let mut client = connect();
        for _ in 0..requests / WORKERS {
            let (operation, request) = chance.request(&mut rng);
            client.send(&request);
            let shown = || shown(&request);
            let reply = client
                .read()
                .unwrap_or_else(|error| panic!("{error}: {}", shown()));
            keeps_secrets(&reply);
            assert!(reply.status < 500, "{}: {}", answer(&reply), shown());
            let code = if reply.status == 200 {
                chance.keep(&reply.json(), &mut rng);
                "OK".to_owned()
            } else {
                assert!(reply.status >= 400, "{}: {}", answer(&reply), shown());
                reply.code()
            };
            let is_of_signatures = code.contains("Signature") || code.contains("AccessKey");
            assert!(
                !is_of_signatures,
                "it is signed: {}: {}",
                answer(&reply),
                shown()
            );
            let (codes, called) = &mut *seen.lock().expect("no panic");
            *codes.entry(code).or_default() += 1;
            called.insert(operation);
        }
    });
    let took = began.elapsed();
    let (codes, called) = seen.into_inner().expect("no panic");
    let all: usize = codes.values().sum();
    let well = codes.get("OK").copied().unwrap_or_default();
    println!(
        "seed {seed}: {all} odd requests of {} operations, {well} did well, {} refused by {} codes, in {:.1} s",
        called.len(),
        all - well,
        codes.len() - 1,
        took.as_secs_f64()
    );
    assert_eq!(all, requests / WORKERS * WORKERS);
    assert_eq!(called.len(), known, "each operation was called");
    assert!(
        well > all / 20 && well < all * 2 / 3,
        "too much of one kind"
    );
    assert!(codes.len() > 40, "{codes:?}");
    assert!(took < LONGEST, "{took:?}");

    assert_eq!(stage.of_provider(&node), theirs, "others' stay as they are");
    assert_sound(&node);
    // What was taken is such that a daemon can start with it.
    let before = stage::declared(&node);
    node.end("TERM");
    node.restart();
    assert_eq!(stage::declared(&node), before);
    assert_sound(&node);
}

/// So many requests has one of the two tests.
fn requests() -> usize {
    number("CONTROL_REQUESTS").map_or(REQUESTS, |all| usize::try_from(all).expect("fits")) / 2
}

fn seed() -> u64 {
    number("CONTROL_SEED").unwrap_or(SEED)
}

fn number(name: &str) -> Option<u64> {
    let given = std::env::var(name).ok();
    given.map(|text| text.parse().expect("a number"))
}

/// Runs the workers in the node's namespace, where the API is.
fn work(node: &Node, work: impl Fn(u64) + Sync) {
    std::thread::scope(|scope| {
        let worker = |worker| {
            let work = &work;
            scope.spawn(move || {
                let done = inside(node.lab.ns("node"), || {
                    work(worker);
                    Ok(())
                });
                done.expect("the worker does well");
            })
        };
        for worker in (0..WORKERS as u64).map(worker).collect::<Vec<_>>() {
            worker.join().expect("the worker does well");
        }
    });
}

/// A connection to the API; it must be made in the node's namespace.
fn connect() -> Client<TcpStream> {
    let stream = TcpStream::connect(API).expect("connects");
    stream.set_read_timeout(Some(PATIENCE)).expect("sets");
    stream.set_nodelay(true).expect("sets");
    Client::new(stream)
}

/// Sends it; whether there was an answer. Every answer must refuse.
fn send(client: &mut Client<TcpStream>, wrong: &Wrong) -> bool {
    let Wrong {
        kind,
        request,
        codes,
        ..
    } = wrong;
    if let Some(first) = &wrong.first {
        let reply = client.ask(first);
        assert_eq!(reply.status, 200, "{kind}: {}", shown(first));
    }
    client.send(request);
    if wrong.ending != Ending::GoesOn {
        // Nothing more comes, so that what is half a request is known to be all.
        let _ = client.stream.shutdown(Shutdown::Write);
    }
    let mut replies = 0;
    loop {
        match client.read() {
            Ok(reply) => {
                replies += 1;
                keeps_secrets(&reply);
                let refused = (400..500).contains(&reply.status);
                assert!(refused, "{kind}: {}: {}", answer(&reply), shown(request));
                let code = reply.code();
                // What follows a request that ended too early is another one.
                let is_right = codes.is_empty() || replies > 1 || codes.contains(&&*code);
                assert!(is_right, "{kind}: {}: {}", answer(&reply), shown(request));
            }
            Err(_) if replies > 0 => return true,
            Err(error) => {
                let may_be = wrong.ending == Ending::Cut;
                assert!(may_be, "{kind}: {error}: {}", shown(request));
                return false;
            }
        }
        if wrong.ending == Ending::GoesOn {
            return true;
        }
    }
}

fn keeps_secrets(reply: &Reply) {
    let body = String::from_utf8_lossy(&reply.body);
    let told = SECRETS.iter().any(|secret| body.contains(secret));
    assert!(!told, "a secret is told: {body}");
}

/// An answer as a message can have it.
fn answer(reply: &Reply) -> String {
    let body = String::from_utf8_lossy(&reply.body);
    format!("{} {body}", reply.status)
}

/// A request as a message can have it.
fn shown(request: &[u8]) -> String {
    const LONGEST: usize = 3_000;
    let text = String::from_utf8_lossy(&request[..request.len().min(LONGEST)]);
    format!("of {} bytes: {text:?}", request.len())
}

/// The daemon is there and at work, and has logged neither a panic nor a secret.
fn assert_sound(node: &Node) {
    assert!(node.daemon.process().is_running());
    eventually("what is declared is in force", || {
        let status = node.daemon.ctl_json(&["status"]).expect("answers");
        let error = status["error"].clone();
        error
            .is_null()
            .then_some(())
            .ok_or_else(|| error.to_string())
    });
    let log = node.daemon.log();
    assert!(!log.contains("panicked"), "{log}");
    let told = SECRETS.iter().any(|secret| log.contains(secret));
    assert!(!told, "a secret is in the log");
}
