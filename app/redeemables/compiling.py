"""Rows and records turned into programs. Pure: what it needs was read before."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from app.core.records import VoucherRecord
from app.redeemables.places import Places
from app.redeemables.programs import CampaignProgram, VoucherProgram
from rules.compile import (
    CompiledCollection,
    CompiledDiscount,
    CompiledRule,
    CompiledWindow,
    RuleError,
    compile_discount,
    compile_window,
)
from rules.facts import StackingRules

VALIDITY = ("validity_timeframe", "validity_day_of_week", "validity_hours")


class LoadedRules(Struct, frozen=True):
    """Compiled validation rules by id, and the versions of everything they were compiled from."""

    programs: Mapping[str, CompiledRule]
    guards: Mapping[str, Mapping[str, int]]
    """Rule id to the guards of the rule and of what it refers to."""
    collections: Mapping[str, CompiledCollection] = {}
    """Collections that the discount names, by id."""
    collection_guards: Mapping[str, Mapping[str, int]] = {}
    """Guard name of each of them to the versions it rests on."""
    places: Places = Places()
    """Locations that extensions name."""


def window_of(
    owner: str,
    *,
    active: bool,
    start_date: datetime | None,
    expiration_date: datetime | None,
    validity: Mapping[str, Any],
) -> CompiledWindow:
    """owner: voucher, promotion_tier or campaign; it picks the refusal."""
    document: dict[str, Any] = {
        "owner": owner,
        "active": active,
        "start_date": start_date,
        "expiration_date": expiration_date,
    }
    for name in VALIDITY:
        value = validity.get(name)
        if value is not None:
            document[name] = value
    return compile_window(document)


def discount_of(
    document: Mapping[str, Any] | None, collections: Mapping[str, CompiledCollection] | None = None
) -> CompiledDiscount | None:
    """None for no discount, and for a document stored before it became invalid: such a redeemable gives
    nothing.
    """
    if not document:
        return None
    try:
        return compile_discount(document, collections=collections)
    except RuleError:
        return None


def instant(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else datetime.fromtimestamp(microseconds / 1_000_000, UTC)


def is_plain(record: VoucherRecord) -> bool:
    """Whether the voucher has nothing of its own, so that its campaign's programs serve it as they are."""
    return (
        record.campaign_id is not None
        and record.active
        and not record.rule_ids
        and record.discount is None
        and record.start_date is None
        and record.expiration_date is None
        and not record.validity
        and not record.extensions
    )


def compile_voucher(
    record: VoucherRecord, rules: LoadedRules | None, campaign: CampaignProgram | None
) -> VoucherProgram:
    """The voucher's own parts laid over its campaign's: what it does not set itself, it has from the
    campaign.
    """
    validity: Mapping[str, Any] = record.validity or (campaign.validity if campaign else {})
    start_date = instant(record.start_date)
    expiration_date = instant(record.expiration_date)
    if campaign is not None:
        start_date = start_date or campaign.start_date
        expiration_date = expiration_date or campaign.expiration_date
    windows = [
        window_of(
            "voucher",
            active=record.active,
            start_date=start_date,
            expiration_date=expiration_date,
            validity=validity,
        )
    ]
    guards: dict[str, int] = {}
    programs: list[CompiledRule] = []
    if rules is not None:
        for rule_id in record.rule_ids:
            program = rules.programs.get(rule_id)
            if program is not None:
                programs.append(program)
                guards.update(rules.guards[rule_id])
        for own in rules.collection_guards.values():
            guards.update(own)
    discount = discount_of(record.discount, rules.collections if rules is not None else None)
    extensions: Mapping[str, Any] = record.extensions
    if rules is not None:
        guards.update(rules.places.guards_of(extensions))
        extensions = rules.places.resolved(extensions)
    if campaign is not None:
        windows.append(campaign.switch)
        programs.extend(campaign.rules)
        discount = discount or campaign.discount
        extensions = {**campaign.extensions, **extensions}
        guards.update(campaign.guards)
    return VoucherProgram(
        discount=discount,
        rules=tuple(programs),
        windows=tuple(windows),
        guards=guards,
        extensions=extensions,
    )


def stacking_of(stored: Mapping[str, Any]) -> tuple[StackingRules, dict[str, Any]]:
    """The project's stacking rules and their wire object; what is not stored has the contract's default."""
    known = {field.name for field in msgspec.structs.fields(StackingRules)}
    given = {name: value for name, value in stored.items() if name in known}
    for name, value in given.items():
        if isinstance(value, list):
            given[name] = tuple(value)
    stacking = StackingRules(**given)
    wire = msgspec.to_builtins(stacking)
    wire["object"] = "stacking_rules"
    return stacking, wire
