"""Drives a node by alibabacloud_privatelink20200415, _ecs20140526 and _vpc20160428, unmodified, and once by
aliyun-python-sdk-privatelink, which signs by HMAC-SHA1.

    drive.py ADDRESS

Makes everything that an endpoint needs and the endpoint, asserts every answer field by field, and at some
points waits for the test that runs it, which sends traffic meanwhile. At the end it prints a table of all
operations that it called, and fails if one of PrivateLink's 39 is not among them."""

import importlib
import json
import sys
import time
import warnings

from alibabacloud_ecs20140526 import models as ecs
from alibabacloud_ecs20140526.client import Client as Ecs
from alibabacloud_privatelink20200415 import models as pl
from alibabacloud_privatelink20200415.client import Client as PrivateLink
from alibabacloud_tea_openapi import exceptions
from alibabacloud_tea_openapi import models as open_api
from alibabacloud_tea_util import models as util
from alibabacloud_vpc20160428 import models as vpc
from alibabacloud_vpc20160428.client import Client as Vpc
from darabonba.runtime import ExtendsParameters, RuntimeOptions

ADDRESS = sys.argv[1]
REGION = 'cn-test'
ZONE_A, ZONE_B = 'cn-test-a', 'cn-test-b'
DEFAULT_POLICY = '{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}'

TABLE = {}


class Caller:
    """The clients of an account. `of.operation(request, field=value, ...)` calls and asserts."""

    def __init__(self, key, secret):
        config = open_api.Config(access_key_id=key, access_key_secret=secret, endpoint=ADDRESS,
                                 protocol='http', region_id=REGION)
        self.clients = {'pl': (PrivateLink(config), pl), 'ecs': (Ecs(config), ecs), 'vpc': (Vpc(config), vpc)}

    def __call__(self, product, operation, *, own=None, expect=None, **fields):
        """Calls an operation with fields of its request; `own` are parameters that the SDK does not know."""
        client, models = self.clients[product]
        name = ''.join(part.capitalize() for part in operation.split('_'))
        name = {'CreateVswitch': 'CreateVSwitch', 'DeleteVswitch': 'DeleteVSwitch',
                'DescribeVswitches': 'DescribeVSwitches'}.get(name, name)
        call = {'create_vswitch': 'create_vswitch', 'describe_vswitches': 'describe_vswitches'}.get(operation, operation)
        arguments = []
        if hasattr(models, name + 'Request'):
            arguments.append(getattr(models, name + 'Request')(**fields))
        runtime = RuntimeOptions()
        if own:
            runtime.extends_parameters = ExtendsParameters(queries=own)
        answer = getattr(client, call + '_with_options')(*arguments, runtime)
        assert answer.status_code == 200, (name, answer.status_code)
        body = answer.body
        assert len(body.request_id) == 36, (name, body.request_id)
        row = TABLE.setdefault((product, name), [0, set()])
        row[0] += 1
        row[1].add('RequestId')
        for path, value in (expect or {}).items():
            found = look(body, path)
            assert found == value, f'{name}: {path} is {found!r}, not {value!r}'
            row[1].add(path)
        return body

    def refused(self, code, product, operation, **fields):
        try:
            self(product, operation, **fields)
        except exceptions.ClientException as error:
            assert error.code == code, f'{operation}: {error.code}, not {code}: {error.message}'
            for member in ('RequestId', 'HostId', 'Code', 'Message'):
                assert error.data[member], (operation, member)
            return error
        raise AssertionError(f'{operation} was not refused')


def look(body, path):
    """A field of an answer by its path, such as `zones.0.eni_ip`; `#` is a length."""
    found = body
    for part in path.split('.'):
        if part == '#':
            found = len(found or [])
        elif part.isdigit():
            found = found[int(part)]
        else:
            found = getattr(found, part)
    return found


def until(what, ask, limit=20):
    """Asks until it is so."""
    end = time.monotonic() + limit
    while True:
        found = ask()
        if found:
            return found
        assert time.monotonic() < end, f'{what}: not within {limit} s'
        time.sleep(0.05)


