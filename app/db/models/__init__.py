"""Every table, one module per aggregate, re-exported here."""

from app.db.models.access import ApiKey, OAuthToken, Project
from app.db.models.audit import AuditDetail, AuditEntry, AuditHead
from app.db.models.balance import SessionLock, VoucherTransaction
from app.db.models.campaign import AsyncAction, Campaign, PromotionStack, PromotionTier, Voucher
from app.db.models.catalogue import (
    Category,
    Location,
    ProductCollection,
    Segment,
    ValidationRule,
    ValidationRuleAssignment,
)
from app.db.models.consent import Consent
from app.db.models.custom_event import CustomEvent, CustomEventSchema, Erasure
from app.db.models.customer import Customer
from app.db.models.idempotency import IdempotentAnswer, IdempotentEvent
from app.db.models.ledger import (
    ArchivedCounter,
    CatalogueVersion,
    Counter,
    Divergence,
    EventBody,
    Lease,
    LedgerArchive,
    LedgerEvent,
    LedgerPosting,
    PartitionState,
    ProjectionFailure,
    RollbackIntent,
    SnapshotDue,
)
from app.db.models.membership import SegmentCheck, SegmentMember, SegmentMove, SegmentWalk
from app.db.models.metadata import MetadataSchema
from app.db.models.order import Order
from app.db.models.product import Product, Sku
from app.db.models.publication import CampaignMembership, Publication, PublicationVoucher
from app.db.models.redemption import FailureTrace, Redemption
from app.db.models.template import CampaignTemplate
from app.db.models.transfer import ActionInput, Export, ExportPart
from app.db.models.webhook import Webhook, WebhookAttempt, WebhookDelivery, WebhookEvent

__all__ = [
    "ActionInput",
    "ApiKey",
    "ArchivedCounter",
    "AsyncAction",
    "AuditDetail",
    "AuditEntry",
    "AuditHead",
    "Campaign",
    "CampaignMembership",
    "CampaignTemplate",
    "CatalogueVersion",
    "Category",
    "Consent",
    "Counter",
    "CustomEvent",
    "CustomEventSchema",
    "Customer",
    "Divergence",
    "Erasure",
    "EventBody",
    "Export",
    "ExportPart",
    "FailureTrace",
    "IdempotentAnswer",
    "IdempotentEvent",
    "Lease",
    "LedgerArchive",
    "LedgerEvent",
    "LedgerPosting",
    "Location",
    "MetadataSchema",
    "OAuthToken",
    "Order",
    "PartitionState",
    "Product",
    "ProductCollection",
    "Project",
    "ProjectionFailure",
    "PromotionStack",
    "PromotionTier",
    "Publication",
    "PublicationVoucher",
    "Redemption",
    "RollbackIntent",
    "Segment",
    "SegmentCheck",
    "SegmentMember",
    "SegmentMove",
    "SegmentWalk",
    "SessionLock",
    "Sku",
    "SnapshotDue",
    "ValidationRule",
    "ValidationRuleAssignment",
    "Voucher",
    "VoucherTransaction",
    "Webhook",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEvent",
]
