"""The table of all operations (D26). The application, its OpenAPI document and the tests that walk all routes
are made from it.
"""

from app.api.health.controller import ROUTES as HEALTH
from app.http.routing import Route

ALL_ROUTES: tuple[Route, ...] = (*HEALTH,)
