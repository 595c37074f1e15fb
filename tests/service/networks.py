"""Requests for the costs of published networks: programs and the shapes of their weights."""

from typing import Any

Request = dict[str, Any]


class Builder:
    """A program, line by line, with the shapes that it has declared."""

    def __init__(self, *image: int) -> None:
        self.lines: list[str] = []
        self.inputs: dict[str, Any] = {"x": {"shape": list(image)}}

    def declare(self, name: str, *shape: int) -> str:
        self.inputs[name] = {"shape": list(shape)}
        return name

    def add(self, name: str, expression: str) -> str:
        self.lines.append(f"{name} = {expression}")
        return name

    def request(self, **fields: Any) -> Request:
        return {"program": self.lines, "inputs": self.inputs, "receptive_field": "x", **fields}


def lenet() -> Request:
    """LeNet-5 as the book has it: sigmoids and average pooling, for 28 x 28 digits in ten classes."""
    net = Builder(1, 28, 28)
    for at, (filters, channels) in enumerate(((6, 1), (16, 6)), 1):
        weights = f"{net.declare(f'k{at}', filters, channels, 5, 5)}, {net.declare(f'b{at}', filters)}"
        padding = ", padding=2" if at == 1 else ""
        net.add(f"conv{at}", f"sigmoid(conv2d({'x' if at == 1 else 'pool1'}, {weights}{padding}))")
        net.add(f"pool{at}", f"average_pool2d(conv{at}, size=2)")
    h = net.add("flat", "flatten(pool2)")
    for at, (width, units) in enumerate(((400, 120), (120, 84), (84, 10)), 3):
        layer = f"linear({h}, {net.declare(f'w{at}', width, units)}, {net.declare(f'b{at}', units)})"
        h = net.add(f"dense{at - 2}", layer if at == 5 else f"sigmoid({layer})")
    return net.request()


def vgg16(*, biases: bool = True) -> Request:
    """VGG-16, configuration D, for 224 x 224 images in 1,000 classes."""
    net, h, channels = Builder(3, 224, 224), "x", 3

    def layer(kind: str, name: str, weights: str, *shape: int, more: str = "") -> str:
        units = shape[0] if kind == "conv2d" else shape[-1]
        arguments = [name, net.declare(weights, *shape)]
        if biases:
            arguments.append(net.declare(weights.replace("k", "b").replace("w", "b"), units))
        return f"{kind}({', '.join(arguments)}{more})"

    for block, (count, filters) in enumerate(((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)), 1):
        for at in range(1, count + 1):
            shape = (filters, channels, 3, 3)
            convolved = layer("conv2d", h, f"k{block}_{at}", *shape, more=", padding=1")
            h, channels = net.add(f"conv{block}_{at}", f"relu({convolved})"), filters
        h = net.add(f"pool{block}", f"max_pool2d({h}, size=2)")
    h = "flatten(pool5)"
    for at, (width, units) in enumerate(((512 * 49, 4096), (4096, 4096), (4096, 1000)), 6):
        dense = layer("linear", h, f"w{at}", width, units)
        h = net.add(f"fc{at}", dense if at == 8 else f"relu({dense})")
    return net.request()


def _normalized(net: Builder, name: str, x: str, kernel: tuple[int, int, int], *, settings: str = "") -> str:
    """Return a convolution without bias and its batch normalization. kernel: filters, channels and size."""
    filters, channels, size = kernel
    weights = net.declare(f"{name}_k", filters, channels, size, size)
    gain, bias = net.declare(f"{name}_g", filters), net.declare(f"{name}_b", filters)
    return f"batch_norm(conv2d({x}, {weights}{settings}), {gain}, {bias})"


def resnet50() -> Request:
    """ResNet-50 with the stride in the 3 x 3 convolutions, as torchvision has it, for 1,000 classes."""
    net, channels = Builder(1, 3, 224, 224), 64
    h = net.add("c1", f"relu({_normalized(net, 'c1', 'x', (64, 3, 7), settings=', stride=2, padding=3')})")
    h = net.add("pool1", f"max_pool2d({h}, size=3, stride=2, padding=1)")
    for stage, (count, width) in enumerate(((3, 64), (4, 128), (6, 256), (3, 512)), 2):
        for at in range(count):
            block, stride = f"c{stage}_{at + 1}", 2 if at == 0 and stage > 2 else 1
            step = f", stride={stride}" if stride > 1 else ""
            first = net.add(f"{block}a", f"relu({_normalized(net, f'{block}a', h, (width, channels, 1))})")
            second = _normalized(net, f"{block}b", first, (width, width, 3), settings=f"{step}, padding=1")
            second = net.add(f"{block}b", f"relu({second})")
            third = _normalized(net, f"{block}c", second, (4 * width, width, 1))
            if at == 0:
                h = _normalized(net, f"{block}s", h, (4 * width, channels, 1), settings=step)
                h = net.add(f"{block}s", h)
            h, channels = net.add(f"{block}", f"relu({third} + {h})"), 4 * width
    net.add("pool5", f"average_pool2d({h})")
    net.add("fc", f"linear(flatten(pool5), {net.declare('w', 2048, 1000)}, {net.declare('b', 1000)})")
    return net.request()


def mobilenet() -> Request:
    """MobileNet v1 of full width, for 224 x 224 images in 1,000 classes."""
    net, channels = Builder(1, 3, 224, 224), 32
    first = _normalized(net, "c1", "x", (32, 3, 3), settings=', stride=2, padding="same"')
    h = net.add("c1", f"relu({first})")
    filters = (64, 128, 128, 256, 256, *(512,) * 6, 1024, 1024)
    for at, width in enumerate(filters, 2):
        step = ", stride=2" if at in (3, 5, 7, 13) else ""
        settings = f'{step}, padding="same", groups={channels}'
        depthwise = _normalized(net, f"d{at}", h, (channels, 1, 3), settings=settings)
        h = net.add(f"d{at}", f"relu({depthwise})")
        h = net.add(f"c{at}", f"relu({_normalized(net, f'c{at}', h, (width, channels, 1))})")
        channels = width
    net.add("pool", f"average_pool2d({h})")
    net.add("fc", f"linear(flatten(pool), {net.declare('w', 1024, 1000)}, {net.declare('b', 1000)})")
    return net.request()


NETWORKS = {"lenet": lenet, "vgg16": vgg16, "resnet50": resnet50, "mobilenet": mobilenet}