def pause(point, **facts):
    """Hands over to the test; it answers with a line."""
    print(json.dumps({'point': point, **facts}), flush=True)
    line = sys.stdin.readline()
    assert line.strip() == 'go on', line


consumer = Caller('consumer-key', 'consumer-secret')
provider = Caller('provider-key', 'provider-secret')


def network():
    """A VPC with vSwitches in two zones, a security group with rules, a network ACL."""
    made = consumer('vpc', 'create_vpc', region_id=REGION, cidr_block='10.0.0.0/16', vpc_name='lab',
                    enable_ipv_6=True)
    vpc_id = made.vpc_id
    until('the VPC is there', lambda: consumer(
        'vpc', 'describe_vpcs', region_id=REGION, vpc_id=vpc_id).vpcs.vpc[0].status == 'Available')
    consumer('vpc', 'describe_vpcs', region_id=REGION, vpc_id=vpc_id, expect={
        'total_count': 1, 'vpcs.vpc.0.vpc_id': vpc_id, 'vpcs.vpc.0.cidr_block': '10.0.0.0/16',
        'vpcs.vpc.0.vpc_name': 'lab', 'vpcs.vpc.0.region_id': REGION})
    vswitches = []
    for zone, cidr, interface, number in ((ZONE_A, '10.0.1.0/24', 'vsw-a', 1), (ZONE_B, '10.0.2.0/24', 'vsw-b', 2)):
        made = consumer('vpc', 'create_vswitch', region_id=REGION, vpc_id=vpc_id, zone_id=zone, cidr_block=cidr,
                        ipv_6cidr_block=number, own={'Interface': interface})
        vswitches.append(made.v_switch_id)
    consumer('vpc', 'describe_vswitches', region_id=REGION, vpc_id=vpc_id, expect={
        'total_count': 2, 'v_switches.v_switch.#': 2})

    group = consumer('ecs', 'create_security_group', region_id=REGION, vpc_id=vpc_id, security_group_name='web',
                     description='of the lab').security_group_id
    rule = ecs.AuthorizeSecurityGroupRequestPermissions
    consumer('ecs', 'authorize_security_group', region_id=REGION, security_group_id=group, permissions=[
        rule(ip_protocol='TCP', port_range='80/80', source_cidr_ip='10.0.0.0/16', priority='1', description='web'),
        rule(ip_protocol='ICMP', port_range='-1/-1', source_cidr_ip='10.0.0.0/16', policy='accept', priority='5')])
    shown = consumer('ecs', 'describe_security_group_attribute', region_id=REGION, security_group_id=group, expect={
        'security_group_id': group, 'vpc_id': vpc_id, 'inner_access_policy': 'Accept',
        'permissions.permission.#': 2})
    web = next(one for one in shown.permissions.permission if one.port_range == '80/80')
    assert (web.ip_protocol, web.source_cidr_ip, web.policy, web.priority, web.direction, web.description) == \
        ('TCP', '10.0.0.0/16', 'Accept', '1', 'ingress', 'web'), web.to_map()
    assert web.security_group_rule_id.startswith('sgr-'), web.security_group_rule_id

    acl = consumer('vpc', 'create_network_acl', region_id=REGION, vpc_id=vpc_id, network_acl_name='open').network_acl_id
    consumer('vpc', 'update_network_acl_entries', region_id=REGION, network_acl_id=acl,
             update_ingress_acl_entries=True, update_egress_acl_entries=True,
             ingress_acl_entries=[vpc.UpdateNetworkAclEntriesRequestIngressAclEntries(
                 policy='accept', protocol='all', port='-1/-1', source_cidr_ip='0.0.0.0/0',
                 network_acl_entry_name='in')],
             egress_acl_entries=[vpc.UpdateNetworkAclEntriesRequestEgressAclEntries(
                 policy='accept', protocol='all', port='-1/-1', destination_cidr_ip='0.0.0.0/0')])
    consumer('vpc', 'associate_network_acl', region_id=REGION, network_acl_id=acl, resource=[
        vpc.AssociateNetworkAclRequestResource(resource_id=vswitches[0], resource_type='VSwitch')])
    until('the ACL is bound', lambda: [one.status for one in consumer(
        'vpc', 'describe_network_acl_attributes', region_id=REGION, network_acl_id=acl)
        .network_acl_attribute.resources.resource] == ['BINDED'])
    return vpc_id, vswitches, group, acl


