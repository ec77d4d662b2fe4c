"""From files to arrays and back: reading, checking, preprocessing, writing."""
