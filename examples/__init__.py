"""Data sets in the layout that the job reads, and a readable view of what it writes."""