def service():
    """A service with a resource, that endpoints ask to be let in to."""
    provider('pl', 'open_private_link_service')
    provider('pl', 'check_product_open', expect={'success': True})
    provider('pl', 'describe_regions', expect={'regions.region.0.region_id': REGION})
    provider('pl', 'describe_zones', region_id=REGION)
    made = provider('pl', 'create_vpc_endpoint_service', region_id=REGION, service_description='the web',
                    auto_accept_enabled=False, zone_affinity_enabled=True, payer='EndpointService',
                    address_ip_version='DualStack', service_resource_type='nlb',
                    resource=[pl.CreateVpcEndpointServiceRequestResource(
                        resource_id='nlb-a', resource_type='nlb', zone_id=ZONE_A)],
                    tag=[pl.CreateVpcEndpointServiceRequestTag(key='team', value='web')],
                    expect={'service_status': 'Creating', 'auto_accept_enabled': False,
                            'zone_affinity_enabled': True, 'service_description': 'the web',
                            'address_ip_version': 'DualStack'})
    service_id = made.service_id
    provider('pl', 'attach_resource_to_vpc_endpoint_service', region_id=REGION, service_id=service_id,
             resource_id='nlb-b', resource_type='nlb', zone_id=ZONE_B)
    provider('pl', 'list_vpc_endpoint_service_resources', region_id=REGION, service_id=service_id, expect={
        'resources.#': 2, 'resources.0.resource_id': 'nlb-a', 'resources.0.resource_type': 'nlb',
        'resources.0.zone_id': ZONE_A, 'resources.0.auto_allocated_enabled': True})
    provider('pl', 'update_vpc_endpoint_service_resource_attribute', region_id=REGION, service_id=service_id,
             resource_id='nlb-b', zone_id=ZONE_B, auto_allocated_enabled=True)
    provider('pl', 'update_vpc_endpoint_service_attribute', region_id=REGION, service_id=service_id,
             service_description='the whole web', connect_bandwidth=1024)
    until('the service is active', lambda: provider(
        'pl', 'get_vpc_endpoint_service_attribute', region_id=REGION,
        service_id=service_id).service_status == 'Active')
    provider('pl', 'get_vpc_endpoint_service_attribute', region_id=REGION, service_id=service_id, expect={
        'service_id': service_id, 'service_description': 'the whole web', 'connect_bandwidth': 1024,
        'payer': 'EndpointService', 'service_business_status': 'Normal', 'zone_affinity_enabled': True,
        'region_id': REGION})
    provider('pl', 'list_vpc_endpoint_services', region_id=REGION, expect={
        'services.#': 1, 'services.0.service_id': service_id, 'services.0.tags.0.key': 'team'})
    nothing = consumer('pl', 'list_vpc_endpoint_services_by_end_user', region_id=REGION)
    assert not nothing.services, nothing
    provider('pl', 'add_user_to_vpc_endpoint_service', region_id=REGION, service_id=service_id, user_id='1001')
    provider('pl', 'add_user_to_vpc_endpoint_service', region_id=REGION, service_id=service_id, user_id='1003')
    provider('pl', 'remove_user_from_vpc_endpoint_service', region_id=REGION, service_id=service_id, user_id='1003')
    provider('pl', 'list_vpc_endpoint_service_users', region_id=REGION, service_id=service_id, expect={
        'users.#': 1, 'users.0.user_id': 1001})
    found = consumer('pl', 'list_vpc_endpoint_services_by_end_user', region_id=REGION, expect={
        'services.#': 1, 'services.0.service_id': service_id, 'services.0.vpc_endpoint_policy_supported': True})
    return service_id, found.services[0].service_name


