"""Where several numbers stop being finite, or where it does not show."""

import numpy as np

from tests.compute.readings.notes.questions import ask, only


def test_several_origins_are_told_apart() -> None:
    lines = ["z = x / y", "a = z[0]", "b = z[1]", "u = log(y[1])", "c = a * 2 + u", "d = b + u", "e = u * 2"]
    nan, divided, logged = ask(lines, {"x": [np.nan, 1], "y": [1, 0]}).notes
    assert (nan.at, nan.spoiled, nan.entries) == ("x", ("z", "a", "c"), ((0,),))
    assert (divided.at, divided.spoiled, divided.entries) == ("z", ("b", "d"), ((1,),))
    assert (logged.at, logged.spoiled, logged.entries) == ("u", ("c", "d", "e"), ((),))
    assert "In d it becomes NaN: Infinity + (-Infinity) = NaN." in divided.message


def test_an_origin_beside_others_is_not_theirs() -> None:
    lines = ["s = log(x)", "t = 1 / y", "u = (s + t) * 1e300", "w = u[2]"]
    notes = ask(lines, {"x": [0, 1, 1e30], "y": [1, 0, 1e-9]}).notes
    assert [(note.at, note.spoiled) for note in notes] == [("s", ("u",)), ("t", ("u",)), ("u", ("w",))]
    assert notes[2].entries == ((2,),) and "* 1e+300 = Infinity" in notes[2].message


def test_origins_inside_a_step_that_stays_finite() -> None:
    """exp overflows, 1/(1 + Infinity) is 0, and only the gradient is NaN."""
    found = ask("y = 1 / (1 + exp(x))", {"x": [1000, 1]}, upstream={"y": np.ones(2)})
    note = only(found)
    assert found.spoiled == set() and (note.code, note.at) == ("non_finite_gradient", "x")
    assert note.message.startswith("inside y, exp(x) is Infinity at [0]: exp(1000) = Infinity.")
    assert not ask("y = 1 / (1 + exp(x))", {"x": [1000, 1]}).notes


def test_what_a_mask_means_is_left_alone_until_it_does_harm() -> None:
    inputs = {"s": [[1, 2], [3, 4]], "k": [[True, False], [True, True]]}
    lines = ["m = masked_fill(s, k)", "t = m * 0.5", "p = softmax(t)"]
    assert not ask(lines, inputs, upstream={"p": np.eye(2)}).notes
    note = only(ask([*lines, "z = m * 0"], inputs))
    assert (note.at, note.operation, note.spoiled) == ("m", "masked_fill", ("t", "z"))
    assert "In z it becomes NaN: -Infinity * 0 = NaN" in note.message
    assert only(ask([*lines, "z = sum(m)"], inputs)).spoiled == ("t", "z")
    # What overflowed beside the mask is told, what the mask hides is not.
    inputs["s"] = [[1e308, 1e308], [3, 4]]
    note = only(ask(["u = s * 10", "m = masked_fill(u, k)"], inputs))
    assert (note.at, note.spoiled, note.entries) == ("u", ("m",), ((0, 0), (0, 1)))


def test_there_are_never_too_many() -> None:
    lines = [f"y{i} = log(x[{i}])" for i in range(30)]
    found = ask(lines, {"x": np.zeros(30)}, upstream={f"y{i}": np.array(1.0) for i in range(30)})
    codes = [note.code for note in found.notes]
    assert codes.count("non_finite") == 20 and codes.count("non_finite_gradient") <= 20
    more = [note for note in found.notes if note.code == "more"]
    assert more[0].at == "y20" and "10 more steps" in more[0].message
