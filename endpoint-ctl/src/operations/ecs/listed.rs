//! Security groups as `DescribeSecurityGroups` lists them, those that come with endpoints among them (row F34).
//!
//! May import: std, serde_json, api, model, registry, operations' own.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::api::{ApiError, Reader};
use crate::model::{AccountId, EndpointId, Kind, Peer, SecurityGroup, SecurityGroupType};
use crate::operations::answers::{created, description, has_tags, members, name};
use crate::operations::names;
use crate::operations::paging::{NumberedPage, TokenPage};
use crate::operations::{Answer, Request};
use crate::registry::{Registry, View};

/// `ServiceID` of what the endpoint service manages: a number that means nothing but that.
const SERVICE_ID: u64 = 20_200_415;
/// Groups that one call names.
const MOST_NAMED: usize = 100;
/// The largest page, and what a page is otherwise.
const LARGEST_PAGE: usize = 100;
const PAGE: usize = 10;

/// A group, and the endpoint that it came with.
type Listed<'r> = (&'r SecurityGroup, Option<&'r EndpointId>);

/// `DescribeSecurityGroups`.
pub(super) fn describe(view: &View, request: &Request<'_>) -> Answer {
    let mut reader = request.reader();
    let registry = &*view.declared;
    let wanted = Wanted::read(&mut reader)?;
    let by_token = [reader.has("MaxResults"), reader.has("NextToken")].contains(&true);
    let tokens = TokenPage::read(&mut reader, 1..=LARGEST_PAGE, PAGE)?;
    let numbers = NumberedPage::read(&mut reader, LARGEST_PAGE, PAGE)?;
    if reader.boolean("DryRun")? == Some(true) {
        return Err(ApiError::new(
            400,
            "DryRunOperation",
            "Request validation has been passed with DryRun flag set.",
        ));
    }
    reader.finish();
    let all = of_account(registry, request.account);
    let found: Vec<_> = all
        .into_values()
        .filter(|one| wanted.has(registry, *one))
        .collect();
    let total = found.len();
    let (page, token) = if by_token {
        tokens.cut(found, |(group, _)| group.id.to_string())
    } else {
        (numbers.cut(found), String::new())
    };
    let groups: Vec<_> = page.into_iter().map(|one| shown(registry, one)).collect();
    let mut answer = members(json!({
        "RegionId": request.settings.region,
        "TotalCount": total,
        "NextToken": token,
        "SecurityGroups": { "SecurityGroup": groups },
    }));
    if !by_token {
        answer.insert("PageNumber".to_owned(), numbers.number.into());
        answer.insert("PageSize".to_owned(), numbers.size.into());
    }
    Ok(answer)
}

/// All groups that an account has to do with, by their ids.
fn of_account<'r>(registry: &'r Registry, account: &'r AccountId) -> BTreeMap<&'r str, Listed<'r>> {
    let model = &registry.model;
    let own = registry.ids_of(Kind::SecurityGroup, account);
    let own = own.filter_map(|id| Some((id, (model.security_groups.get(id)?, None))));
    let endpoints = registry.ids_of(Kind::Endpoint, account);
    let managed = endpoints.filter_map(|id| {
        let endpoint = model.endpoints.get(id)?;
        let group = model.security_groups.get(&endpoint.managed_group)?;
        Some((group.id.as_str(), (group, Some(&endpoint.id))))
    });
    own.chain(managed).collect()
}

/// What is asked for.
#[derive(Debug)]
struct Wanted<'p> {
    ids: Option<Vec<String>>,
    id: Option<&'p str>,
    vpc: Option<&'p str>,
    name: Option<&'p str>,
    is_fuzzy: bool,
    group_type: Option<&'p str>,
    network_type: Option<&'p str>,
    managed: Option<bool>,
    tags: Vec<(&'p str, &'p str)>,
}

impl<'p> Wanted<'p> {
    fn read(reader: &mut Reader<'p>) -> Result<Self, ApiError> {
        let mut given =
            |name| Ok::<_, ApiError>(reader.text(name)?.filter(|text| !text.is_empty()));
        let [id, vpc, name, group_type, network_type] = [
            given("SecurityGroupId")?,
            given("VpcId")?,
            given("SecurityGroupName")?,
            given("SecurityGroupType")?,
            given("NetworkType")?,
        ];
        let ids = given("SecurityGroupIds")?;
        Ok(Self {
            ids: ids.map(|ids| read_ids(reader, ids)).transpose()?,
            id,
            vpc,
            name,
            is_fuzzy: reader.boolean("FuzzyQuery")?.unwrap_or(false),
            group_type,
            network_type,
            managed: reader.boolean("ServiceManaged")?,
            tags: names::pairs(reader)?,
        })
    }

    fn has(&self, registry: &Registry, (group, _): Listed<'_>) -> bool {
        let id = group.id.as_str();
        let called = name(registry, Kind::SecurityGroup, id);
        let is_called =
            |wanted: &str| called == wanted || (self.is_fuzzy && called.contains(wanted));
        let word = type_word(group.group_type);
        self.ids
            .as_ref()
            .is_none_or(|ids| ids.iter().any(|one| one == id))
            && self.id.is_none_or(|wanted| wanted == id)
            && self.vpc.is_none_or(|vpc| group.vpc.as_str() == vpc)
            && self.name.is_none_or(is_called)
            && self
                .group_type
                .is_none_or(|wanted| word.eq_ignore_ascii_case(wanted))
            && self
                .network_type
                .is_none_or(|wanted| wanted.eq_ignore_ascii_case("vpc"))
            && self
                .managed
                .is_none_or(|managed| group.service_managed == managed)
            && has_tags(registry, Kind::SecurityGroup, id, &self.tags)
    }
}

/// `SecurityGroupIds`: a list as JSON.
fn read_ids(reader: &Reader<'_>, given: &str) -> Result<Vec<String>, ApiError> {
    const FIELD: &str = "SecurityGroupIds";
    let ids: Vec<String> = serde_json::from_str(given)
        .map_err(|error| reader.invalid(FIELD, &format!("it is no JSON list of ids: {error}")))?;
    if ids.len() > MOST_NAMED {
        let why = format!("it has {} ids, and {MOST_NAMED} are the most", ids.len());
        return Err(reader.invalid(FIELD, &why));
    }
    Ok(ids)
}

fn shown(registry: &Registry, (group, endpoint): Listed<'_>) -> Value {
    let (kind, id) = (Kind::SecurityGroup, group.id.as_str());
    let created = match endpoint {
        None => created(registry, kind, id),
        Some(endpoint) => created(registry, Kind::Endpoint, endpoint.as_str()),
    };
    let of_groups = group.rules.iter();
    let of_groups = of_groups.filter(|rule| matches!(rule.peer, Peer::Group(_)));
    let mut shown = json!({
        "SecurityGroupId": id,
        "SecurityGroupName": name(registry, kind, id),
        "SecurityGroupType": type_word(group.group_type),
        "VpcId": group.vpc.as_str(),
        "Description": description(registry, kind, id),
        "CreationTime": created,
        "RuleCount": group.rules.len(),
        "GroupToGroupRuleCount": of_groups.count(),
        "ServiceManaged": group.service_managed,
        "ResourceGroupId": "",
        "Tags": { "Tag": tags(registry, kind, id) },
    });
    if let Some(endpoint) = endpoint {
        shown["ServiceID"] = SERVICE_ID.into();
        shown["SecurityGroupName"] = id.into();
        shown["Description"] = about_managed(endpoint).into();
    }
    shown
}

/// What a managed group is described as.
pub(super) fn about_managed(endpoint: &EndpointId) -> String {
    format!("Managed: it comes with {endpoint} and goes with it")
}

/// Tags of a resource as ECS shows them: `[{"TagKey":..., "TagValue":...}]`.
pub(super) fn tags(registry: &Registry, kind: Kind, id: &str) -> Vec<Value> {
    let about = registry.model.about(kind, id);
    let tags = about.into_iter().flat_map(|about| &about.tags);
    tags.map(|(key, value)| json!({ "TagKey": key, "TagValue": value }))
        .collect()
}

fn type_word(group_type: SecurityGroupType) -> &'static str {
    match group_type {
        SecurityGroupType::Normal => "normal",
        SecurityGroupType::Enterprise => "enterprise",
    }
}
