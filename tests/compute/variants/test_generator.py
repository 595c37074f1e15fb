"""The generator, against SplitMix64's published numbers and a second writing of its documentation."""

from collections import Counter
from itertools import product

import numpy as np

from compute.variants.domains import Domain, template_domain
from compute.variants.generator import Stream, mix
from compute.variants.measures import count_digits, has_few_digits


def test_the_words_are_splitmix64s() -> None:
    """The first outputs of the reference implementation for the state 1234567."""
    stream = Stream(0, 0, 0)
    stream._state = 1234567
    assert [stream.word() for _ in range(3)] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
    ]


def test_a_stream_is_started_as_documented() -> None:
    start = mix((mix((mix(1) + 2) % 2**64) + 3) % 2**64)
    assert Stream(1, 2, 3).word() == mix((start + 0x9E3779B97F4A7C15) % 2**64)
    assert Stream(1, 0, 0).word() == 0x1A2A69903431E5B4


def test_neighbouring_streams_differ_and_integers_are_spread() -> None:
    words = {Stream(*place).word() for place in product(range(10), repeat=3)}
    assert len(words) == 1000
    stream = Stream(7, 0, 0)
    counts = Counter(stream.below(6) for _ in range(6000))
    assert set(counts) == set(range(6))
    assert all(850 < count < 1150 for count in counts.values())


def test_domains_are_read_from_a_template() -> None:
    assert template_domain(np.array([[0.1, -0.3], [0.0, 0.25]])).decimals == 2
    domain = template_domain(np.array([8**0.5, -(2**0.5)]))
    assert (domain.unit, domain.radicand, domain.high) == ("root", 2, 2)
    steps = domain.draw(Stream(1, 0, 0), 2)
    assert sorted(np.sign(steps).tolist()) == [-1, 1]
    assert [domain.write(step) for step in (1, -1, 2)] == ["sqrt(2)", "-sqrt(2)", "2*sqrt(2)"]


def test_zero_is_left_out_and_whole_rows_have_integer_lengths() -> None:
    domain = Domain(-2, 2, nonzero=True)
    drawn = Counter(domain.draw(Stream(1, 0, 0), 4000))
    assert set(drawn) == {-2, -1, 1, 2}
    assert min(drawn.values()) > 850
    rows = np.array(Domain(-4, 4, whole_rows=2).draw(Stream(1, 0, 0), 40)).reshape(20, 2)
    lengths = np.sqrt((rows**2).sum(axis=1))
    assert (lengths == np.round(lengths)).all()


def test_digits_are_counted_as_on_paper() -> None:
    assert [count_digits(number) for number in (0.0, 1200.0, 0.6000000000000001, -0.125, 1 / 3)] == [
        0, 2, 1, 3, 12,
    ]  # fmt: skip
    assert has_few_digits(np.array([0.0, 1.25, -1200, 0.1 + 0.2]), 3)
    assert not has_few_digits(np.array([1.25]), 2)
    assert not has_few_digits(np.array([np.inf]), 5)
