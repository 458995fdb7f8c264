"""Names of the pictures of a code. They are signed, so that nobody finds a picture by trying."""

import base64
import hmac

from app.db.models import Voucher

SIGNATURE_BYTES = 12
PICTURES = ("qr", "barcode")


def asset_id(secret: bytes, voucher: Voucher, picture: str) -> str:
    """Names a picture of a code without telling the code; only this project can make one."""
    plain = f"{voucher.project_id}/{voucher.id}"
    signature = hmac.digest(secret, f"asset/{picture}/{plain}".encode(), "sha256")[:SIGNATURE_BYTES]
    return base64.urlsafe_b64encode(signature + plain.encode()).decode().rstrip("=")


def asset_url(public_url: str, token: str, picture: str) -> str:
    """Where the picture is. public_url: without a slash at its end."""
    return f"{public_url}/v1/assets/{picture}/{token}"
