from tests.api.shared_project import api, project, stranger

__all__ = ["api", "project", "stranger"]
