"""The tables, as the newest migration leaves them."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    false,
)

metadata = MetaData()

VERSION = "0002"
"""The newest migration in migrations/versions: a database with another is older, or of a newer Commonweal."""

counters = Table(
    "counters",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

organisations = Table(
    "organisations",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", Text, nullable=False),
    Column("standing", String, nullable=False),
    Column("sectors", JSON, nullable=False),
    Column("size", String, nullable=False),
    Column("roles", JSON, nullable=False),
    Column("description", Text, nullable=False),
    Column("places", JSON, nullable=False),
    Column("identifiers", JSON, nullable=False),
    Column("attention_cap", Integer),
    Column("excludes", JSON, nullable=False),
    Column("edited", JSON, nullable=False),  # fields a person edited: an import leaves them alone
    Column("source", String, nullable=False),  # the file it came from
    Column("revision", BigInteger, nullable=False, index=True),
)

contacts = Table(
    "contacts",
    metadata,
    Column("organisation", String, ForeignKey("organisations.id"), primary_key=True),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
)

listings = Table(
    "listings",
    metadata,
    Column("id", String, primary_key=True),
    Column("organisation", String, ForeignKey("organisations.id"), nullable=False, index=True),
    Column("kind", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("resource", String, nullable=False),
    Column("themes", JSON, nullable=False),
    Column("places", JSON, nullable=False),
    Column("remote", Boolean, nullable=False),
    Column("capacity", Integer),
    Column("opens", Date),
    Column("closes", Date),
    Column("evidence", Text, nullable=False),
    Column("gain", Text, nullable=False),
    Column("visibility", String, nullable=False),
    Column("edited", JSON, nullable=False),
    Column("source", String, nullable=False),
    Column("revision", BigInteger, nullable=False, index=True),
)

vectors = Table(
    "vectors",
    metadata,
    Column("encoder", String, primary_key=True),
    Column("digest", String(64), primary_key=True),  # sha256 of the passage's text
    Column("vector", LargeBinary, nullable=False),  # float32, little-endian, unit length
    Column("clauses", LargeBinary, nullable=False),  # one after the other, each as long as the vector
)

rounds = Table(
    "rounds",
    metadata,
    Column("week", String(8), primary_key=True),  # 2026-W48
    Column("revision", Integer, nullable=False),
    Column("versions", JSON, nullable=False),  # encoder, ranker and code that made it
    Column("left_out", JSON, nullable=False),  # members with nothing, whether something fitted, what they are told
    Column("proposed_at", DateTime(timezone=True), nullable=False),
    Column("released_at", DateTime(timezone=True)),
    Column("value", Float),  # what the allocation reached
    Column("bound", Float),  # no allocation is worth more
    Column("unmet", JSON(none_as_null=True)),  # pins that could not be met
)

suggestions = Table(
    "suggestions",
    metadata,
    Column("week", String(8), ForeignKey("rounds.week"), primary_key=True),
    Column("need", String, primary_key=True),
    Column("offer", String, primary_key=True),
    Column("fit", Float, nullable=False),
    Column("strength", String, nullable=False),
    Column("score", Float, nullable=False),
    Column("shown", JSON, nullable=False),  # both texts, reasons, mismatches and cautions as they were shown
    Column("propensity", Float),  # how likely this round was to choose it; null in rounds before this was known
    Column("asking", Float),  # likelihood of a yes of the side that asks
    Column("giving", Float),  # and of the side that gives
    Column("pinned", Boolean, nullable=False, server_default=false()),
)

passed_over = Table(
    "passed_over",
    metadata,
    Column("week", String(8), ForeignKey("rounds.week"), primary_key=True),
    Column("need", String, primary_key=True),
    Column("offer", String, primary_key=True),
    Column("fit", Float, nullable=False),
    Column("strength", String, nullable=False),
    Column("propensity", Float, nullable=False),  # how likely chance was to choose it; 0 where chance had no hand in it
    Column("why", Text, nullable=False),  # why not
    Column("between", JSON, nullable=False),  # the two organisations
)

pins = Table(
    "pins",
    metadata,
    Column("week", String(8), primary_key=True),  # perhaps before its round is proposed
    Column("need", String, primary_key=True),
    Column("offer", String, primary_key=True),
    Column("why", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)

forbids = Table(
    "forbids",
    metadata,
    Column("need", String, primary_key=True),
    Column("offer", String, primary_key=True),
    Column("why", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)

declines = Table(
    "declines",
    metadata,
    Column("need", String, primary_key=True),
    Column("offer", String, primary_key=True),
    Column("need_text", Text, nullable=False),
    Column("offer_text", Text, nullable=False),
    Column("why", Text, nullable=False),
)

blocks = Table(
    "blocks",
    metadata,
    Column("one", String, primary_key=True),  # the smaller id first
    Column("other", String, primary_key=True),
    Column("why", Text, nullable=False),
)

pauses = Table(
    "pauses",
    metadata,
    Column("organisation", String, primary_key=True),
    Column("until", Date),  # the last day of it; null: until taken back
    Column("why", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)
