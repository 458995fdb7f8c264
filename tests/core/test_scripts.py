"""The contract of each script: its header, the commands it may use, its order of reading and writing."""

import re

import pytest

from app.core.outcome import Code
from app.core.scripts import NAMES, Script, parse, script

READS = {"GET", "HGET", "HLEN", "HMGET", "INFO", "MGET", "TIME", "XLEN", "XREVRANGE"}
WRITES = {"HDEL", "HSET", "PEXPIRE", "PEXPIREAT", "SET", "XADD", "XTRIM"}
COMMANDS_OF_6_2 = READS | WRITES
"""Those that the scripts need, each of them older than 6.2 or in it (XTRIM MINID). One more is a decision."""
NEWER_OPTIONS = {"NX", "XX", "GT", "LT", "KEEPTTL", "NOMKSTREAM", "-*"}

ALL = pytest.mark.parametrize("name", NAMES)


def calls(one: Script) -> list[tuple[str, str]]:
    """Each redis.call: the command, and the line it stands in."""
    return [
        (found[1], line)
        for line in one.body.splitlines()
        for found in re.finditer(r"(?<![\w.])(?:redis\.)?p?call\(\s*'([A-Z]+)'", line)
    ]


def drift(one: Script) -> list[str]:
    """Where header and body say different things."""
    found = []
    for letter, declared in (("KEYS", one.keys), ("ARGV", one.arguments)):
        positions = [argument.position for argument in declared]
        if positions != list(range(1, len(positions) + 1)):
            found.append(f"{letter} are not declared in order: {positions}")
        if any(argument.open_ended for argument in declared[:-1]):
            found.append(f"only the last of {letter} may be open-ended")
        indexes = re.findall(letter + r"\[([^\]]+)\]", one.body)
        used = {int(index) for index in indexes if index.isdecimal()}
        computed = any(not index.isdecimal() for index in indexes) or f"#{letter}" in one.body
        fixed = {argument.position for argument in declared if not argument.open_ended}
        found += [f"{letter}[{n}] is declared and not used" for n in sorted(fixed - used)]
        found += [f"{letter}[{n}] is used and not declared" for n in sorted(used - set(positions))]
        open_ended = any(argument.open_ended for argument in declared)
        if computed != open_ended:
            found.append(f"{letter}: the header says open-ended {open_ended}, the body {computed}")
    returned = {int(code) for code in re.findall(r"return \{(-?\d+)[,}]", one.body)}
    found += [f"code {code} is returned and not declared" for code in sorted(returned - one.output_codes)]
    found += [f"code {code} is declared and not returned" for code in sorted(one.output_codes - returned)]
    found += [f"code {code} is not in the enum" for code in one.output_codes - {int(c) for c in Code}]
    return found


@ALL
def test_the_header_says_what_the_body_does(name: str) -> None:
    """Every key, argument and output code is declared, used, and known to the enum."""
    assert drift(script(name)) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("-- KEYS[2]  versions       hash: guard name -> catalogue version\n", ""),
        ("-- ARGV[3]  private part of the event, may be empty\n", ""),
        ("{-7} BUSY", "BUSY"),
        ("{-8} SCHEMA", "{-8} SCHEMA {-9} NEW"),
        ("unpack(ARGV[1])", "unpack(ARGV[0])"),
        ("return {-8}", "return {-11}"),
    ],
)
def test_drift_is_noticed(old: str, new: str) -> None:
    """A header or a body that is changed alone fails the test above."""
    source = script("apply").source
    assert old in source
    assert drift(parse("apply", source.replace(old, new, 1)))


@ALL
def test_only_commands_of_redis_6_2_are_used(name: str) -> None:
    """Nor an option of a later version, nor a command whose name is made at run time."""
    one = script(name)
    found = calls(one)
    assert {command for command, _ in found} <= COMMANDS_OF_6_2
    assert len(re.findall(r"(?<![\w.])(?:redis\.)?p?call\(", one.body)) == len(found)
    for _, line in found:
        assert not NEWER_OPTIONS & set(re.findall(r"'([^']*)'", line)), line


@ALL
def test_nothing_is_written_before_the_commit_point_nor_read_after_it(name: str) -> None:
    """Redis does not roll a script back: what may fail comes first, what writes comes last."""
    before, marked, after = script(name).source.partition("-- COMMIT POINT")
    assert marked
    assert {command for command, _ in calls(parse(name, before))} <= READS
    tail = re.findall(r"(?<![\w.])(?:redis\.)?p?call\(\s*'([A-Z]+)'", after)
    assert set(tail) <= WRITES
    assert "error_reply" not in after


@ALL
def test_no_key_is_named_by_data(name: str) -> None:
    """Every key is declared, as Cluster demands: the first argument of each command is one of KEYS."""
    body = script(name).body
    for command, key in re.findall(r"(?<![\w.])(?:redis\.)?p?call\(\s*'([A-Z]+)'\s*,?\s*([^,)]*)", body):
        if command not in {"INFO", "TIME"}:
            assert key.startswith("KEYS[") or key == "key", (command, key)
    assert all(
        re.fullmatch(r"local key(?:, count)? = KEYS\[.*", line.strip())
        for line in body.splitlines()
        if "local key" in line
    )


@ALL
def test_json_is_never_parsed_in_a_script(name: str) -> None:
    """Arguments are flat, or one flat array of MessagePack, which is read at a fraction of the cost."""
    assert not re.search(r"cjson|loadstring|redis\.log|math\.random", script(name).body)
