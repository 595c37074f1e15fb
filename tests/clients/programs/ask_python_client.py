"""Ask the service at an address through the client of openapi-python-client."""

import json
import sys

from workings_client import Client
from workings_client.api.attention import self_attention
from workings_client.models import ProblemDetail, SelfAttentionRequest, SelfAttentionResponse

question = SelfAttentionRequest(
    x=[[0, 1], [-1, 1]],
    w_q=[["2*sqrt(2)"], ["sqrt(2)"]],
    w_k=[[-2], [-1]],
    w_v=[[-0.1], [0.3]],
    scale=1,
)
with Client(base_url=sys.argv[1]) as client:
    answer = self_attention.sync(client=client, body=question)
    assert isinstance(answer, SelfAttentionResponse), answer
    output = answer.values.output
    assert isinstance(output, list), output

    question.w_q = [[1], [2], [3]]
    response = self_attention.sync_detailed(client=client, body=question)
    problem = response.parsed
    assert isinstance(problem, ProblemDetail), problem
    pointer = problem.errors[0].pointer
print(json.dumps({"output": output, "status": response.status_code, "pointer": pointer}))
