//! Flow logs.

use endpoint_ctl::api::Product::Vpc;
use endpoint_ctl::document::Document;
use endpoint_ctl::model::{AccountId, Kind};
use serde_json::{Map, Value, json};

use crate::nlb::provider_network;
use crate::rig::{CONSUMER, PROVIDER, Rig, text};

fn of<'p>(kind: &'p str, id: &'p str) -> [(&'p str, &'p str); 3] {
    [
        ("ResourceType", kind),
        ("ResourceId", id),
        ("TrafficType", "All"),
    ]
}

fn made(rig: &Rig, parameters: &[(&str, &str)]) -> String {
    let answer = rig.call(Vpc, "CreateFlowLog", parameters);
    assert_eq!(answer["Success"], "true");
    text(&answer, "FlowLogId")
}

fn found(rig: &Rig, parameters: &[(&str, &str)]) -> Map<String, Value> {
    rig.call(Vpc, "DescribeFlowLogs", parameters)
}

fn shown(rig: &Rig, id: &str) -> Value {
    let found = found(rig, &[("FlowLogId", id)]);
    assert_eq!(found["TotalCount"], "1");
    found["FlowLogs"]["FlowLog"][0].clone()
}

#[test]
fn one_is_made_switched_changed_and_deleted() {
    let rig = Rig::new();
    let (vpc, _) = rig.network("cn-test-a");
    let parameters = [
        ("ResourceType", "VPC"),
        ("ResourceId", vpc.as_str()),
        ("TrafficType", "Drop"),
        ("ProjectName", "audit-1"),
        ("LogStoreName", "drops_1"),
        ("FlowLogName", "first"),
        ("Description", "d"),
        ("AggregationInterval", "5"),
        ("IpVersion", "DualStack"),
        ("LogFormat", "${srcaddr} ${eni-id}"),
        ("TrafficPath.1", "all"),
        ("Tag.1.Key", "k"),
        ("Tag.1.Value", "v"),
    ];
    let id = made(&rig, &parameters);
    assert!(id.starts_with("fl-"), "{id}");
    let first = shown(&rig, &id);
    let mut expected = json!({
        "FlowLogId": id,
        "FlowLogName": "first",
        "Description": "d",
        "CreationTime": first["CreationTime"],
        "RegionId": "cn-test",
        "ResourceType": "VPC",
        "ResourceId": vpc,
        "TrafficType": "Drop",
        "TrafficPath": { "TrafficPathList": ["all"] },
        "AggregationInterval": 5,
        "IpVersion": "DualStack",
        "LogFormat": "${srcaddr} ${eni-id}",
        "ProjectName": "audit-1",
        "LogStoreName": "drops_1",
        "Status": "Activating",
        "BusinessStatus": "Normal",
        "Tags": { "Tag": [{ "Key": "k", "Value": "v" }] },
    });
    assert_eq!(first, expected);
    rig.settle();
    expected["Status"] = "Active".into();
    assert_eq!(shown(&rig, &id), expected);
    let its = [("FlowLogId", id.as_str())];
    assert_eq!(rig.call(Vpc, "DeactiveFlowLog", &its)["Success"], "true");
    assert_eq!(shown(&rig, &id)["Status"], "Inactive");
    rig.settle();
    assert_eq!(rig.call(Vpc, "ActiveFlowLog", &its)["Success"], "true");
    assert_eq!(shown(&rig, &id)["Status"], "Activating");
    rig.settle();

    let changed = [
        its[0],
        ("FlowLogName", "renamed"),
        ("Description", "of tests"),
        ("AggregationInterval", "1"),
        ("IpVersion", "IPv4"),
        ("LogFormat", "${dstaddr}"),
    ];
    let answer = rig.call(Vpc, "ModifyFlowLogAttribute", &changed);
    assert_eq!(answer["Success"], "true");
    rig.settle();
    expected["FlowLogName"] = "renamed".into();
    expected["Description"] = "of tests".into();
    expected["AggregationInterval"] = 1.into();
    expected["IpVersion"] = "IPv4".into();
    expected["LogFormat"] = "${dstaddr}".into();
    assert_eq!(shown(&rig, &id), expected);

    assert_eq!(rig.call(Vpc, "DeleteFlowLog", &its)["Success"], "true");
    for call in [
        "DeleteFlowLog",
        "ActiveFlowLog",
        "DeactiveFlowLog",
        "ModifyFlowLogAttribute",
    ] {
        rig.refused(Vpc, call, &its, "InvalidFlowLogId.NotFound");
        rig.refused(Vpc, call, &[], "MissingFlowLogId");
    }
}

