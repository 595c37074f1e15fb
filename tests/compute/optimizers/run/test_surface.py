"""The grid of losses around a trace."""

from typing import Any

import numpy as np
import pytest

from compute.arithmetic.floating import FLOAT64
from compute.errors import QuestionErrors
from compute.optimizers.run.objective import ProgramObjective
from compute.optimizers.run.surface import Extent, compute_surface, entry_name, surface_entries
from tests.compute.asking import arrays
from tests.compute.optimizers.objectives import EXAMPLES

PARAMETERS = arrays({"w": [[1.0, 2.0], [3.0, 4.0]], "b": 5.0})


@pytest.mark.parametrize(
    ("named", "places"),
    [
        (["w[0,1]", "b"], [("w", (0, 1)), ("b", ())]),
        (["w[1, 0]", "w[0,0]"], [("w", (1, 0)), ("w", (0, 0))]),
    ],
)
def test_entries_by_name(named: list[str], places: list[Any]) -> None:
    assert surface_entries(named, PARAMETERS) == places
    assert [entry_name(one) for one in places] == [one.replace(" ", "") for one in named]


def test_two_entries_need_no_names() -> None:
    assert surface_entries(None, arrays({"x": 1.0, "y": 2.0})) == [("x", ()), ("y", ())]
    assert surface_entries(None, arrays({"v": [1.0, 2.0]})) == [("v", (0,)), ("v", (1,))]


@pytest.mark.parametrize(
    ("named", "pointer"),
    [
        (None, ("surface",)),
        (["w[0,1]", "w[0,1]"], ("surface", "over", 1)),
        (["w[0, 1]", "w[0,1]"], ("surface", "over", 1)),
        (["w", "b"], ("surface", "over", 0)),
        (["b", "w[2,0]"], ("surface", "over", 1)),
        (["b", "w[0]"], ("surface", "over", 1)),
        (["b", "w[-1,0]"], ("surface", "over", 1)),
        (["b[0]", "w[0,0]"], ("surface", "over", 0)),
        (["", "b"], ("surface", "over", 0)),
        (["b", "w[0,0"], ("surface", "over", 1)),
        (["c", "b"], ("surface", "over", 0)),
        (["b", "w[" + "9" * 190 + ",0]"], ("surface", "over", 1)),
    ],
)
def test_invalid_entries(named: list[str] | None, pointer: Any) -> None:
    with pytest.raises(QuestionErrors) as caught:
        surface_entries(named, PARAMETERS)
    [error] = caught.value.errors
    assert error.path == pointer
    assert "two" in error.expected


def draw(points: int, *seen: tuple[float, float], **more: Any) -> Any:
    example = EXAMPLES["mixed"]
    objective = ProgramObjective(example.program, "f", arrays(example.start), {}, FLOAT64)
    extent = Extent([("x", ()), ("y", ())])
    for x, y in seen:
        extent.include(arrays({"x": x, "y": y}))
    return compute_surface(objective, arrays({"x": seen[-1][0], "y": seen[-1][1]}), extent, points, **more)


def test_losses_are_those_of_the_grid() -> None:
    drawn = draw(5, (0.0, 0.0), (1.0, -2.0))
    assert drawn.axes == ("x", "y")
    np.testing.assert_allclose(drawn.points[0], np.linspace(-0.25, 1.25, 5))
    np.testing.assert_allclose(drawn.points[1], np.linspace(-2.5, 0.5, 5))
    for i, x in enumerate(drawn.points[0]):
        for j, y in enumerate(drawn.points[1]):
            assert drawn.loss[i, j] == pytest.approx(EXAMPLES["mixed"].loss(x=x, y=y), rel=1e-13)


def test_given_ranges() -> None:
    drawn = draw(3, (0.0, 0.0), (1.0, 1.0), ranges={"y": (-1.0, 3.0)})
    np.testing.assert_allclose(drawn.points[0], [-0.25, 0.5, 1.25])
    np.testing.assert_allclose(drawn.points[1], [-1, 1, 3])


def test_the_grid_of_a_trace_that_does_not_move() -> None:
    drawn = draw(3, (0.5, 0.5))
    np.testing.assert_allclose(drawn.points[0], [0, 0.5, 1])


def test_the_grid_ignores_divergence() -> None:
    drawn = draw(3, (0.0, 0.0), (1.0, 1.0), (np.inf, 1e200), (np.nan, -1e300))
    np.testing.assert_allclose(drawn.points[0], [-0.25, 0.5, 1.25])
    assert np.isfinite(drawn.loss).all()


def test_other_entries_are_those_of_the_end() -> None:
    example = EXAMPLES["least_squares"]
    objective = ProgramObjective(example.program, "f", arrays(example.start), arrays(example.data), FLOAT64)
    extent = Extent([("w", (1, 0)), ("b", ())])
    end = arrays({"w": [[0.7], [9.0]], "b": 9.0})
    extent.include(end)
    drawn = compute_surface(objective, end, extent, 3, {"w[1,0]": (-2, 2), "b": (0, 1)})
    wanted = example.loss(w=np.array([[0.7], [-2.0]]), b=1.0, **example.data)
    assert drawn.loss[0, 2] == pytest.approx(wanted, rel=1e-13)
    assert end["w"].tolist() == [[0.7], [9.0]]
