//! Loading keys and certificates anew, panics, calls that take long, and the end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use endpoint_ctl::api::{Listen, TlsFiles};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, pki_types};

use crate::rig::{Dir, KEYS, Rig};
use crate::signer::call;

/// Writes a new certificate, and returns it.
fn certificate(dir: &Dir) -> (TlsFiles, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("is made");
    let certificate = made.cert.pem();
    let files = TlsFiles {
        certificate: dir.write("cert.pem", &certificate),
        key: dir.write("key.pem", &made.signing_key.serialize_pem()),
    };
    (files, certificate)
}

/// Asks over TLS, trusting one certificate; the answer, or why there is none.
fn ask_tls(rig: &Rig, trusted: &str, request: &[u8]) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    let der = pki_types::CertificateDer::from_pem_slice(trusted.as_bytes()).expect("is PEM");
    roots.add(der).expect("is a certificate");
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("has versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    rig.runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(rig.address()).await?;
        let name = ServerName::try_from("localhost").expect("is a name");
        let mut stream = connector.connect(name, stream).await?;
        stream.write_all(request).await?;
        let mut bytes = vec![0; 64 << 10];
        let count = stream.read(&mut bytes).await?;
        Ok(String::from_utf8_lossy(&bytes[..count]).into_owned())
    })
}

#[test]
fn tls_is_served_and_a_new_certificate_is_noticed() {
    let mut first = String::new();
    let rig = Rig::with(|settings, dir| {
        let (files, pem) = certificate(dir);
        settings.listen = vec![Listen::Https(([127, 0, 0, 1], 0).into())];
        settings.tls = Some(files);
        first = pem;
    });
    let answer = ask_tls(&rig, &first, &call("X", &[]).acs3()).expect("is answered");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    // Without TLS there is nothing to be had.
    let mut plain = rig.client();
    plain.send(call("X", &[]).acs3());
    assert!(plain.read().is_err());

    let (_, second) = certificate(&rig.dir);
    let began = Instant::now();
    while ask_tls(&rig, &second, &call("X", &[]).acs3()).is_err() {
        assert!(began.elapsed() < Duration::from_secs(15), "not noticed");
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(ask_tls(&rig, &first, &call("X", &[]).acs3()).is_err());

    rig.dir.write("key.pem", "nonsense");
    let error = rig.server().reload().expect_err("is no key").to_string();
    assert!(
        error.contains("key.pem") && error.contains("stay"),
        "{error}"
    );
    assert!(ask_tls(&rig, &second, &call("X", &[]).acs3()).is_ok());
}

#[test]
fn keys_come_and_go() {
    let rig = Rig::new();
    let ask = || {
        rig.client()
            .ask(call("X", &[]).key("key-new").acs3())
            .status
    };
    let ask_old = || rig.client().ask(call("X", &[]).acs3()).status;
    assert_eq!((ask(), ask_old()), (404, 200));
    rig.dir.write(
        "keys.yaml",
        &KEYS
            .replace("key-1", "key-new")
            .replace("secret-1", "secret-new"),
    );
    rig.server().reload().expect("is read");
    assert_eq!((ask(), ask_old()), (200, 404));
    // A broken file changes nothing.
    rig.dir.write("keys.yaml", "Accounts: secret-new");
    let error = rig.server().reload().expect_err("is broken").to_string();
    assert!(
        error.contains("keys.yaml") && !error.contains("secret-new"),
        "{error}"
    );
    assert_eq!((ask(), ask_old()), (200, 404));
}

#[test]
fn a_replay_is_refused_though_its_key_was_gone_meanwhile() {
    let rig = Rig::new();
    let request = call("X", &[]).acs3();
    assert_eq!(rig.client().ask(&request).status, 200);
    rig.dir
        .write("keys.yaml", &KEYS.replace("key-1", "key-new"));
    rig.server().reload().expect("is read");
    std::thread::sleep(Duration::from_secs(6));
    rig.dir.write("keys.yaml", KEYS);
    rig.server().reload().expect("is read");
    assert_eq!(rig.client().ask(&request).code(), "SignatureNonceUsed");
}

#[test]
fn a_panic_is_an_answer() {
    let rig = Rig::new();
    let mut client = rig.client();
    for _ in 0..3 {
        let reply = client.ask(call("Panic", &[]).acs3());
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (500, "InternalError")
        );
        assert!(!String::from_utf8_lossy(&reply.body).contains("as was asked"));
    }
    assert_eq!(client.ask(call("X", &[]).acs3()).status, 200);
}

#[test]
fn a_call_that_takes_too_long_is_answered_and_goes_on() {
    let rig = Rig::with(|settings, _| settings.limits.call_time = Duration::from_millis(200));
    let mut client = rig.client();
    let ended = || rig.ended().len();
    let before = ended();
    let reply = client.ask(call("Sleep", &[("Milliseconds", "600")]).acs3());
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (503, "ServiceUnavailable")
    );
    assert!(reply.header("x-acs-retry-after").is_some());
    // And so does one whose client goes away.
    client.send(call("Sleep", &[("Milliseconds", "600")]).acs3());
    std::thread::sleep(Duration::from_millis(100));
    drop(client);
    std::thread::sleep(Duration::from_millis(1_500));
    assert!(ended() >= before + 2, "{} of {before} + 2", ended());
}

#[test]
fn the_end_waits_for_calls() {
    let mut rig = Rig::new();
    let (address, socket) = (rig.address(), rig.socket());
    let mut client = rig.client();
    let mut idle = rig.client();
    client.send(call("Sleep", &[("Milliseconds", "700")]).acs3());
    std::thread::sleep(Duration::from_millis(200));
    let server = rig.server.take().expect("runs");
    let began = Instant::now();
    rig.runtime.block_on(server.stop());
    assert_eq!(client.read().expect("is answered").status, 200);
    let took = began.elapsed();
    assert!((300..5_000).contains(&took.as_millis()), "{took:?}");
    assert!(idle.is_closed());
    assert!(std::net::TcpStream::connect(address).is_err());
    assert!(!socket.exists());
}
