"""The worker program by itself: what it answers to a parent that says odd things."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hsicnn.core.runtime import client, protocol


def talk(*lines: bytes) -> tuple[int, list[dict]]:
    """Say lines to a worker and hang up; return its exit code and what it said."""
    done = subprocess.run(
        [sys.executable, str(client.WORKER)],
        input=b"".join(lines),
        capture_output=True,
        check=False,
        timeout=60,
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_it_greets_with_its_protocol_and_ends_when_nobody_speaks():
    code, said = talk()
    assert code == 3
    assert [(event["event"], event["protocol"]) for event in said] == [("hello", protocol.PROTOCOL)]


def test_a_plugin_updated_meanwhile_is_told_to_restart_qgis():
    code, said = talk(protocol.encode({"protocol": 0, "job": "check_environment"}))
    assert code == 0
    assert said[-1]["kind"] == "WorkerError"
    assert "restart QGIS" in said[-1]["message"]


def test_an_unknown_job_is_named_with_those_there_are():
    _, said = talk(protocol.encode({"protocol": protocol.PROTOCOL, "job": "make_coffee"}))
    assert said[-1]["kind"] == "InputError"
    assert "no job 'make_coffee'" in said[-1]["message"]
    assert "train_classifier" in said[-1]["message"]


@pytest.mark.parametrize("line", [b"hello\n", b"[1, 2]\n", b"\xff\xfe\n"])
def test_words_that_are_no_message_are_an_error_with_details(line):
    _, said = talk(line)
    assert said[-1]["event"] == "error"
    assert "Traceback" in said[-1]["details"]


def test_a_message_is_one_line_of_ascii_and_comes_back():
    message = {"job": "für\ndich ☃", "arguments": {"a": [1, None, 2.5]}}
    line = protocol.encode(message)
    assert line.count(b"\n") == 1
    assert line.isascii()
    assert protocol.decode(line) == message
    with pytest.raises(ValueError, match="not a JSON object"):
        protocol.decode(b"[1]")
