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
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    Time,
    false,
    true,
)

metadata = MetaData()

VERSION = "0004"
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
    Column("need", String, primary_key=True, index=True),
    Column("offer", String, primary_key=True, index=True),
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
    Column("occasion", String(8), primary_key=True),  # a week, perhaps before its round is proposed; or a session's id
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

people = Table(
    "people",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("email", Text, nullable=False, unique=True),  # in small letters
    Column("name", Text, nullable=False),
    Column("access", String, nullable=False),  # member, coordinator, administrator
    Column("undeliverable_at", DateTime(timezone=True)),  # mails to this address came back for good: none are sent
    Column("undeliverable_why", Text, nullable=False),
)

acting = Table(
    "acting",
    metadata,
    Column("person", String(32), ForeignKey("people.id"), primary_key=True),
    Column("organisation", String, ForeignKey("organisations.id"), primary_key=True, index=True),
    Column("digest", Boolean, nullable=False, server_default=true()),  # whether this person gets its digest
    Column("digest_from", Date),  # and not before this day
    Column("added_by", String, nullable=False),  # import, replaced, or a person's id
    Column("called", Text),  # the name they were given there; null: their own
    Column("ended_at", DateTime(timezone=True)),  # kept, so that no import adds again whom somebody removed
)

links = Table(  # mailed, to sign in with once; worth nothing without the signature that the mail has
    "links",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("person", String(32), ForeignKey("people.id"), nullable=False, index=True),
    Column("goes_to", Text, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("used_at", DateTime(timezone=True)),
)

visits = Table(  # browsers that are signed in
    "visits",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),  # sha256 of the cookie
    Column("previous", String(64), index=True),  # of the cookie before it was changed, good for a minute more
    Column("person", String(32), ForeignKey("people.id"), nullable=False, index=True),
    Column("browser", Text, nullable=False),
    Column("began_at", DateTime(timezone=True), nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),  # when the cookie was last changed
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
)

