//! Two nodes that share an etcd: each puts in force what is bound to it, either is asked, and neither needs
//! the other, nor etcd to be there.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use xtask::lab::address;

use crate::calls::{Calls, Product};
use crate::standing::Standing;
use crate::two_nodes::{Cluster, etcd_in};
use crate::waiting::until;

/// How long etcd is away, unless `CONTROL_ETCD_AWAY` says otherwise.
const AWAY: Duration = Duration::from_mins(1);
/// How soon a node must have what another was told.
const SOON: Duration = Duration::from_secs(5);
/// What was made for the consumer.
struct Made {
    vpc: String,
    /// The vSwitch at the first node.
    vswitch: String,
    group: String,
    service: String,
    endpoint: String,
    /// The ENI's address at each node.
    enis: [String; 2],
}

impl Made {
    /// Makes another endpoint, in the vSwitch at the first node.
    #[track_caller]
    fn another(&self, calls: &Calls) -> String {
        let endpoint = [
            ("VpcId", self.vpc.as_str()),
            ("ServiceId", self.service.as_str()),
            ("SecurityGroupId.1", self.group.as_str()),
            ("Zone.1.ZoneId", "zone-a"),
            ("Zone.1.VSwitchId", self.vswitch.as_str()),
        ];
        let made = calls.call(Product::PrivateLink, "CreateVpcEndpoint", &endpoint);
        made.text("EndpointId")
    }
}

#[track_caller]
fn delete(calls: &Calls, endpoint: &str) {
    let id = [("EndpointId", endpoint)];
    calls
        .call(Product::PrivateLink, "DeleteVpcEndpoint", &id)
        .ok();
}

#[track_caller]
fn is_active(calls: &Calls, endpoint: &str) -> bool {
    let id = [("EndpointId", endpoint)];
    let shown = calls.call(Product::PrivateLink, "GetVpcEndpointAttribute", &id);
    shown.status == 200 && shown.body["EndpointStatus"] == "Active"
}

/// A VPC with a vSwitch at each node, and an endpoint with a zone in each, by calls to the first node.
#[track_caller]
fn make(cluster: &Cluster) -> Made {
    let calls = cluster.calls(0);
    let vpc = calls.call(Product::Vpc, "CreateVpc", &[("CidrBlock", "10.0.0.0/16")]);
    let vpc = vpc.text("VpcId");
    let vpc_of = ("VpcId", vpc.as_str());
    let vswitch = |zone, cidr, interface, node: Option<&str>| {
        let mut all = vec![
            vpc_of,
            ("ZoneId", zone),
            ("CidrBlock", cidr),
            ("Interface", interface),
        ];
        all.extend(node.map(|node| ("NodeId", node)));
        calls.call(Product::Vpc, "CreateVSwitch", &all)
    };
    let refused = vswitch("zone-a", "10.0.1.0/24", "vsw-a", None);
    assert_eq!(refused.status, 400, "{}", refused.body);
    assert_eq!(refused.body["Code"], "MissingNodeId", "{}", refused.body);
    let vswitches = [
        vswitch("zone-a", "10.0.1.0/24", "vsw-a", Some("node")).text("VSwitchId"),
        vswitch("zone-b", "10.0.2.0/24", "vsw-b", Some("node-2")).text("VSwitchId"),
    ];
    let group = calls.call(Product::Ecs, "CreateSecurityGroup", &[vpc_of]);
    let group = group.text("SecurityGroupId");
    authorize(&calls, &group);
    let service = [
        ("Resource.1.ResourceType", "nlb"),
        ("Resource.1.ResourceId", "nlb"),
        ("AutoAcceptEnabled", "true"),
    ];
    let service = calls.call(Product::PrivateLink, "CreateVpcEndpointService", &service);
    let service = service.text("ServiceId");
    let endpoint = [
        vpc_of,
        ("ServiceId", service.as_str()),
        ("SecurityGroupId.1", group.as_str()),
        ("Zone.1.ZoneId", "zone-a"),
        ("Zone.1.VSwitchId", vswitches[0].as_str()),
        ("Zone.1.ip", address::ENI_A),
        ("Zone.2.ZoneId", "zone-b"),
        ("Zone.2.VSwitchId", vswitches[1].as_str()),
        ("Zone.2.ip", address::ENI_B),
    ];
    let endpoint = calls.call(Product::PrivateLink, "CreateVpcEndpoint", &endpoint);
    let endpoint = endpoint.text("EndpointId");
    for node in [0, 1] {
        until("the endpoint is active as either node says", SOON, || {
            is_active(&cluster.calls(node), &endpoint)
        });
    }
    let id = [("EndpointId", endpoint.as_str())];
    let zones = cluster
        .calls(1)
        .call(Product::PrivateLink, "ListVpcEndpointZones", &id);
    let zones = zones.ok();
    let ip = |zone: &str| {
        let all = zones["Zones"].as_array().expect("a list");
        let found = all.iter().find(|one| one["ZoneId"] == zone).expect("there");
        assert_eq!(found["ZoneStatus"], "Connected", "{found}");
        found["EniIp"].as_str().expect("an address").to_owned()
    };
    let [vswitch, _] = vswitches;
    Made {
        vpc,
        vswitch,
        group,
        service,
        endpoint,
        enis: [ip("zone-a"), ip("zone-b")],
    }
}

