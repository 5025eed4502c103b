"""Drives the API by aliyun-python-sdk-core and aliyun-python-sdk-privatelink, unmodified.

    old_sdk.py ADDRESS"""

import json
import sys
import warnings

warnings.simplefilter('ignore')

from aliyunsdkcore.acs_exception.exceptions import ServerException  # noqa: E402
from aliyunsdkcore.client import AcsClient  # noqa: E402
from aliyunsdkprivatelink.request.v20200415.CreateVpcEndpointRequest import CreateVpcEndpointRequest  # noqa: E402
from aliyunsdkprivatelink.request.v20200415.ListVpcEndpointsRequest import ListVpcEndpointsRequest  # noqa: E402
from aliyunsdkprivatelink.request.v20200415.TagResourcesRequest import TagResourcesRequest  # noqa: E402

ADDRESS = sys.argv[1]
REGION = 'cn-hangzhou'


def ask(request, key='key-1', secret='secret-1'):
    request.set_endpoint(ADDRESS)
    request.set_protocol_type('http')
    client = AcsClient(key, secret, REGION)
    answer = json.loads(client.do_action_with_exception(request))
    assert len(answer['RequestId']) == 36, answer
    print('ok  ', request.get_action_name())
    return answer


def refused(code, status, request, **by):
    try:
        ask(request, **by)
    except ServerException as error:
        assert error.get_error_code() == code, error
        assert error.get_http_status() == status, error
        assert len(error.get_request_id()) == 36, error
        print('ok  ', request.get_action_name(), 'refused:', code)
        return
    raise AssertionError(f'{request.get_action_name()} was not refused')


request = CreateVpcEndpointRequest()
request.set_VpcId('vpc-1')
request.set_EndpointName('web 1*~ é/+%')
request.set_DryRun(False)
request.add_query_param('ZoneAffinityEnabled', 'True')
request.add_query_param('PolicyDocument', '{"Version": "1", "Statement": []}')
request.set_SecurityGroupIds(['sg-1', 'sg-2'])
request.set_Zones([{'ZoneId': REGION + '-b', 'VSwitchId': 'vsw-1', 'ip': '10.0.0.10'},
                   {'ZoneId': REGION + '-g', 'VSwitchId': 'vsw-2'}])
answer = ask(request)
assert answer['Parameters']['EndpointName'] == 'web 1*~ é/+%', answer

request = TagResourcesRequest()
request.add_body_params('ResourceId.1', 'ep-1')
request.add_body_params('ResourceType', 'VpcEndpoint')
request.add_body_params('Tag.1.Key', 'a b')
request.add_body_params('Tag.1.Value', '*~/é')
request.add_body_params('Tag.2.Key', 'k')
request.add_body_params('Tag.2.Value', '')
ask(request)

request = ListVpcEndpointsRequest()
request.set_MaxResults(50)
answer = ask(request)
assert answer['Endpoints'][0]['EndpointId'] == 'ep-1', answer

# It tells a wrong secret by the string to sign that the server says, being its own.
refused('InvalidAccessKeySecret', 400, ListVpcEndpointsRequest(), secret='wrong')
refused('InvalidAccessKeyId.NotFound', 404, ListVpcEndpointsRequest(), key='nobody')
print('all as it should be')