tokens = Table(  # with which a person's programs use the API
    "tokens",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("person", String(32), ForeignKey("people.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
)

memberships = Table(
    "memberships",
    metadata,
    Column("organisation", String, ForeignKey("organisations.id"), primary_key=True),
    Column("register", String, nullable=False),  # charity, company, nhs, ukprn, none
    Column("number", Text, nullable=False),
    Column("approved_by", String(32), nullable=False),  # a coordinator's id
    Column("approved_at", DateTime(timezone=True), nullable=False),
    Column("until", Date),  # the last day of it; null: until somebody ends it
    Column("reminded_at", DateTime(timezone=True)),  # that it will end
)

applications = Table(
    "applications",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation", String),  # where one that is listed or invited applies
    Column("name", Text, nullable=False),
    Column("register", String, nullable=False),
    Column("number", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("places", JSON, nullable=False),
    Column("sectors", JSON, nullable=False),
    Column("size", String, nullable=False),
    Column("person_name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("decided_at", DateTime(timezone=True)),
    Column("decided_by", String(32)),
    Column("decision", String),  # approved, refused
    Column("why", Text, nullable=False),
)

invitations = Table(
    "invitations",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation", String, ForeignKey("organisations.id"), nullable=False, index=True),
    Column("email", Text, nullable=False),
    Column("person_name", Text, nullable=False),
    Column("invited_by", String(32), nullable=False),
    Column("invited_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("until", Date),  # the last day of the membership it leads to
    Column("accepted_at", DateTime(timezone=True)),
)

confirmations = Table(  # whether a listing is still true
    "confirmations",
    metadata,
    Column("listing", String, ForeignKey("listings.id"), primary_key=True),
    Column("confirmed_on", Date, nullable=False),  # the day it was written, changed or confirmed last
    Column("asked_on", Date),  # the day the digest asked since
    Column("by", String, nullable=False),  # a person's id, import, or a job that saw it first
)

replies = Table(
    "replies",
    metadata,
    Column("suggestion", String(20), primary_key=True),  # the suggestion's key
    Column("organisation", String, ForeignKey("organisations.id"), primary_key=True),
    Column("answer", String, nullable=False),  # interested, not-now, not-for-us
    Column("why", Text, nullable=False),
    Column("person", String(32), ForeignKey("people.id"), nullable=False),
    Column("via", String, nullable=False),  # page, link, coordinator
    Column("at", DateTime(timezone=True), nullable=False),
)

introductions = Table(  # begun by the first side that is interested
    "introductions",
    metadata,
    Column("key", String(20), primary_key=True),  # the suggestion's
    Column("week", String(8), nullable=False, index=True),  # of the round, or in which it was asked for
    Column("need", String, nullable=False),
    Column("offer", String, nullable=False),
    Column("asking", String, ForeignKey("organisations.id"), nullable=False, index=True),  # whose the need is
    Column("giving", String, ForeignKey("organisations.id"), nullable=False, index=True),  # whose the offer is
    Column("origin", String, nullable=False),  # round, or found by whoever opened it
    Column("strength", String, nullable=False),
    Column("fit", Float, nullable=False),
    Column("score", Float, nullable=False),
    Column("shown", JSON, nullable=False),  # as a suggestion's
    Column("state", String, nullable=False),  # asked, introduced, declined, expired, withdrawn
    Column("opened_by", String, nullable=False),  # the organisation that was interested first
    Column("opened_at", DateTime(timezone=True), nullable=False),
    Column("due", Date, nullable=False),  # the last day on which the other side may reply
    Column("reminded_at", DateTime(timezone=True)),
    Column("introduced_at", DateTime(timezone=True)),
    Column("asked_how_at", DateTime(timezone=True)),  # when both were asked what came of it
    Column("closed_at", DateTime(timezone=True)),
)

outcomes = Table(  # what each side says came of an introduction
    "outcomes",
    metadata,
    Column("introduction", String(20), ForeignKey("introductions.key"), primary_key=True),
    Column("organisation", String, ForeignKey("organisations.id"), primary_key=True),
    Column("answer", String, nullable=False),  # met, arranged, no-answer, not-going-ahead
    Column("person", String(32), ForeignKey("people.id"), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)

mails = Table(  # to be sent, or sent: written in the transaction that promises them, composed when they go
    "mails",
    metadata,
    Column("key", String, primary_key=True),  # says what it is, so that it is promised once
    Column("kind", String, nullable=False),
    Column("email", Text, nullable=False),
    Column("person", String(32)),  # null where it goes to somebody who is not known yet
    Column("about", JSON, nullable=False),  # ids, from which it is composed
    Column("state", String, nullable=False),  # waiting, sending, sent, failed, unsure, dropped
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("claimed_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),  # sent, failed, unsure or dropped
    Column("says", Text, nullable=False),  # what the mail server said, or why it was dropped
)
Index("mails_waiting", mails.c.state, mails.c.due_at)

events = Table(  # who did what where that is to be known later
    "events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("person", String(32), nullable=False),
    Column("organisation", String),  # about whom
    Column("what", String, nullable=False),
    Column("says", Text, nullable=False),
)

reviews = Table(  # what people decided about a pair for an occasion: made by a person's first step, never by a solve
    "reviews",
    metadata,
    Column("key", String(20), primary_key=True),  # of occasion, need and offer
    Column("occasion", String(8), nullable=False, index=True),  # a round's week, or a session's id
    Column("need", String, nullable=False),
    Column("offer", String, nullable=False),
    Column("version", Integer, nullable=False),  # rises with every step but a comment
    Column("decision", String, nullable=False),  # undecided, approved, rejected, held
    Column("why", Text, nullable=False),
    Column("says", Text, nullable=False),  # the reason that members see first; empty: as composed
    Column("assigned_to", String(32)),  # a coordinator's id
    Column("decided_by", String(32)),
    Column("decided_at", DateTime(timezone=True)),
    Column("ranker", String, nullable=False),  # the version that ranked it as it was seen
    Column("fit", Float, nullable=False),
    Column("strength", String, nullable=False),
    Column("score", Float, nullable=False),
    Column("shown", JSON, nullable=False),  # as it was seen when it was first acted upon, or last decided
)

review_steps = Table(  # every step of every review: nothing here is changed or deleted
    "review_steps",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("review", String(20), ForeignKey("reviews.key"), nullable=False, index=True),
    Column("version", Integer, nullable=False),  # that the review has after it
    Column("at", DateTime(timezone=True), nullable=False),
    Column("person", String(32), nullable=False),
    Column("what", String, nullable=False),  # decide, pin, unpin, forbid, allow, reword, assign, swap, comment, undo
    Column("before", JSON, nullable=False),  # the fields that it changed
    Column("after", JSON, nullable=False),
    Column("why", Text, nullable=False),
    Column("undoes", Integer),  # the step that it took back
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(8), primary_key=True),
    Column("title", Text, nullable=False),
    Column("themes", JSON, nullable=False),
    Column("day", Date, nullable=False),
    Column("starts", Time, nullable=False),  # of the first slot, where the network is
    Column("place", Text, nullable=False),  # of the vocabulary, or empty
    Column("venue", Text, nullable=False),  # an address, a room, a link
    Column("online", Boolean, nullable=False),
    Column("capacity", Integer, nullable=False),  # organisations
    Column("slots", Integer, nullable=False),
    Column("slot_minutes", Integer, nullable=False),
    Column("gap_minutes", Integer, nullable=False),  # between two slots
    Column("tables", Integer, nullable=False),
    Column("follows", String(8)),  # the session before
    Column("state", String, nullable=False),  # planned, held, cancelled
    Column("version", Integer, nullable=False),
    Column("made_by", String(32), nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False),
)

attendees = Table(
    "attendees",
    metadata,
    Column("session", String(8), ForeignKey("sessions.id"), primary_key=True),
    Column("organisation", String, ForeignKey("organisations.id"), primary_key=True),
    Column("state", String, nullable=False),  # invited, coming, cancelled
    Column("arrives", Time),  # null: when it begins
    Column("leaves", Time),  # null: when it ends
    Column("note", Text, nullable=False),  # who comes, what to mind
    Column("version", Integer, nullable=False),
    Column("changed_by", String(32), nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
)

plans = Table(  # a session's newest pairings as solved
    "plans",
    metadata,
    Column("session", String(8), ForeignKey("sessions.id"), primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("versions", JSON, nullable=False),  # encoder, ranker and code that made it
    Column("left_out", JSON, nullable=False),  # attendees with nothing, whether something fitted, the closest misses
    Column("unmet", JSON, nullable=False),  # pins that could not be met
    Column("value", Float, nullable=False),
    Column("bound", Float, nullable=False),
    Column("solved_at", DateTime(timezone=True), nullable=False),
)

planned = Table(  # its pairings
    "planned",
    metadata,
    Column("session", String(8), ForeignKey("sessions.id"), primary_key=True),
    Column("need", String, primary_key=True),
    Column("offer", String, primary_key=True),
    Column("fit", Float, nullable=False),
    Column("strength", String, nullable=False),
    Column("score", Float, nullable=False),
    Column("shown", JSON, nullable=False),  # as a suggestion's
    Column("propensity", Float),
    Column("asking", Float),
    Column("giving", Float),
    Column("pinned", Boolean, nullable=False, server_default=false()),
)

timetables = Table(
    "timetables",
    metadata,
    Column("session", String(8), ForeignKey("sessions.id"), primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("solved_at", DateTime(timezone=True), nullable=False),
    Column("value", Float, nullable=False),  # what the meetings held are worth
    Column("bound", Float, nullable=False),  # no timetable is worth more
    Column("unplaced", JSON, nullable=False),  # pairs of organisations without a slot, and why
)

meetings = Table(  # of two organisations at a session; kept when cancelled, as calendars have it by its uid
    "meetings",
    metadata,
    Column("session", String(8), ForeignKey("sessions.id"), primary_key=True),
    Column("one", String, primary_key=True),  # the smaller id first
    Column("other", String, primary_key=True),
    Column("slot", Integer, nullable=False),  # from 0
    Column("table", Integer, nullable=False),  # from 1
    Column("uid", String, nullable=False, unique=True),
    Column("sequence", Integer, nullable=False),  # rises whenever what a calendar shows changes
    Column("is_cancelled", Boolean, nullable=False),
    Column("is_fixed", Boolean, nullable=False, server_default=false()),  # a person chose its slot and table
    Column("changed_at", DateTime(timezone=True), nullable=False),
)

promises = Table(  # what was promised in the room
    "promises",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("session", String(8), ForeignKey("sessions.id"), nullable=False, index=True),
    Column("organisation", String, ForeignKey("organisations.id"), nullable=False),
    Column("says", Text, nullable=False),
    Column("due", Date),  # the day to report back by
    Column("kept_at", DateTime(timezone=True)),
    Column("outcome", Text, nullable=False),  # what came of it, as reported back
    Column("by", String(32), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)
