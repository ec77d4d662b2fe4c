"""How much one request may ask for, and how long it may take.

Whoever can reach the port can send anything; these numbers bound what it costs. A request within
SageMaker's own limits stays far below them.
"""

MAX_BODY_BYTES = 6 * 1024 * 1024
"""SageMaker's limit for an endpoint, and batch transform's default."""

MAX_PARQUET_BYTES = 64 * 1024 * 1024
"""What the needed columns of a Parquet body may take in memory."""

PARQUET_PROCESS_BYTES = 768 * 1024 * 1024
"""The memory of the process that decodes Parquet."""

PARQUET_SECONDS = 15.0
"""How long that process may take for one body."""

MAX_REASON_ROWS = 10_000
"""Rows of a request that asks for reasons, which cost a hundred times as much as scores."""

MAX_RESULT_VALUES = 2**21
"""Rows times columns of an answer."""

SMALL_BODY_BYTES = 64 * 1024
"""Bodies up to here need no reserved room."""

MAX_INLINE_VALUES = 2048
"""Rows times columns of an answer up to which it is made by the event loop's thread, at once."""

BODY_ROOM_BYTES = 64 * 1024 * 1024
"""Bytes of larger bodies that one process holds at a time; others wait."""

HEADER_SECONDS = 10.0
"""From the first byte of a request, or from the connection, to the end of the headers."""

BODY_SECONDS = 20.0
"""For a body to arrive, its wait for room included."""

DISCARD_SECONDS = 10.0
"""How long the rest of a body is read and thrown away after a refusal."""

WRITE_SECONDS = 20.0
"""How long a client may leave a full send buffer as it is."""

KEEP_ALIVE_SECONDS = 60
"""How long a connection without a request stays open."""

MAX_CONNECTIONS = 1000
"""Connections per process; requests beyond get a 503."""