def endpoint(vpc_id, vswitches, group, service_id, service_name):
    made = consumer(
        'pl', 'create_vpc_endpoint', region_id=REGION, vpc_id=vpc_id, service_name=service_name,
        endpoint_name='web-1', endpoint_description='of the lab', security_group_id=[group],
        address_ip_version='DualStack', client_token='once', zone_affinity_enabled=True,
        zone=[pl.CreateVpcEndpointRequestZone(zone_id=ZONE_A, v_switch_id=vswitches[0], ip='10.0.1.100')],
        tag=[pl.CreateVpcEndpointRequestTag(key='team', value='apps')],
        expect={'endpoint_status': 'Creating', 'connection_status': 'Disconnected', 'vpc_id': vpc_id,
                'service_id': service_id, 'service_name': service_name, 'endpoint_name': 'web-1',
                'bandwidth': 1024, 'zone_affinity_enabled': True, 'endpoint_business_status': 'Normal'})
    endpoint_id = made.endpoint_id
    until('the endpoint is active', lambda: consumer(
        'pl', 'get_vpc_endpoint_attribute', region_id=REGION, endpoint_id=endpoint_id).endpoint_status == 'Active')
    consumer('pl', 'get_vpc_endpoint_attribute', region_id=REGION, endpoint_id=endpoint_id, expect={
        'endpoint_id': endpoint_id, 'connection_status': 'Disconnected', 'endpoint_type': 'Interface',
        'address_ip_version': 'DualStack', 'payer': 'EndpointService', 'policy_document': DEFAULT_POLICY,
        'resource_owner': True, 'region_id': REGION, 'vpc_id': vpc_id, 'endpoint_description': 'of the lab',
        'endpoint_domain': f'{endpoint_id}.{service_id}.{REGION}.privatelink.lab'})
    consumer('pl', 'list_vpc_endpoint_zones', region_id=REGION, endpoint_id=endpoint_id, expect={
        'zones.#': 1, 'zones.0.eni_ip': '10.0.1.100', 'zones.0.zone_id': ZONE_A,
        'zones.0.v_switch_id': vswitches[0], 'zones.0.zone_status': 'Wait'})
    pause('waits to be let in')

    provider('pl', 'list_vpc_endpoint_connections', region_id=REGION, service_id=service_id, expect={
        'connections.#': 1, 'connections.0.endpoint_id': endpoint_id, 'connections.0.endpoint_owner_id': 1001,
        'connections.0.connection_status': 'Disconnected', 'connections.0.zones.#': 1})
    provider('pl', 'enable_vpc_endpoint_connection', region_id=REGION, service_id=service_id,
             endpoint_id=endpoint_id, bandwidth=2048)
    connected(endpoint_id)
    pause('is let in')

    provider('pl', 'disable_vpc_endpoint_zone_connection', region_id=REGION, service_id=service_id,
             endpoint_id=endpoint_id, zone_id=ZONE_A)
    zone_is(endpoint_id, 0, 'Disconnected')
    pause('zone is shut')
    provider('pl', 'enable_vpc_endpoint_zone_connection', region_id=REGION, service_id=service_id,
             endpoint_id=endpoint_id, zone_id=ZONE_A)
    zone_is(endpoint_id, 0, 'Connected')
    provider('pl', 'update_vpc_endpoint_connection_attribute', region_id=REGION, service_id=service_id,
             endpoint_id=endpoint_id, bandwidth=1024)
    provider('pl', 'update_vpc_endpoint_zone_connection_resource_attribute', region_id=REGION,
             service_id=service_id, endpoint_id=endpoint_id, zone_id=ZONE_A, resource_id='nlb-b',
             resource_type='nlb', resource_allocate_mode='Manual', resource_replace_mode='Force')
    moved = lambda: provider(  # noqa: E731
        'pl', 'list_vpc_endpoint_connections', region_id=REGION, service_id=service_id).connections[0].zones[0]
    until('the zone is moved', lambda: moved().zone_status == 'Connected')
    assert moved().resource_id == 'nlb-b', moved()
    pause('is led to the other load balancer')
    return endpoint_id


def connected(endpoint_id):
    until('the endpoint is connected', lambda: consumer(
        'pl', 'get_vpc_endpoint_attribute', region_id=REGION,
        endpoint_id=endpoint_id).connection_status == 'Connected')


