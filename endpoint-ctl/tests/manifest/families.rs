//! Both IP families: what a dual-stack manifest becomes, and which IPv6 addresses ENIs get.

use std::net::Ipv6Addr;

use endpoint_ctl::manifest::load;
use endpoint_ctl::model::{
    AddressIpVersion, EndpointId, LoadBalancerId, Model, NetworkAclId, ProviderNetworkId,
    SecurityGroupId, ServiceId, VSwitchId, VpcId,
};

use super::{example, loaded, refused};

fn dual_stack() -> String {
    example("dual-stack.yaml")
}

/// The example without its endpoint.
fn without_endpoint() -> String {
    let text = dual_stack();
    let (rest, _) = text
        .split_once("---\nkind: VpcEndpoint\n")
        .expect("an endpoint");
    rest.to_owned()
}

fn endpoint(id: &str, version: &str, ipv6: Option<&str>) -> String {
    let ipv6 = ipv6.map_or_else(String::new, |ip| format!(", Ipv6Address: \"{ip}\""));
    format!(
        "---\nkind: VpcEndpoint\nEndpointId: {id}\nVpcId: vpc-a\nServiceId: epsrv-web\n\
         AddressIpVersion: {version}\nSecurityGroupIds: [sg-web]\n\
         Zones: [{{ ZoneId: lab-a, VSwitchId: vsw-a{ipv6} }}]\n"
    )
}

fn ipv6(model: &Model, endpoint: &str) -> Option<Ipv6Addr> {
    model.endpoints[&EndpointId::new(endpoint)].zones[0].ipv6
}

fn ip(text: &str) -> Option<Ipv6Addr> {
    text.parse().ok()
}

#[test]
fn the_dual_stack_example_loads() {
    let model = loaded(&dual_stack());
    let net = |text: &str| text.parse().ok();
    let vpc = &model.vpcs[&VpcId::new("vpc-a")];
    assert_eq!(vpc.ipv6_cidr_block, net("fd00:0:0:100::/56"));
    let vswitch = &model.vswitches[&VSwitchId::new("vsw-a")];
    assert_eq!(vswitch.ipv6_cidr_block, net("fd00:0:0:101::/64"));
    let rules = &model.security_groups[&SecurityGroupId::new("sg-web")].rules;
    let peers: Vec<_> = rules.iter().map(|rule| rule.peer.to_string()).collect();
    let [four, six] = ["10.0.1.10/32", "fd00:0:0:101::10/128"];
    assert_eq!(peers, [four, six, four, six]);
    let acl = &model.network_acls[&NetworkAclId::new("nacl-a")];
    let entries = acl.ingress.iter().chain(&acl.egress);
    let peers: Vec<_> = entries.map(|entry| entry.peer.to_string()).collect();
    assert_eq!(peers, ["0.0.0.0/0", "::/0", "0.0.0.0/0", "::/0"]);
    let network = &model.provider_networks[&ProviderNetworkId::new("pnet-a")];
    assert_eq!(network.nat_addresses().count(), 4);
    let servers = &model.load_balancers[&LoadBalancerId::new("nlb-web")].listeners[0].servers;
    assert_eq!(servers.iter().filter(|one| one.ip.is_ipv6()).count(), 3);
    let service = &model.services[&ServiceId::new("epsrv-web")];
    assert_eq!(service.address_ip_version, AddressIpVersion::DualStack);
    assert_eq!(ipv6(&model, "ep-web"), ip("fd00:0:0:101::100"));
}

#[test]
fn the_managed_group_has_a_rule_for_each_family() {
    let model = loaded(&dual_stack());
    let rules = &model.security_groups[&SecurityGroupId::new("sg-managed-ep-web")].rules;
    let rules: Vec<_> = rules
        .iter()
        .map(|rule| (rule.id.as_str(), rule.peer.to_string(), rule.priority))
        .collect();
    assert_eq!(
        rules,
        [
            ("sgr-managed-ep-web-egress", "0.0.0.0/0".to_owned(), 1),
            ("sgr-managed-ep-web-egress-ipv6", "::/0".to_owned(), 1),
        ]
    );
}

#[test]
fn every_ipv6_fault_is_listed_with_place_and_mend() {
    super::check_golden("bad-ipv6.yaml", "bad-ipv6.expected");
}

