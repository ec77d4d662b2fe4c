"""Files of raw rows in, a file with their probabilities out."""