#[test]
fn flow_logs_that_cannot_be_are_refused() {
    let rig = Rig::new();
    let (vpc, vswitch) = rig.network("cn-test-a");
    let good = of("VSwitch", &vswitch);
    let refused = |name: &str, value: &str, code: &str| {
        let mut parameters: Vec<_> = good
            .iter()
            .copied()
            .filter(|(one, _)| *one != name)
            .collect();
        parameters.push((name, value));
        let message = rig.refused(Vpc, "CreateFlowLog", &parameters, code);
        if code.starts_with("Invalid") && !code.ends_with("NotFound") {
            assert!(message.contains(name.trim_end_matches(".1")), "{message}");
        }
    };
    refused("ResourceType", "", "MissingResourceType");
    refused("ResourceType", "Router", "InvalidResourceType");
    refused("ResourceId", "", "MissingResourceId");
    refused("ResourceId", &vpc, "InvalidVSwitchId.NotFound");
    refused("ResourceType", "VPC", "InvalidVpcId.NotFound");
    refused(
        "ResourceType",
        "NetworkInterface",
        "InvalidResourceId.NotFound",
    );
    refused("TrafficType", "", "MissingTrafficType");
    refused("TrafficType", "Some", "InvalidTrafficType");
    for (name, value) in [
        ("AggregationInterval", "2"),
        ("AggregationInterval", "11"),
        ("IpVersion", "v5"),
        ("LogFormat", "srcaddr"),
        ("LogFormat", "${}"),
        ("ProjectName", "under_score"),
        ("ProjectName", "ab"),
        ("LogStoreName", "-edge"),
        ("LogStoreName", "../up"),
        ("FlowLogName", "http://x"),
        ("Description", "https://x"),
        ("TrafficPath.1", "natGateway"),
    ] {
        refused(
            name,
            value,
            &format!("Invalid{}", name.trim_end_matches(".1")),
        );
    }
    let theirs = rig.call_as(PROVIDER, Vpc, "CreateFlowLog", &good);
    assert_eq!(
        theirs.expect_err("refused").code,
        "InvalidVSwitchId.NotFound"
    );
    assert_eq!(found(&rig, &[])["TotalCount"], "0");
}

/// As in the API: what is recorded may go, and the flow log stays.
#[test]
fn what_is_recorded_may_go() {
    let rig = Rig::new();
    let (vpc, vswitch) = rig.network("cn-test-a");
    let id = made(&rig, &of("VSwitch", &vswitch));
    rig.call(Vpc, "DeleteVSwitch", &[("VSwitchId", &vswitch)]);
    assert_eq!(shown(&rig, &id)["ResourceId"], vswitch);
    let its = [("FlowLogId", id.as_str()), ("FlowLogName", "renamed")];
    rig.call(Vpc, "ModifyFlowLogAttribute", &its);
    assert_eq!(found(&rig, &[("VpcId", &vpc)])["TotalCount"], "0");
}

