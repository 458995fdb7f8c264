"""Movements of all gift cards of a campaign (behaviour 2.3)."""

from typing import Any

from app.api.call import Answer, Call
from app.api.card_transactions import FILTERED, list_transactions
from app.api.lookup import campaign_named
from app.api.vouchers.answers import CardTransactionList
from app.db.models import VoucherTransaction
from app.http.routing import Route


async def list_of_campaign(call: Call) -> Answer:
    """Empty for a campaign whose codes hold no credits."""
    async with call.read() as session:
        campaign = await campaign_named(session, call.project_id, call.path["campaignId"])
    owner: Any = VoucherTransaction.campaign_id == campaign.id
    return Answer(await list_transactions(call, owner))


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/v1/campaigns/{campaignId}/transactions",
        operation_id="list-campaign-transactions",
        handler=list_of_campaign,
        permission="campaigns.read",
        tag="Campaigns",
        summary="List Campaign Transactions",
        answer=CardTransactionList,
        query=FILTERED,
        errors=("not_found", "invalid_query_params"),
    ),
)
