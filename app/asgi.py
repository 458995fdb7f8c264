"""create_app: the only place where everything that answers requests is wired."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Litestar

from app.api.adapter import Edge, application_of
from app.api.routes import ALL_ROUTES
from app.api.telling.tell import tell
from app.settings import Settings
from app.wiring import running_engine

CONSOLE = "console"
"""Where the application's state has the console, if there is one."""


def begin_closing(application: Litestar) -> None:
    """The worker is about to end: answers that go on for as long as somebody listens end now."""
    console = application.state.get(CONSOLE)
    if console is not None:
        console.closing = True


def create_app(settings: Settings) -> Litestar:
    """The application for one worker process. settings.redis_url must name a server that runs (or will).

    Starting does not fail when Redis or the database is away: requests are answered 503 until they are back.
    """
    edge = Edge()

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        async with running_engine(settings) as engine:
            engine.db.before_commit = tell
            edge.open(engine)
            try:
                yield
            finally:
                await edge.close()

    application = application_of(edge, ALL_ROUTES, lifespan)
    if settings.console:
        from app.console.application import add_console

        add_console(application, settings)
    return application
