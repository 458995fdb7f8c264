from tests.api.shared_project import stranger

__all__ = ["stranger"]
