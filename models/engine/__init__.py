"""One iteration: gradients, structure, leaf values, scores."""
