"""`vouchsafe explain`: what a code would do to an order now, and why. Nothing is taken."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

if TYPE_CHECKING:
    from app.engine import Engine
    from app.redeemables.order_request import OrderPayload
    from rules.verdict import Decision

_EXIT_CODES = """
\b
Exit codes: 0 explained, whether the code applies or not; 1 there is no such project, or nothing could be
decided; 2 the command line or the order is wrong; 3 Redis or the database cannot be reached.
"""


@click.command(epilog=_EXIT_CODES)
@click.argument("code")
@click.option("--project", "project_name", required=True, help="Name or id of the project.")
@click.option("--customer", "source_id", help="source_id of the customer.")
@click.option(
    "--order",
    "order_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON file with the order, as in the `order` of a validation.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def explain(
    code: str, project_name: str, source_id: str | None, order_file: Path | None, as_json: bool
) -> None:
    """Say why CODE (a code, or the id of a promotion tier) applies or not, and what it would take off."""
    import msgspec

    from app.cli.runtime import run_command
    from app.redeemables.answer import encode_answer

    order = _order_of(order_file) if order_file is not None else None

    async def decided(engine: "Engine") -> "Decision":
        return await _decide(engine, code, project_name, source_id, order)

    decision = run_command(decided)
    trace = decision.trace or {}
    if as_json:
        encoded = encode_answer({"valid": decision.valid, **trace})
        print(msgspec.json.format(encoded, indent=2).decode())
        return
    for line in lines_of(trace):
        print(line)


def _order_of(path: Path) -> "OrderPayload":
    """Raises: BadParameter for a file that holds no order."""
    from app.http.decode import decode_body
    from app.http.errors import ApiError
    from app.redeemables.order_request import OrderPayload

    try:
        order: OrderPayload = decode_body(OrderPayload, path.read_bytes(), required=True)
    except ApiError as error:
        raise click.BadParameter(f"{path} is not an order: {error.details}", param_hint="--order") from None
    return order


async def _decide(
    engine: "Engine", code: str, project_name: str, source_id: str | None, order: "OrderPayload | None"
) -> "Decision":
    """Raises: CommandFailed."""
    from app.cli.runtime import CommandFailed
    from app.ledger.partitions import partitions_of
    from app.ledger.recovery import recover
    from app.redeemables.checks import Refused, check_request
    from app.redeemables.customers import CustomerPayload
    from app.redeemables.read_trip import Asked
    from app.redeemables.request import RedeemableRequest, StackRequest
    from app.redeemables.settle import Contended
    from app.redeemables.validate import validate

    async def admit(replies: Sequence[Any]) -> None:
        """Who may run commands on this machine needs no key."""

    partitions = await partitions_of(engine.db, project_name)
    if not partitions:
        raise CommandFailed(f"there is no project {project_name}")
    # With no server running, a partition is closed since Redis was started: it is opened as `serve` would.
    await recover(engine.core, engine.db, partitions[0])
    request = StackRequest(
        redeemables=[RedeemableRequest(id=code)],
        order=order,
        customer=CustomerPayload(source_id=source_id) if source_id else None,
    )
    asked = Asked(partition=partitions[0], key_id="")
    try:
        check_request(request)
        validated = await validate(
            engine.core, engine.catalogue, asked, request, engine.now(), "explain", admit, explain=True
        )
    except Refused as refused:
        raise CommandFailed(refused.details or refused.message) from None
    except Contended:
        raise CommandFailed("what this depends on keeps changing: try again") from None
    return validated.settled.decision


# Printing
# -----------------------------------------------------------------------------------------------------


def lines_of(trace: Mapping[str, Any]) -> Iterator[str]:
    """The trace as an indented tree; amounts in minor units."""
    yield f"at {trace.get('now')}, days in {trace.get('timezone')}"
    for entry in trace.get("redeemables", ()):
        yield f"{entry['id']} ({entry['object']}): {entry['status']}"
        for word in ("refused_by", "skipped_by"):
            if word in entry:
                why = entry[word]
                yield f"  {word.replace('_', ' ')} {why['key']}" + (
                    f": {why['details']}" if why["details"] else ""
                )
        for word in ("order_before", "order_after"):
            if entry.get(word):
                yield f"  {word.replace('_', ' ')}: {_pairs(entry[word])}"
        for rule in entry.get("rules", ()):
            yield from _rule_lines(rule, "  ")
        if "nearest" in entry:
            yield f"  nearest to hold: {_pairs(entry['nearest'], but=('by',))}"
        for word in ("amounts", "counters"):
            for one in entry.get(word, ()):
                yield f"  {word[:-1]}: {_pairs(one)}"
        for word in ("multiplied_by_bundles", "withheld_lines", "product_rules"):
            if word in entry:
                yield f"  {word.replace('_', ' ')}: {entry[word]}"


def _rule_lines(rule: Mapping[str, Any], indent: str) -> Iterator[str]:
    """A rule set, a junction or a rule, and what is below it."""
    result = "not looked at" if rule.get("result") is None else "holds" if rule["result"] else "fails"
    if "rule_id" in rule:
        title = f"rule {rule['rule_id']}"
        if "name" in rule:
            title += f", {rule['name']}"
    else:
        title = str(rule.get("name") or rule.get("node"))
    tests = " and ".join(f"{test['operator']} {test['expected']}" for test in rule.get("conditions", ()))
    found = f" {tests}, found {rule.get('actual')}" if tests else ""
    note = f" ({rule['omitted_reason']})" if "omitted_reason" in rule else ""
    yield f"{indent}{title}{found}: {result}{note}"
    below = rule.get("rules")
    for inner in below if isinstance(below, list | tuple) else ():
        if isinstance(inner, Mapping):
            yield from _rule_lines(inner, indent + "  ")


def _pairs(members: Mapping[str, Any], but: Sequence[str] = ()) -> str:
    """Members that say something: `amount 10000, left 9300`."""
    return ", ".join(
        f"{name.replace('_', ' ')} {_pairs(value) if isinstance(value, Mapping) else value}"
        for name, value in members.items()
        if value is not None and name not in but
    )
