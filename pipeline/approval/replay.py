"""Replays: who reads recordings, and who lets them. In pipeline.approval.decision's envelope:

    {"v":1,"replay":{"cluster":"<id>","lane":3,"flow":"payments","principal":"checkout","record":"",
     "since":<ms>,"until":<ms>,"mode":"masked"|"reveal","place":"terminal"|"file"|"topic","approved":"3/41 0/17",
     "reason":"...","jti":"...","iat":<seconds since 1970>}}
    {"v":1,"replay_word":{"cluster":"<id>","lane":3,"flow":"payments","principal":"checkout","record":"",
     "since":<ms>,"until":<ms>,"mode":"masked"|"reveal","replayer":"cy@pay.example","reason":"...","jti":"...",
     "iat":<seconds>}}

    {"v":1,"shred":{"cluster":"<id>","lane":3,"flow":"payments","month":"2026-11","answer":"","reason":"...","jti":"...",
     "iat":<seconds>}}

The first says that somebody is about to read: one `record`, or what a principal wrote in a time, the end excluded;
`approved` are the ids of the events that tell of others' words. The second is such a word. The third says that somebody
is about to have the KEK of a flow's month destroyed; and then what the key service answered, in its words.
"""

from dataclasses import dataclass

from pipeline.approval.signed import Signed


@dataclass(frozen=True, slots=True)
class Replay(Signed):
    """`since`, `until` in ms, the broker's time of records; `record` is empty for a session; the rest as in
    Decision."""

    cluster: str
    lane: int
    flow: str
    principal: str
    record: str
    since: int
    until: int
    mode: str
    place: str
    approved: str
    reason: str
    jti: str
    iat: int


@dataclass(frozen=True, slots=True)
class ReplayWord(Signed):
    """Somebody lets `replayer` replay exactly that; members as in Replay."""

    cluster: str
    lane: int
    flow: str
    principal: str
    record: str
    since: int
    until: int
    mode: str
    replayer: str
    reason: str
    jti: str
    iat: int


@dataclass(frozen=True, slots=True)
class Shred(Signed):
    """`month` as 2026-11; `answer` is empty before the key is destroyed."""

    cluster: str
    lane: int
    flow: str
    month: str
    answer: str
    reason: str
    jti: str
    iat: int
