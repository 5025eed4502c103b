//! Endpoint policies (rows F38 and F39).

use super::*;

fn statement(effect: Policy, conditions: Vec<PolicyCondition>) -> PolicyStatement {
    PolicyStatement {
        effect,
        conditions,
        undecided: Vec::new(),
    }
}

fn address(within: bool, networks: &[&str]) -> PolicyCondition {
    PolicyCondition::SourceIp {
        within,
        networks: networks.iter().map(|text| net(text)).collect(),
    }
}

fn judge(statements: Vec<PolicyStatement>, client: &str) -> Verdict {
    let mut model = endpoint_with(vec![normal("sg", vec![])]);
    let id = EndpointId::new("ep");
    model.endpoints.get_mut(&id).expect("ep").policy = EndpointPolicy {
        document: String::new(),
        statements,
    };
    judge_endpoint_policy(&model, &id, ip(client))
}

#[test]
fn the_default_allows_everything() {
    let statements = EndpointPolicy::default().statements;
    for client in ["10.0.1.10", "fd00::1"] {
        assert_eq!(
            judge(statements.clone(), client),
            Verdict::new(Policy::Accept, "policy-ep-1")
        );
    }
}

#[test]
fn what_no_statement_allows_is_denied() {
    let one = vec![statement(
        Policy::Accept,
        vec![address(true, &["10.0.1.10/32"])],
    )];
    assert_eq!(
        judge(one.clone(), "10.0.1.10"),
        Verdict::new(Policy::Accept, "policy-ep-1")
    );
    for other in ["10.0.1.11", "fd00::1"] {
        let denied = Verdict::new(Policy::Drop, "policy-ep-default");
        assert_eq!(judge(one.clone(), other), denied);
    }
}

#[test]
fn a_denial_comes_first_wherever_it_stands() {
    let all = vec![
        statement(Policy::Accept, vec![]),
        statement(Policy::Drop, vec![address(false, &["10.0.1.0/24"])]),
    ];
    assert_eq!(judge(all.clone(), "10.0.1.10").rule, "policy-ep-1");
    assert_eq!(
        judge(all.clone(), "10.0.2.10"),
        Verdict::new(Policy::Drop, "policy-ep-2")
    );
    assert_eq!(judge(all, "fd00::1").rule, "policy-ep-2");
}

#[test]
fn all_conditions_of_a_statement_must_hold() {
    let of = |vpc: &str, within| PolicyCondition::SourceVpc {
        within,
        vpcs: vec![vpc.to_owned()],
    };
    let allow = |conditions| vec![statement(Policy::Accept, conditions)];
    let inside = || address(true, &["10.0.0.0/16"]);
    let but = || address(false, &["10.0.1.10/32"]);
    assert_eq!(
        judge(allow(vec![inside(), but()]), "10.0.1.11").rule,
        "policy-ep-1"
    );
    assert_eq!(
        judge(allow(vec![inside(), but()]), "10.0.1.10").rule,
        "policy-ep-default"
    );
    let at = |condition| judge(allow(vec![inside(), condition]), "10.0.1.10").policy;
    assert_eq!(at(of("vpc-a", true)), Policy::Accept);
    assert_eq!(at(of("vpc-a", false)), Policy::Drop);
    assert_eq!(at(of("vpc-b", true)), Policy::Drop);
    assert_eq!(at(of("vpc-b", false)), Policy::Accept);
}

#[test]
fn dropped_is_only_what_is_denied_whatever_the_request_says() {
    let hidden = |effect, conditions| PolicyStatement {
        undecided: vec!["Action".to_owned()],
        ..statement(effect, conditions)
    };
    let near = || vec![address(true, &["10.0.1.0/24"])];
    let allow = vec![hidden(Policy::Accept, near())];
    assert_eq!(judge(allow.clone(), "10.0.1.10").rule, "policy-ep-1");
    assert_eq!(judge(allow.clone(), "10.0.2.10").rule, "policy-ep-default");
    let deny = [vec![hidden(Policy::Drop, near())], allow].concat();
    assert_eq!(judge(deny, "10.0.1.10").rule, "policy-ep-2");
}
