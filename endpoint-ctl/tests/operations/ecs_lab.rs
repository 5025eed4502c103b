//! A security group to write rules into.

use endpoint_ctl::api::Product::Ecs;
use serde_json::Value;

use crate::ecs_groups::group;
use crate::rig::Rig;

/// A group to write rules into.
pub(crate) struct Lab {
    pub(crate) rig: Rig,
    pub(crate) vpc: String,
    pub(crate) group: String,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let rig = Rig::new();
        let (vpc, _) = rig.network("cn-test-a");
        let group = group(&rig, &vpc, "web");
        Self { rig, vpc, group }
    }

    pub(crate) fn with<'p>(&'p self, parameters: &[(&'p str, &'p str)]) -> Vec<(&'p str, &'p str)> {
        let group = [("SecurityGroupId", self.group.as_str())];
        group.iter().chain(parameters).copied().collect()
    }

    #[track_caller]
    pub(crate) fn call(&self, action: &str, parameters: &[(&str, &str)]) {
        let answer = self.rig.call(Ecs, action, &self.with(parameters));
        assert!(answer.is_empty(), "{action} answers {answer:?}");
    }

    #[track_caller]
    pub(crate) fn refused(&self, action: &str, parameters: &[(&str, &str)], code: &str) -> String {
        self.rig.refused(Ecs, action, &self.with(parameters), code)
    }

    pub(crate) fn shown(&self, parameters: &[(&str, &str)]) -> Vec<Value> {
        let parameters = self.with(parameters);
        let answer = self
            .rig
            .call(Ecs, "DescribeSecurityGroupAttribute", &parameters);
        answer["Permissions"]["Permission"]
            .as_array()
            .expect("a list")
            .clone()
    }

    /// The fields of the rules that have a value, beside those that all have.
    pub(crate) fn said(&self) -> Vec<Value> {
        let mut rules = self.shown(&[]);
        for rule in &mut rules {
            let fields = rule.as_object_mut().expect("an object");
            fields.retain(|name, value| {
                let common =
                    ["SecurityGroupRuleId", "NicType", "CreateTime"].contains(&name.as_str());
                !common && *value != "" && !(name == "SourcePortRange" && *value == "-1/-1")
            });
        }
        rules
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        let rules = self.shown(&[]);
        let ids = rules
            .iter()
            .map(|rule| rule["SecurityGroupRuleId"].as_str());
        ids.map(|id| id.expect("text").to_owned()).collect()
    }
}

/// A rule.
pub(crate) const HTTP: [(&str, &str); 3] = [
    ("Permissions.1.IpProtocol", "tcp"),
    ("Permissions.1.PortRange", "80/80"),
    ("Permissions.1.SourceCidrIp", "10.0.0.0/8"),
];
