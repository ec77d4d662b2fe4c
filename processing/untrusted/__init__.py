"""Pickles and archives that come from elsewhere."""
