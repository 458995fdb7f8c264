"""Bodies of consents."""

from typing import Annotated

from msgspec import Meta, Struct

SENT_MAX = 200
Name = Annotated[str, Meta(min_length=1, max_length=512)]
Description = Annotated[str, Meta(max_length=4_000)]
Category = Annotated[str, Meta(max_length=128)]
ConsentId = Annotated[str, Meta(min_length=1, max_length=64)]
ConsentsGiven = Annotated[dict[ConsentId, bool], Meta(max_length=SENT_MAX)]
"""By the id of a consent: whether the customer gives it. `{"unsubscribed": true}` takes all of them back."""


class ConsentCreate(Struct, kw_only=True):
    """description: the sentence that the customer agrees to. category: free, to sort by."""

    name: Name
    description: Description = ""
    category: Category = ""


class ConsentUpdate(Struct, kw_only=True):
    """What is not sent stays."""

    name: Name | None = None
    description: Description | None = None
    category: Category | None = None
