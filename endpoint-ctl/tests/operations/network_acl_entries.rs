//! Entries of network ACLs.

use endpoint_ctl::api::Product::Vpc;
use serde_json::{Value, json};

use crate::network_acl::{acl, shown, with};
use crate::rig::Rig;

fn entries(shown: &Value, direction: &str) -> Vec<Value> {
    let entries = &shown[format!("{direction}AclEntries")][format!("{direction}AclEntry")];
    entries.as_array().expect("a list").clone()
}

const WEB: [(&str, &str); 7] = [
    ("IngressAclEntries.1.NetworkAclEntryName", "web"),
    ("IngressAclEntries.1.Description", "w"),
    ("IngressAclEntries.1.Policy", "accept"),
    ("IngressAclEntries.1.Protocol", "TCP"),
    ("IngressAclEntries.1.Port", "80/80"),
    ("IngressAclEntries.1.SourceCidrIp", "10.0.0.0/8"),
    ("IngressAclEntries.1.EntryType", "custom"),
];
const PING: [(&str, &str); 5] = [
    ("IngressAclEntries.2.Policy", "drop"),
    ("IngressAclEntries.2.Protocol", "icmpv6"),
    ("IngressAclEntries.2.Port", "-1/-1"),
    ("IngressAclEntries.2.SourceCidrIp", "::/0"),
    ("IngressAclEntries.2.IpVersion", "IPv6"),
];
const BACK: [(&str, &str); 4] = [
    ("EgressAclEntries.1.Policy", "accept"),
    ("EgressAclEntries.1.Protocol", "all"),
    ("EgressAclEntries.1.Port", "-1/-1"),
    ("EgressAclEntries.1.DestinationCidrIp", "0.0.0.0/0"),
];
const INGRESS: (&str, &str) = ("UpdateIngressAclEntries", "True");
const EGRESS: (&str, &str) = ("UpdateEgressAclEntries", "true");

pub(crate) fn fill(rig: &Rig, acl: &str) {
    let all: Vec<_> = [&WEB[..], &PING[..], &BACK[..], &[INGRESS, EGRESS]].concat();
    rig.call(Vpc, "UpdateNetworkAclEntries", &with(acl, &all));
}

#[test]
fn entries_are_replaced_whole_in_order_and_per_direction() {
    let rig = Rig::new();
    let (vpc, _) = rig.network("cn-test-a");
    let id = acl(&rig, &vpc);
    fill(&rig, &id);
    let before = shown(&rig, &id);
    let ingress = entries(&before, "Ingress");
    let egress = entries(&before, "Egress");
    let id_of = |entry: &Value| {
        entry["NetworkAclEntryId"]
            .as_str()
            .expect("text")
            .to_owned()
    };
    assert_eq!(
        ingress[0],
        json!({
            "NetworkAclEntryId": id_of(&ingress[0]),
            "NetworkAclEntryName": "web",
            "Description": "w",
            "EntryType": "custom",
            "Policy": "accept",
            "Protocol": "tcp",
            "Port": "80/80",
            "IpVersion": "IPv4",
            "SourceCidrIp": "10.0.0.0/8",
        })
    );
    assert_eq!(ingress[1]["Protocol"], "icmpv6");
    assert_eq!(ingress[1]["Policy"], "drop");
    assert_eq!(ingress[1]["IpVersion"], "IPv6");
    assert_eq!(ingress[1]["SourceCidrIp"], "::/0");
    assert_eq!(egress.len(), 1);
    assert_eq!(egress[0]["DestinationCidrIp"], "0.0.0.0/0");
    assert_eq!(
        (&egress[0]["Protocol"], &egress[0]["Port"]),
        (&json!("all"), &json!("-1/-1"))
    );
    let ids = [id_of(&ingress[0]), id_of(&ingress[1]), id_of(&egress[0])];
    for (place, id) in ids.iter().enumerate() {
        assert!(id.starts_with("nae-"), "{id}");
        assert!(!ids[..place].contains(id), "{ids:?}");
    }

    // Without its flag a direction stays as it is, even if what is sent for it could not be.
    let ignored = [
        ("EgressAclEntries.1.Policy", "perhaps"),
        ("UpdateEgressAclEntries", "false"),
    ];
    rig.call(Vpc, "UpdateNetworkAclEntries", &with(&id, &ignored));
    assert_eq!(shown(&rig, &id), before);

    // The other way round: an entry that is named goes on under its id, its name goes.
    let turned = [
        INGRESS,
        ("IngressAclEntries.1.Policy", "accept"),
        ("IngressAclEntries.1.Protocol", "gre"),
        ("IngressAclEntries.1.Port", "-1/-1"),
        ("IngressAclEntries.1.SourceCidrIp", "10.9.0.0/16"),
        ("IngressAclEntries.2.Policy", "accept"),
        ("IngressAclEntries.2.Protocol", "udp"),
        ("IngressAclEntries.2.Port", "1/200"),
        ("IngressAclEntries.2.SourceCidrIp", "10.0.0.0/8"),
        ("IngressAclEntries.2.NetworkAclEntryId", ids[0].as_str()),
    ];
    rig.call(Vpc, "UpdateNetworkAclEntries", &with(&id, &turned));
    let now = shown(&rig, &id);
    let ingress = entries(&now, "Ingress");
    assert_eq!(ingress.len(), 2);
    assert_eq!(ingress[0]["Protocol"], "gre");
    assert_eq!(id_of(&ingress[1]), ids[0]);
    assert_eq!(ingress[1]["Port"], "1/200");
    assert_eq!(ingress[1]["NetworkAclEntryName"], "");
    assert_eq!(entries(&now, "Egress"), egress);

    // Nothing sent for a direction that is to be updated leaves nothing of it.
    rig.call(Vpc, "UpdateNetworkAclEntries", &with(&id, &[EGRESS]));
    assert!(entries(&shown(&rig, &id), "Egress").is_empty());
}