#[test]
fn an_endpoint_is_ipv4_only_unless_it_says_otherwise() {
    let text = without_endpoint() + &endpoint("ep-a", "IPv4", None);
    let model = loaded(&text);
    assert_eq!(ipv6(&model, "ep-a"), None);
    assert_eq!(
        loaded(&text.replace(
            "ServiceId: epsrv-web\nAddressIpVersion: IPv4\n",
            "ServiceId: epsrv-web\n"
        )),
        model
    );
}

#[test]
fn named_ipv6_addresses_come_first_then_the_lowest_free_ones() {
    let text = without_endpoint()
        + &endpoint("ep-a", "DualStack", None)
        + &endpoint("ep-b", "DualStack", Some("fd00:0:0:101::1"))
        + &endpoint("ep-c", "IPv4", None)
        + &endpoint("ep-d", "DualStack", None);
    let model = loaded(&text);
    let given = ["ep-a", "ep-b", "ep-c", "ep-d"].map(|id| ipv6(&model, id));
    let expected = [
        ip("fd00:0:0:101::2"),
        ip("fd00:0:0:101::1"),
        None,
        ip("fd00:0:0:101::3"),
    ];
    assert_eq!(given, expected);
}

#[test]
fn an_ipv6_address_in_use_is_refused_and_its_user_named() {
    let named = |id| endpoint(id, "DualStack", Some("fd00:0:0:101::5"));
    let errors = refused(&(without_endpoint() + &named("ep-a") + &named("ep-b")));
    assert_eq!(errors.faults.len(), 1, "{errors}");
    let fault = &errors.faults[0];
    assert_eq!(fault.problem, "fd00:0:0:101::5 is used by eni-ep-a-lab-a");
    assert_eq!(fault.path, "Zones[0].Ipv6Address");
}

#[test]
fn an_eni_keeps_its_ipv6_address_and_gets_one_when_it_becomes_dual_stack() {
    let dual = |id| endpoint(id, "DualStack", None);
    let base = without_endpoint();
    let first =
        loaded(&(base.clone() + &dual("ep-a") + &dual("ep-b") + &endpoint("ep-c", "IPv4", None)));
    assert_eq!(ipv6(&first, "ep-b"), ip("fd00:0:0:101::2"));
    let before = first.endpoints[&EndpointId::new("ep-c")].zones[0].ip;

    let text = base.clone() + &dual("ep-b") + &dual("ep-0") + &dual("ep-c");
    let second = load(&text, "test.yaml", Some(&first)).expect("a good manifest");
    assert_eq!(ipv6(&second, "ep-b"), ip("fd00:0:0:101::2"));
    assert_eq!(ipv6(&second, "ep-0"), ip("fd00:0:0:101::1"));
    assert_eq!(ipv6(&second, "ep-c"), ip("fd00:0:0:101::3"));
    let after = second.endpoints[&EndpointId::new("ep-c")].zones[0].ip;
    assert_eq!(after, before);

    let text = base + &endpoint("ep-b", "IPv4", None) + &dual("ep-d");
    let third = load(&text, "test.yaml", Some(&second)).expect("a good manifest");
    assert_eq!(ipv6(&third, "ep-b"), None);
    assert_eq!(ipv6(&third, "ep-d"), ip("fd00:0:0:101::1"));
}

#[test]
fn vswitches_of_one_vpc_do_not_share_ipv6_addresses_but_vpcs_may() {
    let vswitch = |id: &str, vpc: &str, ipv6: &str| {
        format!(
            "---\nkind: VSwitch\nVSwitchId: {id}\nVpcId: {vpc}\nZoneId: lab-b\n\
             CidrBlock: 10.0.77.0/24\nIpv6CidrBlock: {ipv6}\nInterface: {id}\n"
        )
    };
    let vpc =
        "---\nkind: Vpc\nVpcId: vpc-b\nCidrBlock: 10.0.0.0/16\nIpv6CidrBlock: fd00:0:0:100::/56\n";
    let other = vswitch("vsw-b", "vpc-b", "fd00:0:0:101::/64");
    loaded(&(dual_stack() + vpc + &other));
    loaded(&(dual_stack() + &vswitch("vsw-b", "vpc-a", "fd00:0:0:102::/64")));
    let errors = refused(&(dual_stack() + &vswitch("vsw-b", "vpc-a", "fd00:0:0:101::/64")));
    assert_eq!(
        errors.faults[0].problem,
        "fd00:0:0:101::/64 overlaps fd00:0:0:101::/64 of vSwitch vsw-a"
    );
}
