//! TLS with certificates of both sides, users and passwords. Imports `rig` and `server`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use endpoint_ctl::store::{Etcd, EtcdSettings, Store, StoreError};

use crate::rig::{Directory, key, put};
use crate::server::Server;

/// Certificates, made by openssl.
struct Papers(Directory);

impl Papers {
    fn new() -> Self {
        let papers = Self(Directory::new());
        for ca in ["ca", "other"] {
            papers.openssl(&format!(
                "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN={ca} \
                 -keyout {ca}.key -out {ca}.pem"
            ));
        }
        fs::write(
            papers.0.file("extensions"),
            "subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n",
        )
        .unwrap();
        for name in ["server", "node"] {
            papers.openssl(&format!(
                "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={name} \
                 -keyout {name}.key -out {name}.csr"
            ));
            papers.openssl(&format!(
                "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
                 -extfile extensions -out {name}.pem"
            ));
        }
        papers
    }

    fn openssl(&self, arguments: &str) {
        let output = Command::new("openssl")
            .args(arguments.split_whitespace())
            .current_dir(self.0.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {arguments}: {said}");
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.file(name)
    }

    fn server(&self) -> Server {
        let mut server = Server::new("a");
        let named = |option: &str, file: &str| format!("--{option}={}", self.file(file).display());
        server.with_tls(
            &[
                "--client-cert-auth".to_owned(),
                named("trusted-ca-file", "ca.pem"),
                named("cert-file", "server.pem"),
                named("key-file", "server.key"),
            ],
            &[
                named("cacert", "ca.pem"),
                named("cert", "node.pem"),
                named("key", "node.key"),
            ],
        );
        server.run();
        server.wait_until_ready();
        server
    }

    fn settings(&self, server: &Server) -> EtcdSettings {
        EtcdSettings {
            ca: Some(self.file("ca.pem")),
            certificate: Some((self.file("node.pem"), self.file("node.key"))),
            ..EtcdSettings::parse(&server.url()).unwrap()
        }
    }
}

async fn refused(settings: &EtcdSettings) -> String {
    let error = Etcd::open(settings).await.unwrap_err();
    println!("{error}");
    error.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_show_certificates() {
    let papers = Papers::new();
    let server = papers.server();
    let settings = papers.settings(&server);
    let store = Store::Etcd(Etcd::open(&settings).await.unwrap());
    put(&store, &key("a", 1), "x").await;

    let other = EtcdSettings {
        ca: Some(papers.file("other.pem")),
        ..settings.clone()
    };
    assert!(refused(&other).await.contains("certificate"));
    let without = EtcdSettings {
        certificate: None,
        ..settings.clone()
    };
    let said = refused(&without).await;
    let is_told = said.contains("none is named") || said.contains("trusted-ca-file");
    assert!(is_told, "{said}");
    let unsigned = EtcdSettings {
        ca: None,
        ..settings.clone()
    };
    assert!(refused(&unsigned).await.contains("no CA"));
    let no_file = EtcdSettings {
        ca: Some(papers.file("extensions")),
        ..settings
    };
    assert!(refused(&no_file).await.contains("no PEM"));
}

#[tokio::test(flavor = "multi_thread")]
async fn users_and_passwords() {
    let mut server = Server::start();
    for command in [
        "user add root:secret",
        "user grant-role root root",
        "role add node",
        "role grant-permission node --prefix=true readwrite test/",
        "user add node:pass:word",
        "user grant-role node node",
        "auth enable",
    ] {
        server.control(&command.split(' ').collect::<Vec<_>>());
    }
    server.control.push("--user=root:secret".to_owned());
    let credentials = server.directory.file("credentials");
    let say = |text: &str, mode| {
        fs::write(&credentials, text).unwrap();
        fs::set_permissions(&credentials, Permissions::from_mode(mode)).unwrap();
    };
    let without = EtcdSettings::parse(&server.url()).unwrap();
    let settings = EtcdSettings {
        credentials: Some(credentials.clone()),
        ..without.clone()
    };
    assert!(refused(&without).await.contains("refused"));
    say("node:pass:word\n", 0o644);
    assert!(refused(&settings).await.contains("others may read"));
    say("node:wrong\n", 0o600);
    let said = refused(&settings).await;
    assert!(
        said.contains("refused") && !said.contains("wrong"),
        "{said}"
    );
    say("node:pass:word\n", 0o600);
    let store = Store::Etcd(Etcd::open(&settings).await.unwrap());
    put(&store, &key("a", 1), "x").await;
    // Another prefix is not this user's.
    let other = EtcdSettings {
        prefix: "other".to_owned(),
        ..settings.clone()
    };
    assert!(refused(&other).await.contains("permission denied"));
    // An etcd that starts again knows no tokens of before.
    server.kill();
    server.run();
    let start = Instant::now();
    while let Err(error) = store.list(None).await {
        assert!(start.elapsed() < Duration::from_secs(8), "{error}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    put(&store, &key("a", 2), "x").await;
    // In clear it goes to this host only.
    let far = EtcdSettings {
        members: vec!["192.0.2.1:2379".to_owned()],
        ..settings
    };
    let error = Etcd::open(&far).await.unwrap_err();
    assert!(matches!(error, StoreError::Settings { .. }), "{error}");
}
