"""The only maker of key names. Every key carries its partition's hash tag and, but for meta and outbox, its
namespace.
"""

from functools import lru_cache
from typing import NamedTuple
from zlib import crc32

BUCKET_FIELDS = 128
"""Buckets keep hashes in their packed encoding (21 B a field against 54 B for a key of its own)."""
BUCKETS = 1 << 16


class Partition(NamedTuple):
    """Where a project's counters live. All keys of one partition share one slot of a cluster (architecture,
    decision 2).
    """

    project_id: str
    part: int = 0

    @property
    def name(self) -> str:
        return f"{self.project_id}.{self.part}"

    @property
    def tag(self) -> str:
        return f"{{{self.project_id}.{self.part}}}"

    @classmethod
    def parse(cls, name: str) -> "Partition":
        project_id, _, part = name.rpartition(".")
        return cls(project_id, int(part))


def bucket_of(identity: str) -> str:
    """The bucket, in hexadecimal, in which an identity's field lives."""
    return f"{crc32(identity.encode()) % BUCKETS:x}"


def meta(partition: Partition) -> str:
    """epoch, seq, replid, ns, schema, state, outbox bytes, trimmed."""
    return f"{partition.tag}:m"


def outbox(partition: Partition) -> str:
    return f"{partition.tag}:o"


def refused(partition: Partition) -> str:
    """The best-effort stream of refusals (D14)."""
    return f"{partition.tag}:f"


def watermark(partition: Partition) -> str:
    """ledgered and projected event ids, written by the drain after its commits."""
    return f"{partition.tag}:w"


def access(partition: Partition) -> str:
    """Changes with every revocation of a key of the project: what a process has verified before is verified
    anew.
    """
    return f"{partition.tag}:a"


def watermark_channel(partition: Partition) -> str:
    return f"wm:{partition.tag}"


@lru_cache(maxsize=4096)
def partition_of(project_id: str) -> Partition:
    """The partition of a project's own things; asked for several times by every request."""
    return Partition(project_id)


class Keys:
    """Key names of one namespace of one partition."""

    __slots__ = ("base", "meta", "namespace", "outbox", "partition", "versions")

    def __init__(self, partition: Partition, namespace: str) -> None:
        self.partition = partition
        self.namespace = namespace
        self.base = f"{partition.tag}:{namespace}:"
        self.meta = meta(partition)
        self.outbox = outbox(partition)
        self.versions = self.base + "cv"
        """Catalogue versions: guard name to version (D4)."""

    def replay(self, rid: str) -> str:
        return f"{self.base}i:{rid}"

    def idempotency(self, scope_hash: str) -> str:
        return f"{self.base}ik:{scope_hash}"

    def voucher_used(self, voucher_id: str) -> str:
        """Field: the voucher's id. Counter of redemptions."""
        return f"{self.base}v:{bucket_of(voucher_id)}"

    def balance(self, voucher_id: str) -> str:
        """Field: the voucher's id. Gift credits in minor units, or points."""
        return f"{self.base}g:{bucket_of(voucher_id)}"

    def counter(
        self, scope: str, identity: str, customer: str = "", product: str = "", window: str = ""
    ) -> str:
        """`n:<scope>:<id>[:<customer>][:<product>][:<window>]`; fields are `used`, `amount`, `orders`,
        `units` (D7).
        """
        key = f"{self.base}n:{scope}:{identity}"
        if customer:
            key += f":c={customer}"
        if product:
            key += f":p={product}"
        if window:
            key += f":w={window}"
        return key

    def voucher_record(self, folded_code: str) -> str:
        """Field: the folded code."""
        return f"{self.base}r:{bucket_of(folded_code)}"

    def voucher_code(self, voucher_id: str) -> str:
        """Field: the voucher's id; value: its folded code, so that a v_ id is accepted where a code is."""
        return f"{self.base}vc:{bucket_of(voucher_id)}"

    def customer_record(self, customer_id: str) -> str:
        """Field: the customer's id."""
        return f"{self.base}k:{bucket_of(customer_id)}"

    def source_claim(self, source_id: str) -> str:
        """Field: the source_id; value: the id of the customer that owns it (D15)."""
        return f"{self.base}s:{bucket_of(source_id)}"

    def order(self, order_id: str) -> str:
        """Hash: v version, d state."""
        return f"{self.base}ord:{order_id}"

    def order_source(self, source_id: str) -> str:
        """Field: the order's source_id; value: the order's id."""
        return f"{self.base}os:{bucket_of(source_id)}"

    def redemption(self, redemption_id: str) -> str:
        """Hash: n parts returned, u which units. Lives one hour from the last of them (D9)."""
        return f"{self.base}rd:{redemption_id}"

    def session(self, digest: str) -> str:
        """Field: a voucher's id; value: what the session holds of it (D8). Never expires by itself."""
        return f"{self.base}h:{digest}"

    def voucher_sessions(self, voucher_id: str) -> str:
        """Field: a session's digest; value: the deadline of its hold in epoch milliseconds."""
        return f"{self.base}hv:{voucher_id}"

    def rate(self, scope: str, identity: str) -> str:
        return f"{self.base}rl:{scope}:{identity}"

    def guess_budget(self, scope: str, identity: str) -> str:
        """Failed lookups of an address, a customer or a key."""
        return f"{self.base}gf:{scope}:{identity}"

    def guess_block(self, scope: str, identity: str) -> str:
        """There while that budget is spent."""
        return f"{self.base}gb:{scope}:{identity}"


def is_balance_key(key: str) -> bool:
    """Whether a counter key holds balances: its base is a gift's opening amount, not a redeemed quantity."""
    return key.split(":")[2] == "g"


def is_voucher_used_key(key: str) -> bool:
    return key.split(":")[2] == "v"
