"""The ground floor: text of messages and files read with care; the standard library alone."""
