"""Write docs/reference/permissions.md from the tables that the server itself uses."""

from pathlib import Path

from app.http.permissions import ADMINISTRATION, ROLES, VERBS, allows
from app.http.scopes import CLIENT_SCOPES, SERVER, SERVER_SCOPES, scope_text

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "permissions.md"

RESOURCES = tuple(sorted({*SERVER_SCOPES, *ADMINISTRATION, "codes", "metrics", "tokens"} - {SERVER}))
"""What permissions speak of: first segments of paths, and what is no segment."""

HEAD = """# Roles and scopes

Written by `python -m tools.permissions_page` from the server's own tables. Each operation names its
permission (`x-permission`), the roles that have it (`x-roles`) and its scopes in `/openapi.json`. How to use
them: [keys](../how-to/keys.md).

## Roles of server-side keys

r: read, w: write (make and change), d: delete, u: use. Validations and redemptions are writes.

"""

NOTES = """
- `audit`, `keys`, `projects` and `users` are for ADMIN alone. Projects and keys are managed with management
  keys, which are ADMIN.
- `codes` is new codes of a campaign (`POST /v1/campaigns/{campaignId}/vouchers`). SUPPORT makes them, or
  publishes them, from campaigns marked `extensions.mintable: true`, one at a time, and may set `metadata` and
  `additional_info` of a code it makes, nothing else.
- `tokens` is exchanging the key for a token, which can do no more than the key.
- Publishable (client-side) keys have no role: they open the operations under `/client/v1`, from trusted
  origins.

## Scopes of OAuth tokens

A token opens an operation when one of its scopes covers the path, and the role of its key has the permission.
Extensions under `/v1/engine/<name>` are covered by the scope `<name>`. Management operations and `/v1/oauth`
take no token.

| scope | opens |
|---|---|
"""


def cell(role: str, resource: str) -> str:
    return "".join(verb[0] for verb in VERBS if allows(role, f"{resource}.{verb}")) or "–"


def page() -> str:
    lines = ["| | " + " | ".join(ROLES) + " |", "|---" * (len(ROLES) + 1) + "|"]
    for resource in RESOURCES:
        cells = " | ".join(cell(role, resource) for role in ROLES)
        lines.append(f"| `{resource}` | {cells} |")
    scopes = [f"| `{scope}` | {scope_text(scope)} |" for scope in (*SERVER_SCOPES, *CLIENT_SCOPES)]
    return HEAD + "\n".join(lines) + "\n" + NOTES + "\n".join(scopes) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
