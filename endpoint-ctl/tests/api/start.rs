//! Where the API may be served and where not.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use endpoint_ctl::api::{Listen, Server, Settings, StartError};
use endpoint_ctl::model::AccountId;

use crate::echo::Echo;
use crate::rig::{Dir, KEYS, Rig, unix_client};
use crate::signer::call;

fn start(settings: Settings) -> Result<Server, StartError> {
    let runtime = tokio::runtime::Runtime::new().expect("makes a runtime");
    let _inside = runtime.enter();
    Server::start(settings, Echo::default())
}

fn listening(place: &str, keys: Option<&Dir>) -> Settings {
    Settings {
        listen: vec![place.parse().expect(place)],
        keys: keys.map(|dir| dir.write("keys.yaml", KEYS)),
        ..Settings::default()
    }
}

#[test]
fn places_are_written_as_one_would() {
    for (text, place) in [
        ("127.0.0.1:1", "http://127.0.0.1:1"),
        ("[::1]:1", "http://[::1]:1"),
        ("[::ffff:127.0.0.1]:1", "http://[::ffff:127.0.0.1]:1"),
        ("0.0.0.0:1", "https://0.0.0.0:1"),
        ("10.0.0.1:1", "https://10.0.0.1:1"),
        ("[::]:1", "https://[::]:1"),
        ("http://10.0.0.1:1/", "http://10.0.0.1:1"),
        ("https://127.0.0.1:1", "https://127.0.0.1:1"),
        ("/run/a.sock", "unix:/run/a.sock"),
        ("unix:/run/a.sock", "unix:/run/a.sock"),
    ] {
        assert_eq!(text.parse::<Listen>().expect(text).to_string(), place);
    }
    for text in [
        "",
        "localhost:1",
        "127.0.0.1",
        "unix:a",
        "ftp://127.0.0.1:1",
    ] {
        let error = text.parse::<Listen>().expect_err(text).to_string();
        assert!(error.contains("write unix:/path"), "{error}");
    }
}

#[test]
fn nothing_is_served_in_the_clear_or_without_keys() {
    let dir = Dir::new();
    let keys = Some(&dir);
    for (settings, says) in [
        (
            listening("http://0.0.0.0:0", keys),
            "only loopback addresses may do without TLS",
        ),
        (listening("http://[::]:0", keys), "only loopback"),
        (listening("http://10.1.2.3:0", keys), "only loopback"),
        (listening("0.0.0.0:0", keys), "there is no certificate"),
        (
            listening("https://127.0.0.1:0", keys),
            "there is no certificate",
        ),
        (
            listening("127.0.0.1:0", None),
            "there are no keys; give --api-keys",
        ),
        (listening("/tmp/never.sock", None), "there are no keys"),
        (Settings::default(), "nowhere to listen"),
    ] {
        let error = start(settings).expect_err(says).to_string();
        assert!(error.contains(says), "{error}");
    }
    let path = dir.write("keys.yaml", KEYS);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("sets");
    let settings = Settings {
        keys: Some(path),
        ..listening("127.0.0.1:0", None)
    };
    let error = start(settings).expect_err("others may read it").to_string();
    assert!(error.contains("chmod 600"), "{error}");
}

#[test]
fn a_place_is_had_by_one() {
    let rig = Rig::new();
    let taken = rig.address();
    let error = start(listening(&taken.to_string(), Some(&rig.dir))).expect_err("is taken");
    assert!(error.to_string().contains(&taken.to_string()), "{error}");
    let socket = rig.socket();
    let in_use = start(listening(socket.to_str().expect("is text"), Some(&rig.dir)));
    assert!(matches!(in_use, Err(StartError::InUse(_))));
    let file = rig.dir.write("file", "");
    let no_socket = start(listening(file.to_str().expect("is text"), Some(&rig.dir)));
    assert!(matches!(no_socket, Err(StartError::NoSocket(_))));
    assert!(file.exists() && socket.exists());
}

#[test]
fn the_unix_socket_is_its_owners_and_a_dead_ones_place_is_taken() {
    let dir = Dir::new();
    let dead = dir.0.join("api.sock");
    drop(std::os::unix::net::UnixListener::bind(&dead).expect("binds"));
    let rig = Rig::with(|settings, _| settings.listen.push(Listen::Unix(dead.clone())));
    for socket in [rig.socket(), dead] {
        let mode = fs::metadata(&socket)
            .expect("is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(unix_client(&socket).ask(call("X", &[]).acs3()).status, 200);
    }
}

#[test]
fn without_a_signature_one_may_call_where_it_is_said_so() {
    const UNSIGNED: &str =
        "POST /?A=1 HTTP/1.1\r\nhost: a\r\nx-acs-version: 2020-04-15\r\nx-acs-action: X\r\n\r\n";
    let rig = Rig::with(|settings, _| settings.unix_account = Some(AccountId::new("1000")));
    let mut client = unix_client(&rig.socket());
    let reply = client.ask(UNSIGNED);
    assert_eq!(reply.parameters()["A"], "1");
    assert_eq!(reply.json()["Account"], "1000");
    // Who signs is who it signs as, and must sign rightly.
    assert_eq!(client.ask(call("X", &[]).acs3()).json()["Account"], "1001");
    let mut forged = call("X", &[]);
    forged.secret = "guess".to_owned();
    assert_eq!(client.ask(forged.acs3()).code(), "SignatureDoesNotMatch");
    assert_eq!(client.ask(forged.rpc()).code(), "SignatureDoesNotMatch");
    // Over TCP nobody is let in so, nor over a Unix socket where nothing is said.
    assert_eq!(rig.client().ask(UNSIGNED).code(), "MissingSignature");
    let other = Rig::new();
    assert_eq!(
        unix_client(&other.socket()).ask(UNSIGNED).code(),
        "MissingSignature"
    );
}
