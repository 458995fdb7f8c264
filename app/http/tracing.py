"""A span per request by OpenTelemetry, when VOUCHSAFE_TRACING is on; the OTEL_ variables say where spans go.
Without it nothing here is imported by a request.
"""

from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any

from litestar.types import HTTPScope, Receive, Send

from app.http.messages import headers_of
from app.http.routing import Route
from app.settings import VERSION, SettingsError

Serve = Callable[[HTTPScope, Receive, Send], Awaitable[Route | None]]


class Tracing:
    """Wraps the serving of requests. Raises: SettingsError when the extra is not installed."""

    def __init__(self, exporter: Any = None) -> None:
        try:
            self._trace = import_module("opentelemetry.trace")
            self._propagate = import_module("opentelemetry.propagate")
            sdk = import_module("opentelemetry.sdk.trace")
            export = import_module("opentelemetry.sdk.trace.export")
            resources = import_module("opentelemetry.sdk.resources")
            if exporter is None:
                otlp = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
                exporter = otlp.OTLPSpanExporter()
        except ImportError as missing:
            raise SettingsError(
                f"VOUCHSAFE_TRACING needs the extra otel: pip install 'vouchsafe[otel]' ({missing})"
            ) from None
        # What OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME say wins over these.
        named = resources.OTELResourceDetector().detect()
        own = resources.Resource({"service.name": "vouchsafe", "service.version": VERSION})
        self._provider = sdk.TracerProvider(resource=own.merge(named))
        self._provider.add_span_processor(export.BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("vouchsafe", VERSION)

    async def serve(self, serve: Serve, scope: HTTPScope, receive: Receive, send: Send) -> None:
        """Serve one request inside a span that is a child of the caller's, named by the route's template."""
        status = 0

        async def noted(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        method = str(scope["method"])
        with self._tracer.start_as_current_span(
            method,
            context=self._propagate.extract(headers_of(scope)),
            kind=self._trace.SpanKind.SERVER,
            attributes={"http.request.method": method},
        ) as span:
            route = await serve(scope, receive, noted)
            if route is not None:
                span.update_name(f"{method} {route.path}")
                span.set_attribute("http.route", route.path)
                span.set_attribute("vouchsafe.operation", route.operation_id)
            span.set_attribute("http.response.status_code", status)
            if status >= 500:
                span.set_status(self._trace.Status(self._trace.StatusCode.ERROR))

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()