def zone_is(endpoint_id, place, status):
    until(f'the zone is {status}', lambda: consumer(
        'pl', 'list_vpc_endpoint_zones', region_id=REGION,
        endpoint_id=endpoint_id).zones[place].zone_status == status)


def changes(endpoint_id, vpc_id, vswitches, group):
    """Zones, groups, policies, names, tags; each waits until it is in force."""
    consumer('pl', 'add_zone_to_vpc_endpoint', region_id=REGION, endpoint_id=endpoint_id, zone_id=ZONE_B,
             v_switch_id=vswitches[1], ip='10.0.2.100')
    zone_is(endpoint_id, 1, 'Connected')
    first = consumer('pl', 'list_vpc_endpoint_zones', region_id=REGION, endpoint_id=endpoint_id, max_results=1)
    assert (len(first.zones), first.total_count) == (1, 2) and first.next_token, first
    rest = consumer('pl', 'list_vpc_endpoint_zones', region_id=REGION, endpoint_id=endpoint_id, max_results=1,
                    next_token=first.next_token)
    assert len(rest.zones) == 1 and not rest.next_token, rest
    assert {first.zones[0].zone_id, rest.zones[0].zone_id} == {ZONE_A, ZONE_B}
    pause('has two zones')

    other = consumer('ecs', 'create_security_group', region_id=REGION, vpc_id=vpc_id,
                     security_group_name='closed').security_group_id
    rule = ecs.AuthorizeSecurityGroupRequestPermissions
    consumer('ecs', 'authorize_security_group', region_id=REGION, security_group_id=other, permissions=[
        rule(ip_protocol='TCP', port_range='80/80', source_cidr_ip='10.0.1.11/32', policy='drop', priority='1')])
    consumer('pl', 'attach_security_group_to_vpc_endpoint', region_id=REGION, endpoint_id=endpoint_id,
             security_group_id=other)
    attached = lambda: [one.security_group_status for one in consumer(  # noqa: E731
        'pl', 'list_vpc_endpoint_security_groups', region_id=REGION, endpoint_id=endpoint_id).security_groups]
    until('both are attached', lambda: attached() == ['Attached', 'Attached'])
    pause('client b is shut out')
    consumer('pl', 'detach_security_group_from_vpc_endpoint', region_id=REGION, endpoint_id=endpoint_id,
             security_group_id=other)
    until('one is attached', lambda: attached() == ['Attached'])
    consumer.refused('OperationDenied.LastSecurityGroup', 'pl', 'detach_security_group_from_vpc_endpoint',
                     region_id=REGION, endpoint_id=endpoint_id, security_group_id=group)
    consumer('ecs', 'delete_security_group', region_id=REGION, security_group_id=other)

    policy = json.dumps({'Version': '1', 'Statement': [
        {'Effect': 'Allow', 'Principal': '*', 'Action': '*', 'Resource': '*',
         'Condition': {'NotIpAddress': {'acs:SourceIp': ['10.0.1.11']}}}]})
    active = lambda: consumer('pl', 'get_vpc_endpoint_attribute', region_id=REGION,  # noqa: E731
                              endpoint_id=endpoint_id).endpoint_status == 'Active'
    consumer('pl', 'update_vpc_endpoint_attribute', region_id=REGION, endpoint_id=endpoint_id,
             policy_document=policy, endpoint_name='web-2', zone_affinity_enabled=False)
    until('the policy is in force', active)
    consumer('pl', 'get_vpc_endpoint_attribute', region_id=REGION, endpoint_id=endpoint_id, expect={
        'policy_document': policy, 'endpoint_name': 'web-2', 'zone_affinity_enabled': False})
    pause('client b is shut out by policy')
    consumer('pl', 'update_vpc_endpoint_attribute', region_id=REGION, endpoint_id=endpoint_id, reset_policy=True)
    until('the policy is the default', active)
    consumer('pl', 'get_vpc_endpoint_attribute', region_id=REGION, endpoint_id=endpoint_id, expect={
        'policy_document': DEFAULT_POLICY})
    pause('all are let in again')

    consumer('pl', 'tag_resources', region_id=REGION, resource_id=[endpoint_id], resource_type='VpcEndpoint',
             tag=[pl.TagResourcesRequestTag(key='stage', value='test')])
    consumer('pl', 'list_tag_resources', region_id=REGION, resource_type='VpcEndpoint', resource_id=[endpoint_id],
             expect={'tag_resources.#': 2})
    consumer('pl', 'untag_resources', region_id=REGION, resource_id=[endpoint_id], resource_type='VpcEndpoint',
             tag_key=['stage'])
    consumer('pl', 'list_vpc_endpoints', region_id=REGION, max_results=50,
             tag=[pl.ListVpcEndpointsRequestTag(key='team', value='apps')], expect={
                 'endpoints.#': 1, 'total_count': 1, 'endpoints.0.endpoint_id': endpoint_id,
                 'endpoints.0.endpoint_name': 'web-2', 'endpoints.0.tags.#': 1, 'endpoints.0.vpc_id': vpc_id})
    consumer('pl', 'change_resource_group', resource_id=endpoint_id, resource_group_id='rg-1')

    managed = consumer('ecs', 'describe_security_groups', region_id=REGION, service_managed=True)
    managed = managed.security_groups.security_group
    assert len(managed) == 1 and managed[0].service_managed, managed
    consumer.refused('InvalidOperation.ResourceManagedByCloudProduct', 'ecs', 'delete_security_group',
                     region_id=REGION, security_group_id=managed[0].security_group_id)


