"""The console's routes, added to the application that answers them."""

from litestar import Litestar, Router
from litestar.exceptions import HTTPException

from app.console.assets import asset
from app.console.inside import Inside, SessionEnded
from app.console.live import live_page, live_stream
from app.console.mint import mint, mint_page, revoke
from app.console.pages import BODY_BYTES_MAX, STATE, Console, refused, session_ended
from app.console.session import PATH
from app.console.sign_in import home, sign_in, sign_in_page, sign_out
from app.console.stop import resume, stop, stop_page
from app.settings import Settings


def add_console(application: Litestar, settings: Settings) -> None:
    """application: it serves the public operations, and is asked from within."""
    application.state[STATE] = Console(Inside(application), settings)
    application.register(
        Router(
            PATH,
            route_handlers=[
                *(home, sign_in_page, sign_in, sign_out, asset),
                *(live_page, live_stream, stop_page, stop, resume),
                *(mint_page, mint, revoke),
            ],
            exception_handlers={SessionEnded: session_ended, HTTPException: refused},
            request_max_body_size=BODY_BYTES_MAX,
        )
    )