#[track_caller]
fn authorize(calls: &Calls, group: &str) {
    rule(calls, "AuthorizeSecurityGroup", group);
}

#[track_caller]
fn rule(calls: &Calls, action: &str, group: &str) {
    let rule = [
        ("SecurityGroupId", group),
        ("Permissions.1.IpProtocol", "TCP"),
        ("Permissions.1.PortRange", "80/80"),
        ("Permissions.1.SourceCidrIp", "10.0.0.0/8"),
    ];
    calls.call(Product::Ecs, action, &rule).ok();
}

#[test]
fn two_nodes_share_what_is_declared_and_neither_needs_the_other() {
    let mut cluster = Cluster::new();
    let made = make(&cluster);
    for (node, client) in ["client-a", "client-c"].into_iter().enumerate() {
        assert_eq!(
            cluster.enis(node),
            [made.enis[node].as_str()],
            "its own alone"
        );
        // The first packet may come before the backend has told its MAC address.
        until("it is reached", SOON, || {
            cluster.fetch(client, &made.enis[node])
        });
    }
    a_node_says_where_to_ask_about_what_it_has_not(&cluster, &made);
    both_follow_what_either_is_told(&cluster, &made);
    addresses_are_given_once(&cluster, &made);
    etcd_goes_and_comes_back(&mut cluster, &made);
    a_node_that_dies_is_not_waited_for(&mut cluster, &made);

    let id = [("EndpointId", made.endpoint.as_str())];
    cluster
        .calls(1)
        .call(Product::PrivateLink, "DeleteVpcEndpoint", &id)
        .ok();
    for (node, client) in ["client-a", "client-c"].into_iter().enumerate() {
        until("the ENI is gone", SOON, || {
            !cluster.fetch(client, &made.enis[node])
        });
    }
    let gone = cluster
        .calls(0)
        .call(Product::PrivateLink, "GetVpcEndpointAttribute", &id);
    assert_eq!(gone.status, 404, "{}", gone.body);
}

fn a_node_says_where_to_ask_about_what_it_has_not(cluster: &Cluster, made: &Made) {
    let daemon = cluster.daemons[0].as_ref().expect("it runs");
    let ask = |ip: &str| {
        let to = format!("{ip}:80");
        let argv = [
            "explain",
            "--from",
            address::CLIENT_A,
            "--to",
            &to,
            "--proto",
            "tcp",
        ];
        daemon.ctl(argv).expect("it must run")
    };
    let elsewhere = ask(&made.enis[1]);
    assert_eq!(elsewhere.status.code(), Some(2), "{elsewhere}");
    assert!(
        elsewhere.stderr.contains("of node node-2: ask there"),
        "{elsewhere}"
    );
    let here = ask(&made.enis[0]);
    assert!(here.ok(), "{here}");
}

fn both_follow_what_either_is_told(cluster: &Cluster, made: &Made) {
    for teller in [0, 1] {
        let calls = cluster.calls(teller);
        for (action, is_open) in [
            ("RevokeSecurityGroup", false),
            ("AuthorizeSecurityGroup", true),
        ] {
            rule(&calls, action, &made.group);
            for (node, client) in ["client-a", "client-c"].into_iter().enumerate() {
                until(action, SOON, || {
                    cluster.fetch(client, &made.enis[node]) == is_open
                });
            }
        }
    }
}

/// Endpoints that both nodes are told of at the same time have addresses of their own.
fn addresses_are_given_once(cluster: &Cluster, made: &Made) {
    const MAKERS: usize = 8;
    const EACH: usize = 5;
    let calls = [0, 1].map(|node| cluster.calls(node));
    let mut all: Vec<String> = Vec::new();
    std::thread::scope(|scope| {
        let makers: Vec<_> = (0..MAKERS)
            .map(|maker| {
                let calls = &calls[maker % 2];
                scope.spawn(move || (0..EACH).map(|_| made.another(calls)).collect::<Vec<_>>())
            })
            .collect();
        for maker in makers {
            all.extend(maker.join().expect("no panic"));
        }
    });
    let is_known = |id: &String| {
        let id = [("EndpointId", id.as_str())];
        let shown = calls[1].call(Product::PrivateLink, "GetVpcEndpointAttribute", &id);
        shown.status == 200
    };
    until("the other node has heard of all", SOON, || {
        all.iter().all(is_known)
    });
    let ip = |id: &String| {
        let id = [("EndpointId", id.as_str())];
        let zones = calls[1].call(Product::PrivateLink, "ListVpcEndpointZones", &id);
        let ip = zones.ok()["Zones"][0]["EniIp"].as_str().map(str::to_owned);
        ip.expect("an address")
    };
    let addresses: BTreeSet<_> = all.iter().map(ip).collect();
    assert_eq!(addresses.len(), MAKERS * EACH, "each its own");
    for (place, id) in all.iter().enumerate() {
        delete(&calls[place % 2], id);
    }
}