def old_sdk(vpc_id, vswitches, group, service_id, known):
    """The older SDK makes an endpoint of its own, changes it, sees both, and deletes it."""
    warnings.simplefilter('ignore')
    from aliyunsdkcore.client import AcsClient
    client = AcsClient('consumer-key', 'consumer-secret', REGION)

    def ask(operation, **fields):
        module = importlib.import_module(f'aliyunsdkprivatelink.request.v20200415.{operation}Request')
        request = getattr(module, operation + 'Request')()
        request.set_endpoint(ADDRESS)
        request.set_protocol_type('http')
        for name, value in fields.items():
            getattr(request, 'set_' + name)(value)
        answer = json.loads(client.do_action_with_exception(request))
        assert len(answer['RequestId']) == 36, answer
        return answer

    made = ask('CreateVpcEndpoint', VpcId=vpc_id, ServiceId=service_id, EndpointName='older',
               SecurityGroupIds=[group], Zones=[{'ZoneId': ZONE_A, 'VSwitchId': vswitches[0]}])
    assert made['EndpointName'] == 'older' and made['ServiceId'] == service_id, made
    older = made['EndpointId']
    ask('UpdateVpcEndpointAttribute', EndpointId=older, EndpointName='older-still')
    shown = ask('GetVpcEndpointAttribute', EndpointId=older)
    assert shown['EndpointName'] == 'older-still' and shown['VpcId'] == vpc_id, shown
    zones = ask('ListVpcEndpointZones', EndpointId=older)['Zones']
    assert [zone['ZoneId'] for zone in zones] == [ZONE_A] and zones[0]['EniIp'].startswith('10.0.1.'), zones
    listed = ask('ListVpcEndpoints')['Endpoints']
    assert {one['EndpointId'] for one in listed} == {known, older}, listed
    ask('DeleteVpcEndpoint', EndpointId=older)
    until('the older one is gone', lambda: len(ask('ListVpcEndpoints')['Endpoints']) == 1)


def flow_log(vpc_id):
    made = consumer('vpc', 'create_flow_log', region_id=REGION, resource_type='VPC', resource_id=vpc_id,
                    traffic_type='All', project_name='lab', log_store_name='flows', flow_log_name='all',
                    aggregation_interval=1)
    assert made.success == 'true', made
    until('the flow log is active', lambda: [one.status for one in consumer(
        'vpc', 'describe_flow_logs', region_id=REGION).flow_logs.flow_log] == ['Active'])
    consumer('vpc', 'describe_flow_logs', region_id=REGION, expect={
        'flow_logs.flow_log.#': 1, 'flow_logs.flow_log.0.flow_log_id': made.flow_log_id,
        'flow_logs.flow_log.0.status': 'Active', 'flow_logs.flow_log.0.traffic_type': 'All'})
    return made.flow_log_id