#[test]
fn entries_that_cannot_be_are_refused_by_their_parameter() {
    let rig = Rig::new();
    let (vpc, _) = rig.network("cn-test-a");
    let id = acl(&rig, &vpc);
    let refused = |name: &str, value: &str, code: &str| {
        let parameter = format!("IngressAclEntries.1.{name}");
        let mut all: Vec<_> = WEB
            .iter()
            .copied()
            .filter(|(known, _)| *known != parameter)
            .collect();
        all.extend([INGRESS, (&*parameter, value)]);
        let message = rig.refused(Vpc, "UpdateNetworkAclEntries", &with(&id, &all), code);
        assert!(message.contains(&parameter), "{message}");
    };
    refused("Policy", "perhaps", "InvalidPolicy");
    refused("Policy", "", "MissingPolicy");
    refused("Protocol", "sctp", "InvalidProtocol");
    refused("Port", "80", "InvalidPort");
    refused("Port", "200/1", "InvalidPort");
    refused("SourceCidrIp", "10.0.0.1/8", "InvalidSourceCidrIp");
    refused("SourceCidrIp", "::/0", "InvalidSourceCidrIp");
    refused("SourceCidrIp", "", "MissingSourceCidrIp");
    refused("IpVersion", "IPv5", "InvalidIpVersion");
    refused("EntryType", "system", "InvalidEntryType");
    refused(
        "NetworkAclEntryName",
        "https://x",
        "InvalidNetworkAclEntryName",
    );
    refused("Description", &"x".repeat(257), "InvalidDescription");
    let odd = [("UpdateIngressAclEntries", "yes")];
    let code = "InvalidUpdateIngressAclEntries";
    rig.refused(Vpc, "UpdateNetworkAclEntries", &with(&id, &odd), code);

    let many: Vec<_> = (1..=101)
        .flat_map(|place| {
            let named = |field: &str| format!("IngressAclEntries.{place}.{field}");
            [
                (named("Policy"), "accept"),
                (named("Protocol"), "all"),
                (named("Port"), "-1/-1"),
                (named("SourceCidrIp"), "10.0.0.0/8"),
            ]
        })
        .collect();
    let mut many: Vec<_> = many
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    many.push(INGRESS);
    let code = "InvalidIngressAclEntries";
    rig.refused(Vpc, "UpdateNetworkAclEntries", &with(&id, &many), code);
    many.retain(|(name, _)| !name.starts_with("IngressAclEntries.101."));
    rig.call(Vpc, "UpdateNetworkAclEntries", &with(&id, &many));
    assert_eq!(entries(&shown(&rig, &id), "Ingress").len(), 100);
}

#[test]
fn entries_are_copied_under_ids_of_their_own() {
    let rig = Rig::new();
    let (vpc, _) = rig.network("cn-test-a");
    let (from, to) = (acl(&rig, &vpc), acl(&rig, &vpc));
    fill(&rig, &from);
    rig.call(
        Vpc,
        "CopyNetworkAclEntries",
        &with(&to, &[("SourceNetworkAclId", &from)]),
    );
    let (source, copy) = (shown(&rig, &from), shown(&rig, &to));
    for direction in ["Ingress", "Egress"] {
        let (ours, theirs) = (entries(&copy, direction), entries(&source, direction));
        assert_eq!(ours.len(), theirs.len());
        for (mut ours, theirs) in ours.into_iter().zip(theirs) {
            assert_ne!(ours["NetworkAclEntryId"], theirs["NetworkAclEntryId"]);
            ours["NetworkAclEntryId"] = theirs["NetworkAclEntryId"].clone();
            assert_eq!(ours, theirs);
        }
    }
    let itself = [("SourceNetworkAclId", to.as_str())];
    let code = "InvalidSourceNetworkAclId";
    rig.refused(Vpc, "CopyNetworkAclEntries", &with(&to, &itself), code);
    let code = "MissingSourceNetworkAclId";
    rig.refused(Vpc, "CopyNetworkAclEntries", &with(&to, &[]), code);
    let theirs = [("SourceNetworkAclId", "nacl-x")];
    let code = "InvalidNetworkAcl.NotFound";
    rig.refused(Vpc, "CopyNetworkAclEntries", &with(&to, &theirs), code);
}
