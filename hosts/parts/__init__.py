"""What one host does: its tables, its rows in training, its place in LightGBM's network."""
