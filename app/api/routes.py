"""The table of all operations (D26): the application, its document and the tests of all routes are made from
it.
"""

from app.api.assets.controller import ROUTES as ASSETS
from app.api.async_actions.controller import ROUTES as ASYNC_ACTIONS
from app.api.audit.controller import ROUTES as AUDIT
from app.api.campaigns.controller import ROUTES as CAMPAIGNS
from app.api.categories.controller import ROUTES as CATEGORIES
from app.api.consents.controller import ROUTES as CONSENTS
from app.api.customers.controller import ROUTES as CUSTOMERS
from app.api.docs.controller import routes_with_docs
from app.api.event_schemas.controller import ROUTES as EVENT_SCHEMAS
from app.api.events.controller import ROUTES as EVENTS
from app.api.exports.controller import ROUTES as EXPORTS
from app.api.health.controller import ROUTES as HEALTH
from app.api.keys.controller import ROUTES as KEYS
from app.api.locations.controller import ROUTES as LOCATIONS
from app.api.metadata_schemas.controller import ROUTES as METADATA_SCHEMAS
from app.api.metrics.controller import ROUTES as METRICS
from app.api.oauth.controller import ROUTES as OAUTH
from app.api.orders.controller import ROUTES as ORDERS
from app.api.product_collections.controller import ROUTES as PRODUCT_COLLECTIONS
from app.api.products.controller import ROUTES as PRODUCTS
from app.api.project_extensions.controller import ROUTES as PROJECT_EXTENSIONS
from app.api.projects.controller import ROUTES as PROJECTS
from app.api.promotions.controller import ROUTES as PROMOTIONS
from app.api.publications.controller import ROUTES as PUBLICATIONS
from app.api.qualifications.controller import ROUTES as QUALIFICATIONS
from app.api.redemptions.controller import ROUTES as REDEMPTIONS
from app.api.segments.controller import ROUTES as SEGMENTS
from app.api.stacking_rules.controller import ROUTES as STACKING_RULES
from app.api.templates.controller import ROUTES as TEMPLATES
from app.api.validation_rules.controller import ROUTES as VALIDATION_RULES
from app.api.validations.controller import ROUTES as VALIDATIONS
from app.api.vouchers.controller import ROUTES as VOUCHERS
from app.api.wallet.controller import ROUTES as WALLET
from app.api.webhooks.controller import ROUTES as WEBHOOKS
from app.http.routing import Route

ALL_ROUTES: tuple[Route, ...] = routes_with_docs(
    (
        *HEALTH,
        *METRICS,
        *CAMPAIGNS,
        *VOUCHERS,
        *PROMOTIONS,
        *VALIDATION_RULES,
        *TEMPLATES,
        *CATEGORIES,
        *PUBLICATIONS,
        *EXPORTS,
        *ASSETS,
        *WALLET,
        *CUSTOMERS,
        *CONSENTS,
        *EVENTS,
        *PRODUCTS,
        *ORDERS,
        *PRODUCT_COLLECTIONS,
        *SEGMENTS,
        *LOCATIONS,
        *METADATA_SCHEMAS,
        *STACKING_RULES,
        *PROJECT_EXTENSIONS,
        *QUALIFICATIONS,
        *VALIDATIONS,
        *REDEMPTIONS,
        *ASYNC_ACTIONS,
        *OAUTH,
        *AUDIT,
        *PROJECTS,
        *EVENT_SCHEMAS,
        *KEYS,
        *WEBHOOKS,
    )
)
