"""Every error code has its exception, with message and hint, and those that Python code expects behind it."""

import pickle

import pytest

import sofia
from sofia._load import core

EXPECTED = {
    "usage": (sofia.UsageError, ValueError),
    "config": (sofia.ConfigError, ValueError),
    "data": (sofia.DataError, ValueError),
    "io": (sofia.IoError, OSError),
    "blocked": (sofia.BlockedError, RuntimeError),
    "interrupted": (sofia.InterruptedCallError, RuntimeError),
    "unavailable": (sofia.UnavailableError, RuntimeError),
    "conflict": (sofia.ConflictError, RuntimeError),
    "internal": (sofia.InternalError, RuntimeError),
}


def test_every_code_is_expected():
    assert set(core.error_codes) == set(EXPECTED)
    assert len({ours for ours, _ in EXPECTED.values()}) == len(EXPECTED)


@pytest.mark.parametrize("place, code", list(enumerate(core.error_codes)))
def test_a_failure_in_cpp_is_the_exception_of_its_code(place, code):
    ours, builtin = EXPECTED[code]
    with pytest.raises(builtin) as caught:
        core.fail(place, 'a.csv line 17: price "abc" is not a number', "mend the file")
    problem = caught.value
    assert type(problem) is ours and isinstance(problem, sofia.SofiaError)
    assert (problem.code, problem.message, problem.hint) == (code, 'a.csv line 17: price "abc" is not a number', "mend the file")
    assert str(problem) == 'a.csv line 17: price "abc" is not a number\nhint: mend the file'
    again = pickle.loads(pickle.dumps(problem))
    assert type(again) is ours and again.args == problem.args and again.hint == "mend the file"


def test_a_leak_is_a_refusal_and_a_failed_assertion():
    assert issubclass(sofia.FutureLeakError, sofia.BlockedError) and issubclass(sofia.FutureLeakError, AssertionError)


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match="nowhere") as caught:
        sofia.check_data(tmp_path / "nowhere")
    assert isinstance(caught.value, sofia.IoError)


def test_an_unknown_key_is_named_with_the_nearest():
    with pytest.raises(sofia.ConfigError, match="rsi_lenght") as caught:
        sofia.feature_catalogue({"features": {"rsi_lenght": 9}})
    assert "rsi_length" in str(caught.value)
