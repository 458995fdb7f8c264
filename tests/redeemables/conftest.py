"""The core, a database and one shop, as the ledger's tests have them."""

from tests.ledger.conftest import core, shared_valkey, shop, sqlite

__all__ = ["core", "shared_valkey", "shop", "sqlite"]
