//! Keys files, good and bad. May import: std, the module's own.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::*;

const GOOD: &str = "
Accounts:
  - AccountId: 1234567890123456
    Keys:
      - { AccessKeyId: LTAIone, AccessKeySecret: SecretOne }
      - AccessKeyId: LTAItwo
        AccessKeySecret: 12345
        RequestsPerSecond: 20
        Disabled: true
  - AccountId: \"other\"
    Keys: [{ AccessKeyId: LTAIthree, AccessKeySecret: SecretThree }]
";

fn faults(text: &str) -> Vec<String> {
    KeyRing::parse(text).expect_err(text)
}

#[test]
fn accounts_have_several_keys() {
    let ring = KeyRing::parse(GOOD).expect("parses");
    assert_eq!(ring.len(), 3);
    let one = ring.find("LTAIone").expect("is there");
    assert_eq!(one.account.as_str(), "1234567890123456");
    assert_eq!((one.requests_per_second, one.disabled), (None, false));
    let two = ring.find("LTAItwo").expect("is there");
    assert_eq!(two.secret.reveal(), "12345");
    assert_eq!((two.requests_per_second, two.disabled), (Some(20), true));
    assert_eq!(
        ring.find("LTAIthree").expect("there").account.as_str(),
        "other"
    );
    assert!(ring.find("LTAInone").is_none());
}

#[test]
fn all_faults_are_told_at_once() {
    let found = faults(
        "
Accounts:
  - AccountId: 'a b'
    Keys:
      - { AccessKeyId: '', AccessKeySecret: '' }
      - { AccessKeyId: same, AccessKeySecret: x, RequestsPerSecond: 0 }
      - { AccessKeyId: same, AccessKeySecret: y }
",
    );
    for (fault, says) in found.iter().zip([
        "account 1: AccountId",
        "account 1, key 1: AccessKeyId",
        "account 1, key 1: AccessKeySecret has 0 bytes",
        "account 1, key 2: RequestsPerSecond",
        "account 1, key 3: another key",
    ]) {
        assert!(fault.starts_with(says), "{fault}");
    }
    assert_eq!(found.len(), 5);
}

#[test]
fn no_error_and_no_debug_output_holds_a_secret() {
    const SECRET: &str = "S3cretOfAll";
    let good = format!(
        "Accounts: [{{ AccountId: a, Keys: [{{ AccessKeyId: k, AccessKeySecret: {SECRET} }}] }}]"
    );
    let ring = KeyRing::parse(&good).expect("parses");
    assert!(!format!("{ring:?} {ring:#?}").contains(SECRET));

    for text in [
        format!("Accounts: {SECRET}"),
        format!("Accounts:\n  - AccountId: a\n    Keys: [{SECRET}]"),
        format!("Accounts:\n  - AccountId: a\n    {SECRET}: 1\n    Keys: []"),
        good.replace(
            "AccessKeyId: k",
            "AccessKeyId: k, RequestsPerSecond: S3cretOfAll",
        ),
        good.replace("AccessKeyId: k", "AccessKeyId: k, Disabled: S3cretOfAll"),
        good.replace("AccessKeyId: k,", ""),
        good.replace("AccountId: a", "AccountId: 'a b'"),
        good.replace(SECRET, &SECRET.repeat(50)),
        good.replace(SECRET, &format!("{SECRET}, AccessKeySecret: {SECRET}")),
        format!("{SECRET}: ]["),
        format!("\"{SECRET}"),
    ] {
        let found = faults(&text).join(" ");
        assert!(!found.contains("S3cret"), "{found}");
        assert!(found.contains("write") || found.contains("give"), "{found}");
    }
}

#[test]
fn nobody_could_call() {
    assert!(faults("Accounts: []")[0].contains("holds no key"));
    assert!(faults("")[0].contains("write `Accounts:`"));
    assert!(faults("Accounts:\n  - Nonsense: 1")[0].starts_with("line 2, column"));
}

#[test]
fn a_file_that_others_may_read_is_refused() {
    let dir = std::env::temp_dir().join(format!("keys-{}", std::process::id()));
    fs::create_dir_all(&dir).expect("makes a directory");
    let path = dir.join("keys.yaml");
    fs::write(&path, GOOD).expect("writes");
    let read = |mode| {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("sets the mode");
        KeyRing::read(&path)
    };
    for mode in [0o600, 0o400, 0o640, 0o440] {
        assert_eq!(read(mode).expect("is read").len(), 3);
    }
    for mode in [0o644, 0o604, 0o660, 0o620, 0o601, 0o666, 0o777] {
        let error = read(mode).expect_err("is refused").to_string();
        assert!(
            error.contains("chmod 600") && error.contains("keys.yaml"),
            "{error}"
        );
    }
    assert!(matches!(
        KeyRing::read(&dir),
        Err(KeyFileError::Faults { .. })
    ));
    let gone = KeyRing::read(&dir.join("none")).expect_err("is not there");
    assert!(gone.to_string().contains("keys file"), "{gone}");
    fs::remove_dir_all(&dir).expect("removes");
}
