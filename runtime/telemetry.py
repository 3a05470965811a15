"""OpenTelemetry spans of a run, by the conventions for generative AI: one of the run, within it one of every attempt of
a call and of every tool.

In: the events of a run. Out: spans, to a tracer provider: the one given, the process's own, or one that is made as the
environment says (`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_TRACES_EXPORTER=console`, ...). Spans hold names, counts, times
and faults (which may quote the beginning of an answer that did not fit), no prompts and no answers. Times of a
simulation are virtual, from the moment at which it began. An answer from a journal or the cache is no span, for nothing
was sent. The only file that imports opentelemetry.

"Semantic conventions for generative AI systems": opentelemetry.io/docs/specs/semconv/gen-ai.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from importlib.metadata import version
from types import TracebackType
from typing import Any, Final

from .backends.base import provider_of, short_name
from .events import Event

__all__ = ["NoTelemetry", "Spans"]

#: The conventions' names of providers, where they are not ours.
_PROVIDERS: Final = {"openai-responses": "openai"}


class NoTelemetry(Exception):
    """A package is missing, or an exporter that the environment names. The message and the hint are for people."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message: Final = message
        self.hint: Final = hint


class Spans:
    """A context manager, and a watcher. `models` maps aliases to "provider/name". Raises NoTelemetry on entering."""

    def __init__(self, program: str, entry: str, models: Mapping[str, str], provider: Any = None) -> None:
        """`provider`: an OpenTelemetry `TracerProvider`; None takes the process's own, or makes one."""
        self._name, self._entry, self._models = program, entry, models
        self._given = provider
        self._made: Any = None
        self._open: dict[int, Any] = {}  # spans under way, by place
        self._began = 0
        self._last = 0.0

    def __enter__(self) -> Spans:
        try:
            from opentelemetry import trace
        except ImportError:
            raise NoTelemetry("OpenTelemetry is not installed.", "pip install 'orch-lang[otel]'") from None
        self._trace = trace
        provider = self._given
        if provider is None and isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
            provider = self._made = _provider()
        self._tracer = trace.get_tracer("orch", version("orch-lang"), provider)
        self._began = time.time_ns()
        self._root = self._tracer.start_span(
            f"invoke_workflow {self._name}",
            start_time=self._began,
            attributes={
                "gen_ai.operation.name": "invoke_workflow",
                "gen_ai.workflow.name": self._name,
                "orch.entry": self._entry,
            },
        )
        self._inside = trace.set_span_in_context(self._root)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for span in self._open.values():
            self._fail(span, "cancelled", "")
            span.end(self._at(self._last))
        self._open.clear()
        if error is not None:
            self._fail(self._root, type(error).__name__, "")
        self._root.end(self._at(self._last) if self._last else None)
        if self._made is not None:
            self._made.shutdown()

    def failed(self, code: str, message: str) -> None:
        """The run has failed; tells why."""
        self._fail(self._root, code, message)

    def __call__(self, event: Event) -> None:
        self._last = max(self._last, event.time)
        match event.kind:
            case "sent":
                self._open[event.place] = self._start(event)
            case "answered" | "tool" | "retried" | "failed" | "cancelled" | "waiting":
                span = self._open.pop(event.place, None)
                if span is not None:
                    self._end(span, event)

    def _start(self, event: Event) -> Any:
        if not event.model:
            return self._tracer.start_span(
                f"execute_tool {event.name}",
                self._inside,
                start_time=self._at(event.time),
                attributes={"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": event.name},
            )
        target = self._models.get(event.model, event.model)
        provider, model = provider_of(target), short_name(target)
        return self._tracer.start_span(
            f"chat {model}",
            self._inside,
            kind=self._trace.SpanKind.CLIENT,
            start_time=self._at(event.time),
            attributes={
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": _PROVIDERS.get(provider, provider) or "unknown",
                "gen_ai.request.model": model,
                "orch.primitive": event.name,
                "orch.place": f"{event.place:016x}",
                "orch.attempt": event.attempt,
            },
        )

    def _end(self, span: Any, event: Event) -> None:
        if event.model and event.kind in ("answered", "retried", "failed"):
            billed_prompt, billed_answer = event.billed or (None, None)
            span.set_attribute("gen_ai.usage.input_tokens", event.prompt if billed_prompt is None else billed_prompt)
            span.set_attribute("gen_ai.usage.output_tokens", event.answer if billed_answer is None else billed_answer)
        if event.dollars is not None:
            span.set_attribute("orch.dollars", event.dollars)
        if event.kind not in ("answered", "tool"):
            self._fail(span, event.kind, event.message)
        span.end(self._at(event.time))

    def _fail(self, span: Any, kind: str, message: str) -> None:
        span.set_attribute("error.type", kind)
        span.set_status(self._trace.Status(self._trace.StatusCode.ERROR, message or kind))

    def _at(self, seconds: float) -> int:
        return self._began + int(seconds * 1e9)


def _provider() -> Any:
    """A provider with the exporter that the environment names. Raises NoTelemetry."""
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
    except ImportError:
        raise NoTelemetry("OpenTelemetry's SDK is not installed.", "pip install 'orch-lang[otel]'") from None
    named = os.environ.get("OTEL_TRACES_EXPORTER", "otlp").strip().lower() or "otlp"
    exporter: Any
    if named == "console":
        exporter = ConsoleSpanExporter(out=sys.stderr)
    elif named == "otlp":
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        except ImportError:
            raise NoTelemetry(
                "OpenTelemetry's OTLP exporter is not installed.",
                "pip install 'orch-lang[otel]', or set OTEL_TRACES_EXPORTER=console",
            ) from None
        exporter = OTLPSpanExporter()
    else:
        raise NoTelemetry(f"OTEL_TRACES_EXPORTER={named} is not known here.", "it is otlp or console")
    provider = TracerProvider(resource=Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME", "orch")}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider
