"""Write .env.example, the JSON Schema and the page of the configuration from app.settings:
`python -m tools.configuration_page`.
"""

from pathlib import Path

from app import settings_pages

ROOT = Path(__file__).resolve().parents[1]


def written() -> dict[Path, str]:
    """Each file that is written from the settings, with its text."""
    return {
        ROOT / ".env.example": settings_pages.environment_example(),
        ROOT / "docs" / "reference" / "configuration.schema.json": settings_pages.json_schema(),
        ROOT / "docs" / "reference" / "configuration.md": settings_pages.page(),
    }


if __name__ == "__main__":
    for file, text in written().items():
        file.write_text(text, encoding="utf-8")
