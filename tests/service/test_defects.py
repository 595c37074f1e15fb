"""The log has a defect's traceback, and at most the beginning of text from the request."""

import pytest

from service.defects import FRAMES, LONGEST, format_defect, shorten_messages


def failed() -> ValueError:
    try:
        try:
            raise KeyError(10**2_000)
        except KeyError as error:
            raise ValueError("secret" * 1_000, 1) from error
    except ValueError as found:
        return found


def test_a_traceback_is_formatted_with_messages_cut() -> None:
    text = format_defect(failed())
    assert text.count("in failed") == 2 and "KeyError: 1000" in text and "ValueError: (" in text
    assert "secret" in text and max(map(len, text.splitlines())) < 2 * LONGEST


def test_messages_are_shortened_in_place() -> None:
    error = failed()
    shorten_messages(error)
    assert isinstance(error.__cause__, KeyError) and len(str(error.__cause__)) < 2 * LONGEST
    assert str(error).startswith("('secretsecret") and len(str(error)) < 2 * LONGEST
    short = ValueError("short", 2)
    shorten_messages(short)
    assert short.args == ("short", 2)


def test_a_number_with_too_many_digits_is_left_out() -> None:
    error = ValueError(10**5_000)
    shorten_messages(error)
    assert error.args == (10**5_000,)
    assert format_defect(error).endswith("ValueError: <exception str() failed>\n")


def test_a_deep_traceback_is_cut_to_its_end() -> None:
    def fail(left: int) -> None:
        if left == 0:
            raise ValueError("here")
        again(left)

    def again(left: int) -> None:  # Python itself leaves out frames of one line that repeat
        fail(left - 1)

    with pytest.raises(ValueError, match="here") as caught:
        fail(FRAMES)
    text = format_defect(caught.value)
    assert FRAMES - 1 <= text.count("line") <= FRAMES and text.endswith("ValueError: here\n")
