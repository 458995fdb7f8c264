"""A customer of whom a request says only the e-mail address is the holder of a code when the addresses
agree.

A code that was minted for an address can be redeemed with that address, and with no other (S12). Nobody
else is looked up by an address: it is no identity of the contract.
"""

from msgspec.structs import replace

from app.core.core import RedemptionCore
from app.core.records import decode_customer
from app.redeemables.catalogue import Catalogue
from app.redeemables.customers import normalized_email
from app.redeemables.gather import Gathered
from app.redeemables.request import StackRequest


async def known_by_email(
    core: RedemptionCore, catalogue: Catalogue, gathered: Gathered, request: StackRequest
) -> StackRequest | None:
    """The request with the holder's id; None when it names a customer, or when the address is not the
    holder's.
    """
    sent = request.customer
    if gathered.customer_id is not None or sent is None:
        return None
    email = normalized_email(sent.email)
    if email is None:
        return None
    holders = {
        candidate.holder.customer_id
        for candidate in gathered.facts.candidates
        if candidate.holder is not None and candidate.holder.customer_id is not None
    }
    for holder_id in sorted(holders):
        keys = gathered.keys
        raw = (await core.read(keys.partition, [("HGET", keys.customer_record(holder_id), holder_id)]))[0]
        if isinstance(raw, bytes):
            record = decode_customer(raw)
        else:
            found = await catalogue.hydrate_customer(keys.partition, holder_id)
            if found is None:
                continue
            record = found
        if not record.deleted and normalized_email(record.email) == email:
            return replace(request, customer=replace(sent, id=holder_id))
    return None
