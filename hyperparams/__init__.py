"""What the user asks for: the schema of the hyperparameters and where they come from."""
