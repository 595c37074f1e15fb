"""What a worker knows of itself."""

import resource

from service.exact.worker import KIB, _most_held


def test_what_it_has_held_is_no_more_than_the_system_counts() -> None:
    """The system's count may begin with what the parent held, and so may be more, but never less."""
    assert 2**20 < _most_held() <= resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB * 1.01
