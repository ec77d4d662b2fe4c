"""Data files as tables: channels, formats, text forms of values."""
