"""Keys of the environment: found wherever they stand, and nothing else is touched."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from loopback import Loopback
from running import run

from orch.runtime.redaction import Secrets, scrub

KEY = "sk-live-0123456789abcdefghij"


def test_scrub_leaves_placeholders_alone() -> None:
    assert scrub("the key x is wrong", ["x"]) == "the key x is wrong"
    assert scrub(f"key {KEY} or {KEY[:12]}", [KEY]) == "key *** or ***"


@pytest.mark.parametrize(("name", "value", "is_key"), [
    ("OPENAI_API_KEY", KEY, True), ("ANTHROPIC_API_KEY", "sk-ant-12345678", True),
    ("GITHUB_TOKEN", "ghp_" + "x" * 30, True), ("DB_PASSWORD", "hunter22", True),
    ("my_secret_1", "abcdefghijklmnopqrstuvwxyz", True),
    ("OPENAI_API_KEY", "none", False), ("OPENAI_API_KEY", "lm-studio", False), ("OPENAI_API_KEY", "1234", False),
    ("SSH_KEY_PATH", "/root/.ssh/id_rsa_0123456789", False), ("KEYBOARD_LAYOUT", "us-international-1", False),
    ("PASSWORD_HINT", "the name of my 1st dog", False), ("HOME", "home-0123456789-0123456789", False),
])
def test_what_is_a_key(name: str, value: str, is_key: bool) -> None:
    text = f"before {value} after"
    assert Secrets({name: value}).scrub(text) == ("before *** after" if is_key else text)


def test_of_two_keys_of_which_one_begins_the_other_nothing_is_left() -> None:
    secrets = Secrets({"A_TOKEN": "abc-12345", "B_TOKEN": "abc-12345-tail-9"})
    assert secrets.scrub("x abc-12345-tail-9 y abc-12345 z") == "x *** y *** z"


def test_values_are_scrubbed_throughout() -> None:
    plain = {f"k {KEY}": [1, None, ("a", f"<{KEY}>"), True], "b": 0.5}
    assert Secrets({"X_KEY": KEY}).scrub_plain(plain) == {"k ***": [1, None, ("a", "<***>"), True], "b": 0.5}


def test_an_oracle_that_quotes_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    def ask(i: int) -> str:
        raise ValueError(f"it found {KEY}")

    outcome = run('primitive ask(i: Int) -> Text[9] { prompt: "{i}" }\nfn main() -> Text[9] { call ask(1) }',
                  oracle={"ask": ask})
    assert outcome.error is not None and "it found ***" in outcome.error.message


PROGRAM = """
model good = "openai/leaks"
model number = "openai/leaks-number"
model down = "openai/leaks-500"
model cut = "openai/leaks-escaped"
primitive say(t: Text[n]) -> Text[60] { model: good, prompt: "{t}" }
primitive count(t: Text[n]) -> Int[0..9] { model: number, prompt: "{t}", attempts: 2 }
primitive fail(t: Text[n]) -> Text[9] { model: down, prompt: "{t}", attempts: 1 }
primitive tell(t: Text[n]) -> List[Text[60], 1..2] { model: cut, prompt: "{t}" }
tool read(t: Text[n]) -> Text[60] { python: "leaky:read" }
tool crash(t: Text[n]) -> Text[60] { python: "leaky:crash" }
fn main(t: Text[n]) -> List[Text] {
  let said = vote of 2 { call say(t) }
  let number = call count(t) else 3
  let failed = call fail(t) else "failed"
  let told = call tell(t)
  let page = read(said)
  let crashed = crash(t) else "crashed"
  [said, text(number), failed, crashed, page] ++ told
}
fn malformed(t: Text[n]) -> Int { call count(t) }
fn refused(t: Text[n]) -> Text[9] { call fail(t) }
fn crashes(t: Text[n]) -> Text[60] { crash(t) }
"""
TOOLS = """
import os
def read(t): return "the key is " + os.environ["OPENAI_API_KEY"]
def crash(t): raise OSError("cannot log in with " + os.environ["OPENAI_API_KEY"] + " any more")
"""


def test_no_file_and_no_word_of_a_run_holds_a_key(tmp_path: Path) -> None:
    """Servers that put the key into answers, into what is no answer and into errors; tools that do the same."""
    (tmp_path / "p.orch").write_text(PROGRAM)
    (tmp_path / "leaky.py").write_text(TOOLS)
    printed = ""
    with Loopback() as server:
        environment = {**os.environ, "OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": KEY,
                       "ORCH_CACHE": str(tmp_path / "cache")}
        for entry, code in (("main", 0), ("malformed", 3), ("refused", 3), ("crashes", 3)):
            done = subprocess.run(
                [sys.executable, "-m", "orch", "run", str(tmp_path / "p.orch"), "--entry", entry, "--arg",
                 f"t=my key is {KEY}" if entry == "main" else "t=hello", "--allow-tools", "--cache",
                 "--journal", str(tmp_path / f"{entry}.db"), "--trace", str(tmp_path / f"{entry}.jsonl"),
                 "--format", "json"],
                env=environment, capture_output=True, text=True, timeout=60, check=False)
            assert done.returncode == code, done.stdout + done.stderr
            printed += done.stdout + done.stderr
            if entry == "main":
                said = json.loads(done.stdout)["result"]
        shown = subprocess.run([sys.executable, "-m", "orch", "show", "last", "--journal", str(tmp_path / "main.db")],
                               env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert said == ["the key is ***", "3", "failed", "crashed", "the key is ***", "the key is ***"]
    assert "cannot log in with ***" in printed and "upstream says ***" in printed
    for secret in (KEY, KEY[:12], KEY[8:]):
        assert secret not in printed + shown.stdout
        for file in tmp_path.rglob("*"):
            assert not file.is_file() or secret.encode() not in file.read_bytes(), file
