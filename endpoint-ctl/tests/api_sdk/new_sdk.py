"""Drives the API by alibabacloud_privatelink20200415, _ecs20140526 and _vpc20160428, unmodified.

    new_sdk.py ADDRESS [--async | --v2]

The service echoes; what it was asked stands in fields of its answers."""

import asyncio
import json
import sys

from alibabacloud_ecs20140526 import models as ecs
from alibabacloud_ecs20140526.client import Client as Ecs
from alibabacloud_privatelink20200415 import models as pl
from alibabacloud_privatelink20200415.client import Client as PrivateLink
from alibabacloud_tea_openapi import exceptions
from alibabacloud_tea_openapi import models as open_api
from alibabacloud_vpc20160428 import models as vpc
from alibabacloud_vpc20160428.client import Client as Vpc

ADDRESS, OPTIONS = sys.argv[1], sys.argv[2:]
REGION = 'cn-hangzhou'


def config(key='key-1', secret='secret-1', endpoint=ADDRESS):
    made = open_api.Config(access_key_id=key, access_key_secret=secret, endpoint=endpoint,
                           protocol='http', region_id=REGION)
    if '--v2' in OPTIONS:
        made.signature_algorithm = 'v2'
    return made


def ask(client, operation, request):
    """Calls an operation, in the way that the options say; its body."""
    if '--async' in OPTIONS:
        answer = asyncio.run(getattr(client, operation + '_async')(request))
    else:
        answer = getattr(client, operation)(request)
    assert answer.status_code == 200, answer.status_code
    assert len(answer.body.request_id) == 36, answer.body.request_id
    print('ok  ', operation)
    return answer.body


def refused(kind, code, client, operation, request):
    """The error of an operation that must fail."""
    try:
        ask(client, operation, request)
    except kind as error:
        assert error.code == code, error.code
        assert len(error.request_id) == 36, error.request_id
        for name in ('RequestId', 'HostId', 'Code', 'Message', 'Recommend'):
            assert error.data[name], name
        print('ok  ', operation, 'refused:', code)
        return error
    raise AssertionError(f'{operation} was not refused')


def privatelink(client):
    made = ask(client, 'create_vpc_endpoint', pl.CreateVpcEndpointRequest(
        region_id=REGION, vpc_id='vpc-1', endpoint_name='web 1*~ é/+%', endpoint_description='',
        dry_run=False, zone_affinity_enabled=True,
        policy_document='{"Version": "1", "Statement": []}',
        security_group_id=['sg-1', 'sg-2'],
        zone=[pl.CreateVpcEndpointRequestZone(zone_id=REGION + '-b', v_switch_id='vsw-1', ip='10.0.0.10'),
              pl.CreateVpcEndpointRequestZone(zone_id=REGION + '-g', v_switch_id='vsw-2')]))
    echo = json.loads(made.endpoint_id)
    assert echo['Action'] == 'CreateVpcEndpoint', echo
    assert echo['Parameters']['EndpointName'] == 'web 1*~ é/+%', echo

    ask(client, 'tag_resources', pl.TagResourcesRequest(
        region_id=REGION, resource_id=['ep-1'], resource_type='VpcEndpoint',
        tag=[pl.TagResourcesRequestTag(key='a b', value='*~/é'),
             pl.TagResourcesRequestTag(key='k', value='')]))

    listed = ask(client, 'list_vpc_endpoints', pl.ListVpcEndpointsRequest(region_id=REGION, max_results=50))
    assert listed.total_count == 1, listed
    assert listed.endpoints[0].endpoint_id == 'ep-1', listed
    assert json.loads(listed.endpoints[0].endpoint_name)['Parameters']['MaxResults'] == '50'


def others():
    made = ask(Ecs(config()), 'authorize_security_group', ecs.AuthorizeSecurityGroupRequest(
        region_id=REGION, security_group_id='sg-1', permissions=[
            ecs.AuthorizeSecurityGroupRequestPermissions(
                ip_protocol='TCP', port_range='80/80', source_cidr_ip='10.0.0.0/8', priority='1'),
            ecs.AuthorizeSecurityGroupRequestPermissions(
                ip_protocol='ALL', port_range='-1/-1', ipv_6source_cidr_ip='::/0', policy='drop')]))
    assert made is not None
    ask(Vpc(config()), 'update_network_acl_entries', vpc.UpdateNetworkAclEntriesRequest(
        region_id=REGION, network_acl_id='nacl-1', update_ingress_acl_entries=True,
        ingress_acl_entries=[vpc.UpdateNetworkAclEntriesRequestIngressAclEntries(
            policy='accept', protocol='tcp', port='443/443', source_cidr_ip='0.0.0.0/0')]))


def errors():
    regions = pl.DescribeRegionsRequest()
    refused(exceptions.ClientException, 'SignatureDoesNotMatch',
            PrivateLink(config(secret='wrong')), 'describe_regions', regions)
    refused(exceptions.ClientException, 'InvalidAccessKeyId.NotFound',
            PrivateLink(config(key='nobody')), 'describe_regions', regions)
    refused(exceptions.ClientException, 'InvalidAccessKeyId.Inactive',
            PrivateLink(config(key='key-off', secret='secret-off')), 'describe_regions', regions)
    told = refused(exceptions.ClientException, 'InvalidTag',
                   PrivateLink(config()), 'list_vpc_endpoints',
                   pl.ListVpcEndpointsRequest(region_id=REGION, next_token='t', tag=[
                       pl.ListVpcEndpointsRequestTag(key='a')] * 1001))
    assert told.status_code == 400, told.status_code
    refused(exceptions.ClientException, 'InvalidSecurityToken.NotSupported',
            PrivateLink(open_api.Config(
                access_key_id='key-1', access_key_secret='secret-1', security_token='token', type='sts',
                endpoint=ADDRESS, protocol='http', region_id=REGION)),
            'describe_regions', regions)


def throttled():
    """A key that may send five requests a second."""
    client = PrivateLink(config(key='key-slow', secret='secret-slow'))
    wrong = pl.ListVpcEndpointsRequest(region_id=REGION, tag=[pl.ListVpcEndpointsRequestTag(key='a')] * 1001)
    for _ in range(40):
        try:
            client.list_vpc_endpoints(wrong)
        except exceptions.ThrottlingException as error:
            assert error.code == 'Throttling.User', error.code
            assert 1 <= error.retry_after <= 201, error.retry_after
            print('ok   throttled, to come again in', error.retry_after, 'ms')
            return
        except exceptions.ClientException as error:
            assert error.code == 'InvalidTag', error.code
    raise AssertionError('nothing was throttled')


privatelink(PrivateLink(config()))
others()
errors()
throttled()
print('all as it should be')
