//! Clients that are slow, or stuck, or many: they hold nobody but themselves.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use endpoint_ctl::api::Settings;

use crate::client::Client;
use crate::rig::{Dir, Rig};
use crate::signer::call;

fn few_seats(settings: &mut Settings, _: &Dir) {
    settings.limits.connections = 8;
    settings.limits.head_time = Duration::from_secs(30);
    settings.limits.body_time = Duration::from_secs(30);
    settings.limits.write_time = Duration::from_secs(30);
}

/// Asks on a new connection; must be answered at once.
fn is_served(rig: &Rig) {
    let began = Instant::now();
    let reply = rig.client().ask(call("X", &[]).acs3());
    assert_eq!(reply.status, 200);
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
}

fn many(rig: &Rig, sent: &[u8]) -> Vec<Client<TcpStream>> {
    let mut clients = Vec::new();
    for _ in 0..40 {
        let mut client = rig.client();
        client.send(sent);
        clients.push(client);
        if clients.len() % 10 == 0 {
            is_served(rig);
        }
    }
    clients
}

#[test]
fn connections_that_say_nothing_or_half_hold_nobody() {
    let rig = Rig::with(few_seats);
    for sent in [
        &b""[..],
        b"POST / HTT",
        b"POST / HTTP/1.1\r\nhost: a\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nA=1",
    ] {
        let mut clients = many(&rig, sent);
        // Those who came first had to go.
        assert!(clients[0].is_closed());
    }
}

#[test]
fn who_does_not_take_his_answer_holds_nobody() {
    let rig = Rig::with(few_seats);
    let large = call("Large", &[("Kilobytes", "20000")]);
    let clients: Vec<_> = (0..20)
        .map(|count| {
            let mut request = large.clone();
            request.nonce += &count.to_string();
            let mut client = rig.client();
            client.send(request.acs3());
            std::thread::sleep(Duration::from_millis(60));
            client
        })
        .collect();
    is_served(&rig);
    drop(clients);
}

#[test]
fn all_are_let_go_in_time() {
    let rig = Rig::with(|settings, _| {
        settings.limits.head_time = Duration::from_millis(300);
        settings.limits.body_time = Duration::from_millis(300);
        settings.limits.write_time = Duration::from_millis(300);
    });
    for sent in [&b""[..], b"POST / HTTP/1.1\r\nhost: a\r\n"] {
        let began = Instant::now();
        let mut client = rig.client();
        client.send(sent);
        assert!(client.is_closed());
        assert!(began.elapsed() < Duration::from_secs(3));
    }
    let mut client = rig.client();
    let reply = client.ask("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nA=1");
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (408, "RequestTimeout")
    );
    assert!(client.is_closed());
    // One that was served is let go as well, when it asks no more.
    let mut client = rig.client();
    assert_eq!(client.ask(call("X", &[]).acs3()).status, 200);
    assert!(client.is_closed());
    // And one that does not listen: what was sent before is all that it gets.
    let mut deaf = rig.client();
    deaf.send(call("Large", &[("Kilobytes", "20000")]).acs3());
    std::thread::sleep(Duration::from_secs(2));
    assert!(deaf.read().is_err());
}

#[test]
fn who_sends_byte_by_byte_is_served_if_he_is_quick_enough() {
    let rig = Rig::new();
    let mut client = rig.client();
    for byte in call("X", &[]).form(&[("A", "1")]).acs3() {
        client.send([byte]);
    }
    assert_eq!(client.read().expect("is answered").parameters()["A"], "1");
}

#[test]
fn calls_of_one_key_leave_room_for_others() {
    let rig = Rig::with(|settings, _| {
        settings.limits.calls = 4;
        settings.limits.calls_per_key = 2;
        settings.limits.queue_time = Duration::from_millis(300);
    });
    let sleep = || call("Sleep", &[("Milliseconds", "1500")]);
    let mut clients: Vec<_> = (0..6)
        .map(|_| {
            let mut client = rig.client();
            client.send(sleep().acs3());
            client
        })
        .collect();
    std::thread::sleep(Duration::from_millis(200));
    let began = Instant::now();
    let other = rig.client().ask(call("X", &[]).key("key-other").acs3());
    assert_eq!(other.status, 200);
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    let mut told: Vec<_> = clients
        .iter_mut()
        .map(|client| client.read().expect("is answered").status)
        .collect();
    told.sort_unstable();
    assert_eq!(told, [200, 200, 429, 429, 429, 429]);
}

#[test]
fn when_all_are_busy_newcomers_are_told_so() {
    let rig = Rig::with(|settings, _| settings.limits.connections = 2);
    let mut busy: Vec<_> = (0..2)
        .map(|_| {
            let mut client = rig.client();
            client.send(call("Sleep", &[("Milliseconds", "1000")]).acs3());
            client
        })
        .collect();
    std::thread::sleep(Duration::from_millis(300));
    let mut newcomer = rig.client();
    let reply = newcomer.read().expect("is told");
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (503, "ServiceUnavailable")
    );
    for client in &mut busy {
        assert_eq!(client.read().expect("is answered").status, 200);
    }
    is_served(&rig);
}
