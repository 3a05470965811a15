"""OpenTelemetry spans: one of the run, one of every attempt and every tool, by the conventions' names."""
from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from loopback import Loopback

import orch
from orch.cli import main

pytest.importorskip("opentelemetry.sdk")
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

PROGRAM = """
model fast = "openai-responses/good" { price_in: 1, price_out: 2, ttft: 1, prefill: 1000000000, decode: 10 }
model down = "anthropic/status-404"
primitive ask(t: Text[n]) -> Text[10..10] { model: fast, prompt: "Say {t}" }
primitive pick(t: Text[n]) -> Int[0..9] { model: fast, prompt: "{t}", malformed: 0.9, attempts: 3 }
primitive fail(t: Text[n]) -> Text[9] { model: down, prompt: "{t}" }
tool look(t: Text[n]) -> Text[5] { python: "x:look", latency: 0.5 }
fn main(ts: List[Text[k], n]) -> List[Text] { par for t in ts { call ask(look(t)) } }
fn tried(t: Text[n]) -> Int { call pick(t) else 3 }
fn fails(t: Text[n]) -> Text { call fail(t) }
"""


@pytest.fixture
def spans() -> Any:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    exporter.provider = provider    # type: ignore[attr-defined]
    return exporter


def test_a_run_its_calls_and_its_tools(spans: Any) -> None:
    program = orch.compile(PROGRAM, name="p.orch", backend="sim", otel=spans.provider)
    program.run("main", {"ts": ["a", "b", "c"]})
    found = spans.get_finished_spans()
    root, = [s for s in found if s.parent is None]
    assert root.name == "invoke_workflow p.orch" and root.status.status_code is not StatusCode.ERROR
    assert root.attributes["gen_ai.operation.name"] == "invoke_workflow"
    assert root.attributes["gen_ai.workflow.name"] == "p.orch" and root.attributes["orch.entry"] == "main"
    calls = [s for s in found if s.name == "chat good"]
    tools = [s for s in found if s.name == "execute_tool look"]
    assert len(calls) == len(tools) == 3 and len(found) == 7
    for span in calls:
        assert span.parent.span_id == root.context.span_id and span.kind is SpanKind.CLIENT
        assert span.attributes["gen_ai.operation.name"] == "chat" and span.attributes["orch.primitive"] == "ask"
        assert span.attributes["gen_ai.provider.name"] == "openai", "the provider, not the protocol"
        assert span.attributes["gen_ai.request.model"] == "good"
        assert span.attributes["gen_ai.usage.output_tokens"] == 10 and span.attributes["gen_ai.usage.input_tokens"] > 0
        assert span.end_time - span.start_time == pytest.approx(2e9, rel=1e-6), "virtual seconds"
    for span in tools:
        assert span.attributes["gen_ai.tool.name"] == "look" and span.end_time - span.start_time == 500_000_000
    assert root.end_time - root.start_time == pytest.approx(2.5e9, rel=1e-6)


def test_every_attempt_is_a_span_and_what_failed_says_so(spans: Any) -> None:
    program = orch.compile(PROGRAM, backend="sim", otel=spans.provider, seed=3)
    program.run("tried", {"t": "x"})
    attempts = [s for s in spans.get_finished_spans() if s.name == "chat good"]
    assert [s.attributes["orch.attempt"] for s in attempts] == list(range(len(attempts))) and len(attempts) > 1
    assert all(s.status.status_code is StatusCode.ERROR for s in attempts[:-1])
    assert {s.attributes["error.type"] for s in attempts[:-1]} == {"retried"}


def test_what_a_provider_billed_is_what_is_told(spans: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with Loopback("one two three") as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "x")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-0123456789")
        program = orch.compile(PROGRAM, otel=spans.provider, tools={"look": lambda t: "a page"})
        program.run("main", {"ts": ["a"]})
        span, = [s for s in spans.get_finished_spans() if s.name == "chat good"]
        usage = (span.attributes["gen_ai.usage.input_tokens"], span.attributes["gen_ai.usage.output_tokens"])
        assert usage == (3, 3), "by words, as the server counts"
        spans.clear()
        with pytest.raises(orch.RunFailed):
            program.run("fails", {"t": "x"})
    root, call = sorted(spans.get_finished_spans(), key=lambda s: s.parent is not None)
    assert root.status.status_code is call.status.status_code is StatusCode.ERROR
    assert call.attributes["gen_ai.provider.name"] == "anthropic" and call.attributes["error.type"] == "failed"
    assert "does not exist" in call.status.description


def test_the_command_sends_spans_where_the_environment_says(tmp_path: Path) -> None:
    (tmp_path / "p.orch").write_text(PROGRAM)
    command = [sys.executable, "-m", "orch", "run", str(tmp_path / "p.orch"), "--backend", "sim", "--arg", 'ts=["a"]',
               "--format", "json"]
    done = subprocess.run([*command, "--otel"], capture_output=True, text=True, check=True,
                          env={"PATH": "/usr/bin", "OTEL_TRACES_EXPORTER": "console"})
    assert json.loads(done.stdout)["usage"]["calls"] == 1 and '"gen_ai.request.model": "good"' in done.stderr
    quiet = subprocess.run([*command[:1], "-c", "import sys; from orch.cli import main; main(sys.argv[1:]); "
                            "assert not [m for m in sys.modules if m.startswith('opentelemetry')]", *command[3:]],
                           capture_output=True, text=True, check=False)
    assert quiet.returncode == 0, "without --otel nothing of it is imported\n" + quiet.stderr


@pytest.mark.parametrize(("missing", "said"), [
    ("opentelemetry", "pip install 'orch-lang[otel]'"),
    ("opentelemetry.exporter.otlp.proto.http.trace_exporter", "OTLP"),
])
def test_a_missing_package_is_told_with_what_brings_it(
    missing: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "p.orch").write_text(PROGRAM)
    monkeypatch.setitem(sys.modules, missing, None)
    assert main(["run", str(tmp_path / "p.orch"), "--backend", "sim", "--arg", "ts=[]", "--otel"]) == 2
    err = capsys.readouterr().err
    assert "E0833" in err and said in err and "calls)" not in err
