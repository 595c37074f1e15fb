"""The usual alternative: FastAPI with lists of floats, and PyTorch."""

import torch
from fastapi import FastAPI
from pydantic import BaseModel

torch.set_num_threads(1)
app = FastAPI()
Matrix = list[list[float]]


class Question(BaseModel):
    """Self-attention with one head."""

    x: Matrix
    w_q: Matrix
    w_k: Matrix
    w_v: Matrix
    scale: float = 1.0


class Batch(BaseModel):
    """A batch of sequences."""

    x: list[Matrix]
    w_q: Matrix
    w_k: Matrix
    w_v: Matrix
    scale: float = 1.0


class WithUpstream(Question):
    """A question with an upstream gradient of the output."""

    upstream: Matrix


class Output(BaseModel):
    """The output alone."""

    output: Matrix


class BatchOutput(BaseModel):
    """The outputs of a batch."""

    output: list[Matrix]


class Gradients(Output):
    """The output and the gradients of the inputs."""

    gradients: dict[str, Matrix]


def attend(inputs: list[torch.Tensor], scale: float) -> torch.Tensor:
    """Compute attention in the usual four lines."""
    x, w_q, w_k, w_v = inputs
    scores = scale * (x @ w_q) @ (x @ w_k).transpose(-1, -2)
    return torch.softmax(scores, dim=-1) @ (x @ w_v)


def tensors(question: Question | Batch) -> list[torch.Tensor]:
    sent = (question.x, question.w_q, question.w_k, question.w_v)
    return [torch.tensor(one, dtype=torch.float64) for one in sent]


@app.post("/threaded")
def in_thread(question: Question) -> Output:
    """Answer in a thread, like FastAPI for a plain function."""
    return Output(output=attend(tensors(question), question.scale).tolist())


@app.post("/direct")
async def direct(question: Question) -> Output:
    """Answer on the event loop."""
    return Output(output=attend(tensors(question), question.scale).tolist())


@app.post("/batch")
def batch(question: Batch) -> BatchOutput:
    """Answer many sequences at once."""
    return BatchOutput(output=attend(tensors(question), question.scale).tolist())


@app.post("/gradients")
def gradients(question: WithUpstream) -> Gradients:
    """Return the output and the gradients."""
    inputs = [one.requires_grad_() for one in tensors(question)]
    output = attend(inputs, question.scale)
    torch.autograd.backward(output, torch.tensor(question.upstream, dtype=torch.float64))
    names = ("x", "w_q", "w_k", "w_v")
    found = {name: one.grad.tolist() for name, one in zip(names, inputs, strict=True) if one.grad is not None}
    return Gradients(output=output.tolist(), gradients=found)
