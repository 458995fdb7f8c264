"""One case from its shop to its faults."""

import httpx

from tools.vectors.judging import faults
from tools.vectors.places import settings_of
from tools.vectors.shop import Api, Failed, Place, Shop, Vector


def run(client: httpx.Client, vector: Vector, place: Place) -> list[str]:
    """Prepare, ask and judge. client: of the server alone; keys come with the place. Empty: it passes."""
    try:
        settings_of(vector)
        shop = Shop(vector, Api(client, place), place)
        shop.open()
        answer = shop.api.send("/v1/validations", shop.request())
        names = {redeemable["id"]: name for name, redeemable in shop.redeemables.items()}
        return faults(vector, answer, names)
    except (Failed, httpx.HTTPError) as failed:
        return [str(failed)]
    except (AttributeError, KeyError, TypeError, ValueError) as wrong:
        # One case that is not in the schema must not keep the others from being run.
        return [f"cannot be run: {type(wrong).__name__}: {wrong}"]