#[test]
fn a_network_interface_of_an_endpoint_is_recorded() {
    let rig = Rig::new();
    provider_network(&rig, "pnet", false);
    let (vpc, vswitch) = rig.network("cn-test-a");
    let mut balancer = Document::new(Kind::LoadBalancer, "nlb-1");
    balancer.set("ProviderNetworkId", "pnet");
    balancer.set("Listeners", json!([]));
    let mut service = Document::new(Kind::Service, "epsrv-1");
    service.set("ServiceName", "com.example.web");
    service.set(
        "Resources",
        json!([{ "ResourceId": "nlb-1", "ResourceType": "nlb" }]),
    );
    let mut group = Document::new(Kind::SecurityGroup, "sg-1");
    group.set("VpcId", vpc.as_str());
    let mut endpoint = Document::new(Kind::Endpoint, "ep-1");
    endpoint.set("VpcId", vpc.as_str());
    endpoint.set("ServiceId", "epsrv-1");
    endpoint.set("SecurityGroupIds", json!(["sg-1"]));
    endpoint.set(
        "Zones",
        json!([{ "ZoneId": "cn-test-a", "VSwitchId": vswitch }]),
    );
    rig.change(move |change| {
        for document in [&balancer, &service, &group, &endpoint] {
            change.create(document, &AccountId::new(CONSUMER))?;
        }
        Ok(())
    })
    .expect("declares an endpoint");
    let declared = rig.desk.view().declared;
    let eni = declared.model.endpoints["ep-1"].zones[0].eni.to_string();
    let id = made(&rig, &of("NetworkInterface", &eni));
    assert_eq!(shown(&rig, &id)["ResourceId"], eni);
    assert_eq!(found(&rig, &[("VpcId", &vpc)])["TotalCount"], "1");
    let theirs = rig.call_as(
        PROVIDER,
        Vpc,
        "CreateFlowLog",
        &of("NetworkInterface", &eni),
    );
    assert_eq!(
        theirs.expect_err("refused").code,
        "InvalidResourceId.NotFound"
    );
}

#[test]
fn lists_are_filtered_and_their_pages_counted_in_texts() {
    let rig = Rig::new();
    let (vpc, vswitch) = rig.network("cn-test-a");
    let (elsewhere, _) = rig.network("cn-test-a");
    let first = made(&rig, &of("VSwitch", &vswitch));
    rig.settle();
    let more = [
        ("ProjectName", "audit"),
        ("LogStoreName", "drops"),
        ("FlowLogName", "n"),
        ("Description", "d"),
        ("Tag.1.Key", "k"),
    ];
    let second: Vec<_> = of("VPC", &elsewhere).into_iter().chain(more).collect();
    let second = made(&rig, &second);
    let all = found(&rig, &[]);
    assert_eq!(
        (
            &all["PageNumber"],
            &all["PageSize"],
            &all["TotalCount"],
            &all["Success"]
        ),
        (&json!("1"), &json!("10"), &json!("2"), &json!("true"))
    );
    for (filter, expected) in [
        (("FlowLogId", first.as_str()), &first),
        (("FlowLogName", "n"), &second),
        (("Description", "d"), &second),
        (("ResourceType", "VSwitch"), &first),
        (("ResourceId", elsewhere.as_str()), &second),
        (("ProjectName", "audit"), &second),
        (("LogStoreName", "drops"), &second),
        (("Status", "Active"), &first),
        (("VpcId", vpc.as_str()), &first),
        (("Tags.1.Key", "k"), &second),
    ] {
        let found = found(&rig, &[filter]);
        assert_eq!(found["TotalCount"], "1", "{filter:?}");
        assert_eq!(
            found["FlowLogs"]["FlowLog"][0]["FlowLogId"], *expected,
            "{filter:?}"
        );
    }
    assert_eq!(found(&rig, &[("TrafficType", "Drop")])["TotalCount"], "0");
    let page = found(&rig, &[("PageSize", "1"), ("PageNumber", "2")]);
    assert_eq!(
        page["FlowLogs"]["FlowLog"].as_array().map(Vec::len),
        Some(1)
    );
    rig.refused(
        Vpc,
        "DescribeFlowLogs",
        &[("PageSize", "51")],
        "InvalidPageSize",
    );
    let theirs = rig
        .call_as(PROVIDER, Vpc, "DescribeFlowLogs", &[])
        .expect("answers");
    assert_eq!(theirs["TotalCount"], "0");
    let its = [("FlowLogId", first.as_str())];
    let theirs = rig.call_as(PROVIDER, Vpc, "DeleteFlowLog", &its);
    assert_eq!(
        theirs.expect_err("refused").code,
        "InvalidFlowLogId.NotFound"
    );
}

#[test]
fn the_service_is_open() {
    let rig = Rig::new();
    let opened = rig.call(Vpc, "OpenFlowLogService", &[]);
    assert_eq!(
        Value::Object(opened),
        json!({ "Code": "200", "Message": "successful" })
    );
    let status = rig.call(Vpc, "GetFlowLogServiceStatus", &[]);
    assert_eq!(Value::Object(status), json!({ "Enabled": true }));
}
