"""Documents compiled once into programs that `decide` walks. The caller treats the results as opaque.

Each entry point raises RuleError for a document that is not a program; never anything else.
"""

from rules.collections import compile_collection
from rules.discounts.compile import compile_discount
from rules.locations import compile_location
from rules.programs import (
    CompiledCollection,
    CompiledDiscount,
    CompiledLocation,
    CompiledRule,
    CompiledSegment,
    CompiledWindow,
    RuleError,
)
from rules.rulesets import compile_rule, references
from rules.segments import compile_segment
from rules.terms import compile_extensions
from rules.windows import compile_window

__all__ = [
    "CompiledCollection",
    "CompiledDiscount",
    "CompiledLocation",
    "CompiledRule",
    "CompiledSegment",
    "CompiledWindow",
    "RuleError",
    "compile_collection",
    "compile_discount",
    "compile_extensions",
    "compile_location",
    "compile_rule",
    "compile_segment",
    "compile_window",
    "references",
]
