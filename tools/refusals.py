"""docs/reference/refusals.md from rules/reasons.py: `python -m tools.refusals` writes it anew."""

from pathlib import Path

from rules.reasons import REASONS, Reason
from rules.sentences import SENTENCES

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "refusals.md"
HEAD = """# Refusal keys

Why a redeemable gives nothing, in descending precedence: of several reasons the one that stands first here
is answered. Numbers are those of `number` in a trace; they and the keys never change. "Later" means that the
same request may succeed at another time. From 200 on a redeemable is skipped, not refused: it fails no
request. The last column is what a shopper reads with `Accept-Language: en`; in the other languages and in
your own words: [what the shopper reads](../how-to/extensions/messages.md).

| number | key | status | message | later | for the shopper |
|---|---|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    rows = []
    for reason in sorted(Reason):
        text = REASONS[reason]
        status = "skipped" if reason >= Reason.APPLICABLE_REDEEMABLES_LIMIT else str(text.status)
        later = "yes" if text.transient else ""
        cells = (str(int(reason)), f"`{text.key}`", status, text.message, later, SENTENCES[reason]["en"])
        rows.append(f"| {' | '.join(cells)} |")
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
