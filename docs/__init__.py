"""The documentation, and the program that writes the page of hyperparameters."""
