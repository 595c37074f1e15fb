"""Ask the service at an address through the Python client of openapi-generator."""

import json
import sys

from openapi_client import ApiClient, ApiException, AttentionApi, Configuration
from openapi_client.models import SelfAttentionRequest

QUESTION = {
    "x": [[0, 1], [-1, 1]],
    "w_q": [["2*sqrt(2)"], ["sqrt(2)"]],
    "w_k": [[-2], [-1]],
    "w_v": [[-0.1], [0.3]],
    "scale": 1,
}

with ApiClient(Configuration(host=sys.argv[1])) as client:
    attention = AttentionApi(client)
    answer = attention.self_attention(SelfAttentionRequest.from_dict(QUESTION))
    output = answer.values.output.actual_instance
    try:
        attention.self_attention(SelfAttentionRequest.from_dict(QUESTION | {"w_q": [[1], [2], [3]]}))
    except ApiException as refusal:
        found = {"status": refusal.status, "pointer": json.loads(refusal.body)["errors"][0]["pointer"]}
    else:
        raise AssertionError("a wrong shape was accepted")
print(json.dumps({"output": output, **found}))
