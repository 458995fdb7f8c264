"""What `make run` prints: the keys, four requests to paste, and where to read on."""

from pathlib import Path

from app.demo.keys import DemoKeys

VALIDATE = """{
  "redeemables": [{"object": "voucher", "id": "WELCOME10"}],
  "customer": {"source_id": "ada"},
  "order": {"items": [{"source_id": "espresso-beans", "related_object": "product", "quantity": 2}]}}"""
REFUSE = """{
  "redeemables": [{"object": "voucher", "id": "REGULARS20"}],
  "customer": {"source_id": "carol"},
  "order": {"amount": 8000}}"""
REDEEM = """{
  "redeemables": [{"object": "voucher", "id": "FIRST500"}],
  "customer": {"source_id": "ada"},
  "order": {"amount": 5000}}"""
TAKE_ID = """tee /dev/stderr | grep -o '"id":"r_[0-9a-z]*"' | head -n 1 | cut -d '"' -f 4"""
"""The first id with the prefix of a redemption; the answer itself is shown as well. No jq needed."""


def requests_to_paste(url: str, keys: DemoKeys) -> tuple[tuple[str, str], ...]:
    """(what it shows, the command) of the four requests. The last one gives back what the third one took."""
    rollback = f"{url}/v1/redemptions/$REDEMPTION/rollback?reason=payment+failed"
    authentication = f"-H 'X-App-Id: {keys.app_id}' -H 'X-App-Token: {keys.app_token}'"
    headers = f"{authentication} \\\n  -H 'Content-Type: application/json'"
    return (
        ("Is the code good for this cart?", f"curl -sw '\\n' {url}/v1/validations {headers} -d '{VALIDATE}'"),
        ("A refusal, with its reason", f"curl -sw '\\n' {url}/v1/validations {headers} -d '{REFUSE}'"),
        (
            "Take it, exactly once",
            f"REDEMPTION=$(curl -sw '\\n' {url}/v1/redemptions {headers} -d '{REDEEM}' | {TAKE_ID})",
        ),
        (
            "Give it back (after the one before, in the same shell)",
            f'curl -sw "\\n" -X POST "{rollback}" {authentication}',
        ),
    )


def welcome(url: str, keys: DemoKeys, shell_file: Path) -> str:
    """The whole text."""
    pasted = "\n\n".join(f"# {title}\n{command}" for title, command in requests_to_paste(url, keys))
    return f"""
The demo shop "Kettle & Crumb" is open on {url}

  server-side key   X-App-Id {keys.app_id}
                    X-App-Token {keys.app_token}
  client-side key   X-Client-Application-Id {keys.client_id}
                    X-Client-Token {keys.client_token}
  management key    X-Management-Id {keys.management_id}
                    X-Management-Token {keys.management_token}

  As shell variables: . {shell_file}

Four requests to paste into a second terminal:

{pasted}

Documentation: {url}/docs
Ctrl-C ends it; everything stays in {shell_file.parent} and is there at the next start.
"""