fn etcd_goes_and_comes_back(cluster: &mut Cluster, made: &Made) {
    let away = std::env::var("CONTROL_ETCD_AWAY").ok();
    let away = away.map_or(AWAY, |seconds| {
        Duration::from_secs(seconds.parse().expect("seconds"))
    });
    let mut standing = [
        Standing::open_in(&cluster.lab, "client-a", &made.enis[0]),
        Standing::open_in(&cluster.lab, "client-c", &made.enis[1]),
    ];
    let etcd = cluster.etcd.take().expect("it runs");
    etcd.signal("KILL").expect("is sent");
    assert!(etcd.wait(SOON).expect("can be awaited").is_some());
    drop(etcd);
    let gone = Instant::now();
    let mut refused = 0;
    while gone.elapsed() < away {
        for (node, client) in ["client-a", "client-c"].into_iter().enumerate() {
            assert!(cluster.fetch(client, &made.enis[node]), "new flows go on");
            assert_eq!(standing[node].ask(), "answered", "and old ones");
            let calls = cluster.calls(node);
            let asked = Instant::now();
            let write = calls.call(Product::Vpc, "CreateVpc", &[("CidrBlock", "10.0.0.0/16")]);
            assert_eq!(write.status, 503, "{}", write.body);
            assert_eq!(write.body["Code"], "ServiceUnavailable", "{}", write.body);
            assert!(
                asked.elapsed() < SOON,
                "it says so in time: {:?}",
                asked.elapsed()
            );
            refused += 1;
            let read = calls.call(Product::Vpc, "DescribeVpcs", &[]).ok();
            assert_eq!(read["TotalCount"], 1, "what is known is shown");
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    for node in [0, 1] {
        let fault = cluster.status(node)["store-fault"]
            .as_str()
            .map(str::to_owned);
        assert!(
            fault.is_some_and(|fault| fault.contains("not heard of")),
            "status says so"
        );
    }
    println!("etcd away for {away:?}: {refused} changes refused, all flows went on");
    cluster.etcd = Some(etcd_in(&cluster.lab));
    let back = Instant::now();
    for node in [0, 1] {
        until("status is quiet again", 2 * SOON, || {
            cluster.status(node)["store-fault"].is_null()
        });
        until("both are there, and current", 3 * SOON, || {
            cluster.sees(node, "node") == (true, true)
                && cluster.sees(node, "node-2") == (true, true)
        });
        let made =
            cluster
                .calls(node)
                .call(Product::Vpc, "CreateVpc", &[("CidrBlock", "10.0.0.0/16")]);
        let vpc = made.text("VpcId");
        let other = cluster.calls(1 - node);
        let of = [("VpcId", vpc.as_str())];
        until("the other node hears of it", SOON, || {
            other.call(Product::Vpc, "DescribeVpcs", &of).ok()["TotalCount"] == 1
        });
        cluster
            .calls(node)
            .call(Product::Vpc, "DeleteVpc", &of)
            .ok();
    }
    println!("{:.1?} after it came back all had healed", back.elapsed());
}

fn a_node_that_dies_is_not_waited_for(cluster: &mut Cluster, made: &Made) {
    let daemon = cluster.daemons[1].take().expect("it runs");
    daemon.process().signal("KILL").expect("is sent");
    assert!(
        daemon
            .process()
            .wait(SOON)
            .expect("can be awaited")
            .is_some()
    );
    drop(daemon);
    let died = Instant::now();
    until("its lease runs out", Duration::from_secs(25), || {
        !cluster.sees(0, "node-2").0
    });
    println!(
        "a dead node was known to be away after {:.1?}",
        died.elapsed()
    );
    let calls = cluster.calls(0);
    rule(&calls, "RevokeSecurityGroup", &made.group);
    until("the node that lives goes on", SOON, || {
        !cluster.fetch("client-a", &made.enis[0])
    });
    let another = made.another(&calls);
    until("what lives is what is waited for", SOON, || {
        is_active(&calls, &another)
    });
    delete(&calls, &another);
    cluster.start(1);
    assert!(
        !cluster.fetch("client-c", &made.enis[1]),
        "it knows what it has missed"
    );
    authorize(&cluster.calls(1), &made.group);
    for (node, client) in ["client-a", "client-c"].into_iter().enumerate() {
        until("both have it", SOON, || {
            cluster.fetch(client, &made.enis[node])
        });
    }
    until("it is there again", 3 * SOON, || {
        cluster.sees(0, "node-2") == (true, true)
    });
}
