//! A desk that keeps nothing, and calls to the operations over it.

use std::sync::Arc;

use endpoint_ctl::api::{ApiError, Call, Parameters, Product, Service as _};
use endpoint_ctl::document::Document;
use endpoint_ctl::model::{AccountId, Kind, NodeId};
use endpoint_ctl::operations::{Operations, Settings};
use endpoint_ctl::registry::{Apply, Change, Desk, Failed, Quotas, Refusal};
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

/// The region of the tests.
pub(crate) const REGION: &str = "cn-test";
/// Who calls, unless a test says otherwise.
pub(crate) const CONSUMER: &str = "1001";
/// Another account.
pub(crate) const PROVIDER: &str = "1002";

/// What is called.
pub(crate) struct Rig {
    runtime: Runtime,
    pub(crate) desk: Desk,
    operations: Operations,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::with(Quotas::default())
    }

    pub(crate) fn with(quotas: Quotas) -> Self {
        let runtime = Runtime::new().expect("makes a runtime");
        let desk = runtime
            .block_on(Desk::open(None, quotas, NodeId::new("test")))
            .expect("opens");
        let settings = Settings {
            region: REGION.to_owned(),
            domain: "privatelink.test".to_owned(),
        };
        let operations = Operations::new(desk.clone(), settings);
        Self {
            runtime,
            desk,
            operations,
        }
    }

    /// Puts all that is declared in force, as a daemon would.
    pub(crate) fn settle(&self) {
        let declared = Arc::clone(&self.desk.view().declared);
        self.desk.set_in_force(declared);
    }

    /// Applies a manifest whose resources belong to an account.
    pub(crate) fn apply(&self, account: &str, text: &str) {
        let apply = Apply {
            text: text.to_owned(),
            file: "manifest".to_owned(),
            name: format!("of {account}"),
            account: AccountId::new(account),
            prune: true,
            take_over: false,
        };
        let applied = self.desk.change(move |change| change.apply(&apply));
        self.runtime
            .block_on(applied)
            .unwrap_or_else(|error| panic!("{error}"));
    }

    /// A service of the provider's that lets the consumer in by itself, dual-stack, with zone affinity: its
    /// id is `epsrv-web`, its load balancer listens on TCP port 80.
    pub(crate) fn service(&self) {
        self.apply(
            PROVIDER,
            &format!(
                "
kind: ProviderNetwork
ProviderNetworkId: pnet
CidrBlock: 10.9.0.0/24
Ipv6CidrBlock: fd00:9::/64
Interface: pnet0
NatAddresses: [10.9.0.100, 'fd00:9::100']
---
kind: LoadBalancer
LoadBalancerId: nlb-web
ProviderNetworkId: pnet
Listeners:
  - ListenerProtocol: TCP
    ListenerPort: 80
    HealthCheckConfig: {{ HealthCheckEnabled: false }}
    Servers: [{{ ServerIp: 10.9.0.1, Port: 8080 }}]
---
kind: VpcEndpointService
ServiceId: epsrv-web
AddressIpVersion: DualStack
Resources: [{{ ResourceId: nlb-web, ResourceType: nlb }}]
Users: ['{CONSUMER}']
PrivateServiceDomain: api.example.com
"
            ),
        );
    }

    /// Security groups of the consumer's in a VPC.
    pub(crate) fn groups(&self, vpc: &str, ids: &[&str]) {
        let group = |id: &&str| {
            format!("kind: SecurityGroup\nSecurityGroupId: {id}\nVpcId: {vpc}\nPermissions: []\n")
        };
        let groups: Vec<_> = ids.iter().map(group).collect();
        self.apply(CONSUMER, &groups.join("---\n"));
    }

    /// Makes a change that is no call's.
    pub(crate) fn change<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Change) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        match self.runtime.block_on(self.desk.change(work)) {
            Ok(made) => Ok(made),
            Err(Failed::Refused(refusal)) => Err(refusal),
            Err(failed) => panic!("{failed:?}"),
        }
    }

    /// Calls as an account. `RegionId` is added unless it is given.
    pub(crate) fn call_as(
        &self,
        account: &str,
        product: Product,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Map<String, Value>, ApiError> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut flat: std::collections::BTreeMap<_, _> = parameters.iter().map(own).collect();
        flat.entry("RegionId".to_owned())
            .or_insert_with(|| REGION.to_owned());
        let call = Call {
            account: AccountId::new(account),
            product,
            action: action.to_owned(),
            parameters: Parameters::new(flat)?,
            request_id: "R".to_owned(),
        };
        self.runtime.block_on(self.operations.call(call))
    }

    /// Calls as the consumer; it must do well.
    pub(crate) fn call(
        &self,
        product: Product,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> Map<String, Value> {
        let answer = self.call_as(CONSUMER, product, action, parameters);
        answer.unwrap_or_else(|error| panic!("{action} {parameters:?}: {error:?}"))
    }

    /// Calls as the consumer; it must be refused with this code. The message.
    pub(crate) fn refused(
        &self,
        product: Product,
        action: &str,
        parameters: &[(&str, &str)],
        code: &str,
    ) -> String {
        match self.call_as(CONSUMER, product, action, parameters) {
            Ok(answer) => panic!("{action} {parameters:?} was not refused: {answer:?}"),
            Err(error) => {
                assert_eq!(
                    error.code, code,
                    "{action} {parameters:?}: {}",
                    error.message
                );
                error.message
            }
        }
    }

    /// Declares a resource of an account by its document, without an operation.
    pub(crate) fn declare(&self, account: &str, kind: Kind, id: &str, fields: Value) {
        let mut document = Document::new(kind, id);
        let Value::Object(fields) = fields else {
            panic!("{fields} is no object");
        };
        document.fields.extend(fields);
        let account = AccountId::new(account);
        let made = self
            .desk
            .change(move |change| change.create(&document, &account));
        self.runtime.block_on(made).expect("is declared");
    }

    /// A service of the provider's and an endpoint of the consumer's to it, with a group: the endpoint's id,
    /// and its network interface.
    pub(crate) fn endpoint(&self, vpc: &str, vswitch: &str, group: &str) -> (String, String) {
        let service = json!({ "ServiceName": "com.test.web", "Resources": [] });
        self.declare(PROVIDER, Kind::Service, "epsrv-web", service);
        let zones = json!([{ "ZoneId": "cn-test-a", "VSwitchId": vswitch }]);
        let endpoint = json!({
            "VpcId": vpc,
            "ServiceId": "epsrv-web",
            "SecurityGroupIds": [group],
            "Zones": zones,
        });
        self.declare(CONSUMER, Kind::Endpoint, "ep-web", endpoint);
        let view = self.desk.view();
        let zone = &view.model().endpoints["ep-web"].zones[0];
        ("ep-web".to_owned(), zone.eni.to_string())
    }

    /// A new VPC with IPv6 and a vSwitch in a zone: their ids.
    pub(crate) fn network(&self, zone: &str) -> (String, String) {
        let cidr = [("CidrBlock", "10.0.0.0/16"), ("EnableIpv6", "True")];
        let vpc = self.call(Product::Vpc, "CreateVpc", &cidr);
        let vpc = text(&vpc, "VpcId");
        let vswitch = self.vswitch(&vpc, zone, "10.0.1.0/24");
        (vpc, vswitch)
    }

    /// A new vSwitch of a VPC.
    pub(crate) fn vswitch(&self, vpc: &str, zone: &str, cidr: &str) -> String {
        let parameters = [("VpcId", vpc), ("ZoneId", zone), ("CidrBlock", cidr)];
        let vswitch = self.call(Product::Vpc, "CreateVSwitch", &parameters);
        text(&vswitch, "VSwitchId")
    }
}

/// A text of an answer.
pub(crate) fn text(answer: &Map<String, Value>, name: &str) -> String {
    let value = answer.get(name).and_then(Value::as_str);
    value
        .unwrap_or_else(|| panic!("no text {name} in {answer:?}"))
        .to_owned()
}
