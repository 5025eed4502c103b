//! Endpoint policies: what is kept, what is read of it, and how faults name their place.

use endpoint_ctl::model::{EndpointId, EndpointPolicy, Policy, PolicyCondition};

use super::{lab, loaded, refused};

const ALL: &str =
    r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;

fn with(policy: &str) -> String {
    lab() + &format!("\nPolicyDocument: '{policy}'\n")
}

fn policy(document: &str) -> EndpointPolicy {
    let mut model = loaded(&with(document));
    let endpoint = model.endpoints.remove(&EndpointId::new("ep-web"));
    endpoint.expect("ep-web").policy
}

fn one(statement: &str) -> String {
    format!(r#"{{"Version":"1","Statement":[{{{statement}}}]}}"#)
}

#[test]
fn an_endpoint_without_a_policy_has_full_access() {
    let model = loaded(&lab());
    let default = &model.endpoints[&EndpointId::new("ep-web")].policy;
    assert_eq!(*default, EndpointPolicy::default());
    assert_eq!(default.document, ALL);
    assert_eq!(policy(ALL), EndpointPolicy::default());
}

#[test]
fn the_document_is_kept_byte_for_byte() {
    let spaced = ALL.replace(':', " :  ").replace('{', "{ ");
    let read = policy(&spaced);
    assert_eq!(read.document, spaced);
    assert_eq!(read.statements, EndpointPolicy::default().statements);
    let versioned = ALL.replacen('{', r#"{"Version":"1","#, 1);
    assert_eq!(policy(&versioned).document, versioned);
}

#[test]
fn conditions_on_addresses_and_vpcs_are_what_packets_show() {
    let read = policy(&one(
        r#""Effect":"Deny","Principal":["*"],"Action":["*"],"Resource":"*",
           "Condition":{"NotIpAddress":{"acs:SourceIp":["10.0.1.0/24","fd00::7"]},
                        "StringEqualsIfExists":{"acs:SourceVpc":"vpc-a"}}"#,
    ));
    let statement = &read.statements[0];
    assert_eq!(statement.effect, Policy::Drop);
    assert!(statement.undecided.is_empty(), "{statement:?}");
    let networks = ["10.0.1.0/24", "fd00::7/128"].map(|text| text.parse().expect("a network"));
    assert_eq!(
        statement.conditions,
        [
            PolicyCondition::SourceIp {
                within: false,
                networks: networks.into(),
            },
            PolicyCondition::SourceVpc {
                within: true,
                vpcs: vec!["vpc-a".to_owned()],
            },
        ]
    );
    assert_eq!(read.notices().count(), 0);
}

#[test]
fn what_packets_do_not_show_is_kept_and_said() {
    let read = policy(&one(
        r#""Effect":"Allow","Principal":{"RAM":["123456"]},"NotAction":"oss:Put*","Resource":"acs:oss:*",
           "Condition":{"Bool":{"acs:SecureTransport":true},"IpAddress":{"acs:SourceIp":"10.0.1.10"}}"#,
    ));
    let statement = &read.statements[0];
    assert_eq!(
        statement.undecided,
        [
            "Principal",
            "NotAction",
            "Resource",
            "Condition.Bool.acs:SecureTransport"
        ]
    );
    assert_eq!(statement.conditions.len(), 1);
    let notices: Vec<_> = read.notices().collect();
    assert_eq!(
        notices,
        [
            "statement 1 is left to the service, since packets do not show Principal, NotAction, Resource, \
          Condition.Bool.acs:SecureTransport: what it might allow is let through"
        ]
    );
}

#[test]
fn faults_name_their_place_in_the_document() {
    let full = |rest: &str| one(&format!(r#""Effect":"Allow","Principal":"*",{rest}"#));
    let condition = |text: &str| {
        full(&format!(
            r#""Action":"*","Resource":"*","Condition":{text}"#
        ))
    };
    let cases = [
        ("{".to_owned(), "PolicyDocument: is not JSON: EOF"),
        ("[]".to_owned(), "PolicyDocument: a list is not an object"),
        (
            ALL.replacen('{', r#"{"Version":"2","#, 1),
            "PolicyDocument.Version: \"2\" is none",
        ),
        (
            r#"{"Statement":[]}"#.to_owned(),
            "PolicyDocument.Statement: is empty",
        ),
        (
            r#"{"Statement":[7]}"#.to_owned(),
            "PolicyDocument.Statement[0]: 7 is not an object",
        ),
        (
            ALL.replace("Allow", "Alow"),
            "PolicyDocument.Statement[0].Effect: \"Alow\" is none of the choices; did you mean \"Allow\"?",
        ),
        (
            ALL.replace(r#""Principal":"*","#, ""),
            "PolicyDocument.Statement[0]: Principal is missing",
        ),
        (
            ALL.replace(r#""Principal":"*""#, r#""Principal":{"Ram":"*"}"#),
            "PolicyDocument.Statement[0].Principal: \"Ram\" is not a kind",
        ),
        (
            full(r#""Resource":"*""#),
            "PolicyDocument.Statement[0]: Action is missing",
        ),
        (
            full(r#""Action":"*","NotAction":"*","Resource":"*""#),
            "PolicyDocument.Statement[0].NotAction: Action is given as well",
        ),
        (
            full(r#""Action":"*","Resource":[]"#),
            "PolicyDocument.Statement[0].Resource: is an empty list",
        ),
        (
            full(r#""Action":"*","Action":"oss:*","Resource":"*""#),
            "PolicyDocument.Statement[0].Action: given twice",
        ),
        (
            full(r#""Action":"*","Resource":"*","Conditions":{}"#),
            "PolicyDocument.Statement[0].Conditions: unknown field; did you mean \"Condition\"?",
        ),
        (
            condition(r#"{"IpAdress":{}}"#),
            "PolicyDocument.Statement[0].Condition.IpAdress: is no operator of conditions; did you mean \"IpAddress\"?",
        ),
        (
            condition(r#"{"IpAddress":{"acs:SourceIp":"10.0.1.10/24"}}"#),
            "PolicyDocument.Statement[0].Condition.IpAddress.acs:SourceIp: 10.0.1.10/24 has host bits set",
        ),
        (
            condition(r#"{"IpAddress":{"acs:SourceIp":"10.0.1"}}"#),
            "PolicyDocument.Statement[0].Condition.IpAddress.acs:SourceIp: \"10.0.1\" is neither",
        ),
        (
            condition(r#"{"Bool":{"a":true},"Bool":{"a":false}}"#),
            "PolicyDocument.Statement[0].Condition.Bool: given twice",
        ),
        (
            condition(r#"{"StringLike":{"a":{}}}"#),
            "PolicyDocument.Statement[0].Condition.StringLike.a: a mapping is not a value",
        ),
        (
            condition("7"),
            "PolicyDocument.Statement[0].Condition: 7 is not an object",
        ),
    ];
    for (document, told) in cases {
        let errors = refused(&with(&document)).to_string();
        assert!(
            errors.contains(told),
            "{document}\n  told: {errors}\n  not: {told}"
        );
        assert_eq!(errors.lines().count(), 1, "{errors}");
    }
}

#[test]
fn all_faults_of_a_policy_are_told_at_once() {
    let errors = refused(&with(
        r#"{"Statement":[{"Effect":"Alow"},{"Effect":"Deny","Principal":"*","Action":"","Resource":"*"}]}"#,
    ));
    let paths: Vec<_> = errors
        .faults
        .iter()
        .map(|fault| fault.path.as_str())
        .collect();
    let first = "PolicyDocument.Statement[0]";
    let effect = format!("{first}.Effect");
    let second = "PolicyDocument.Statement[1].Action";
    assert_eq!(paths, [&effect, first, first, first, second]);
}

#[test]
fn the_size_of_a_policy_is_bounded() {
    let padded = |length: usize| format!("{ALL}{}", " ".repeat(length - ALL.len()));
    assert_eq!(policy(&padded(20_480)).document.len(), 20_480);
    let errors = refused(&with(&padded(20_481)));
    assert!(errors.to_string().contains("20481 characters"), "{errors}");
}

#[test]
fn a_reverse_endpoint_has_no_policy() {
    let reverse = super::example("reverse.yaml");
    let denial = ALL.replace("Allow", "Deny");
    let last = |document: &str| format!("{reverse}\nPolicyDocument: '{document}'\n");
    loaded(&last(ALL));
    let errors = refused(&last(&denial));
    assert!(
        errors
            .to_string()
            .contains("a reverse endpoint has no clients"),
        "{errors}"
    );
}

#[test]
fn the_example_says_what_is_left_to_the_service() {
    let notices = loaded(&super::example("rules.yaml")).notices();
    assert_eq!(
        notices,
        [
            "ep-web: PolicyDocument: statement 3 is left to the service, since packets do not show Action: \
          what it denies is let through if another statement allows it"
        ]
    );
}