def take_down(vpc_id, vswitches, group, acl, service_id, endpoint_id, flow_log_id):
    provider.refused('EndpointServiceConnectionDependence', 'pl', 'delete_vpc_endpoint_service',
                     region_id=REGION, service_id=service_id)
    provider('pl', 'disable_vpc_endpoint_connection', region_id=REGION, service_id=service_id,
             endpoint_id=endpoint_id)
    until('the endpoint is shut out', lambda: consumer(
        'pl', 'get_vpc_endpoint_attribute', region_id=REGION,
        endpoint_id=endpoint_id).connection_status == 'Disconnected')
    provider('pl', 'enable_vpc_endpoint_connection', region_id=REGION, service_id=service_id,
             endpoint_id=endpoint_id)
    connected(endpoint_id)
    consumer('pl', 'remove_zone_from_vpc_endpoint', region_id=REGION, endpoint_id=endpoint_id, zone_id=ZONE_B)
    pause('is about to be deleted')
    consumer('pl', 'delete_vpc_endpoint', region_id=REGION, endpoint_id=endpoint_id)

    def is_gone():
        try:
            status = consumer('pl', 'get_vpc_endpoint_attribute', region_id=REGION,
                              endpoint_id=endpoint_id).endpoint_status
            assert status == 'Deleting', status
            return False
        except exceptions.ClientException as error:
            assert error.code == 'EndpointNotFound', error.code
            return True
    until('the endpoint is gone', is_gone)
    pause('is deleted')
    for zone, resource in ((ZONE_A, 'nlb-a'), (ZONE_B, 'nlb-b')):
        provider('pl', 'detach_resource_from_vpc_endpoint_service', region_id=REGION, service_id=service_id,
                 resource_id=resource, resource_type='nlb', zone_id=zone)
    provider('pl', 'delete_vpc_endpoint_service', region_id=REGION, service_id=service_id)
    consumer('vpc', 'delete_flow_log', region_id=REGION, flow_log_id=flow_log_id)
    consumer.refused('NetworkAclExistBinding', 'vpc', 'delete_network_acl', region_id=REGION, network_acl_id=acl)
    consumer('vpc', 'unassociate_network_acl', region_id=REGION, network_acl_id=acl, resource=[
        vpc.UnassociateNetworkAclRequestResource(resource_id=vswitches[0], resource_type='VSwitch')])
    consumer('vpc', 'delete_network_acl', region_id=REGION, network_acl_id=acl)
    consumer('ecs', 'delete_security_group', region_id=REGION, security_group_id=group)
    for vswitch in vswitches:
        consumer('vpc', 'delete_vswitch', region_id=REGION, v_switch_id=vswitch)
    consumer('vpc', 'delete_vpc', region_id=REGION, vpc_id=vpc_id)
    left = consumer('vpc', 'describe_vpcs', region_id=REGION)
    assert left.total_count == 0, left


def print_table():
    operations = {name[:-len('Response')] for name in dir(pl) if name.endswith('Response')}
    print('operation'.ljust(58), 'calls  asserted')
    for (product, name), (count, fields) in sorted(TABLE.items()):
        print(f'{product}:{name}'.ljust(58), f'{count:5}  {" ".join(sorted(fields))}')
    called = {name for (product, name) in TABLE if product == 'pl'}
    missing = operations - called
    print(len(called), "of PrivateLink's", len(operations), 'operations were called')
    assert not missing, missing
    assert len(operations) == 39, len(operations)


vpc_id, vswitches, group, acl = network()
service_id, service_name = service()
endpoint_id = endpoint(vpc_id, vswitches, group, service_id, service_name)
changes(endpoint_id, vpc_id, vswitches, group)
old_sdk(vpc_id, vswitches, group, service_id, endpoint_id)
flow_log_id = flow_log(vpc_id)
take_down(vpc_id, vswitches, group, acl, service_id, endpoint_id, flow_log_id)
print_table()
print('the older SDK made an endpoint, changed, listed and deleted it')
print('all as it should be')
