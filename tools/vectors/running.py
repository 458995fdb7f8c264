"""One case from its shop to its faults."""

import httpx

from tools.vectors.judging import faults
from tools.vectors.shop import Api, Failed, Place, Shop, Vector


def run(client: httpx.Client, vector: Vector, place: Place) -> list[str]:
    """Prepare, ask and judge. client: of the server alone; keys come with the place. Empty: it passes."""
    shop = Shop(vector, Api(client, place), place)
    try:
        shop.open()
        answer = shop.api.send("/v1/validations", shop.request())
    except Failed as failed:
        return [str(failed)]
    names = {redeemable["id"]: name for name, redeemable in shop.redeemables.items()}
    return faults(vector, answer, names)
