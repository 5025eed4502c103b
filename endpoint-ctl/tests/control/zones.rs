//! One security group, the ENIs of all zones (row F12).

use xtask::lab::address::{ENI_A, ENI_B};

use crate::calls::Product;
use crate::network::{Network, apply, eventually, service};
use crate::node::Node;

#[test]
fn a_rule_binds_at_the_eni_of_every_zone() {
    let node = Node::new();
    apply(&node, "service", &service("Endpoint"));
    let calls = node.calls();
    let network = Network::new(&calls);
    network.endpoint(&node);
    let drop = [
        ("SecurityGroupId", network.group.as_str()),
        ("Permissions.1.IpProtocol", "TCP"),
        ("Permissions.1.PortRange", "80/80"),
        ("Permissions.1.SourceCidrIp", "10.0.0.0/16"),
        ("Permissions.1.Policy", "drop"),
        ("Permissions.1.Priority", "1"),
    ];
    let zones = [("client-a", ENI_A), ("client-c", ENI_B)];
    for (action, serves) in [
        ("AuthorizeSecurityGroup", false),
        ("RevokeSecurityGroup", true),
    ] {
        calls.call(Product::Ecs, action, &drop).ok();
        for (client, eni) in zones {
            eventually("the rule is in force", || {
                let fetched = node.fetch(client, eni);
                let is_so = fetched.is_some() == serves;
                is_so
                    .then_some(())
                    .ok_or_else(|| format!("{eni}: {fetched:?}"))
            });
        }
    }
}
