"""The table of all operations (D26): the application, its OpenAPI document and the tests of all routes are
made from it.
"""

from app.api.docs.controller import routes_with_docs
from app.api.health.controller import ROUTES as HEALTH
from app.api.redemptions.controller import ROUTES as REDEMPTIONS
from app.api.validations.controller import ROUTES as VALIDATIONS
from app.http.routing import Route

ALL_ROUTES: tuple[Route, ...] = routes_with_docs((*HEALTH, *VALIDATIONS, *REDEMPTIONS))
