from tests.api.shared_project import stranger
from tests.http.conftest import edge_valkey, settings

__all__ = ["edge_valkey", "settings", "stranger"]
