"""From hyperparameters to a trained model: the loop and what watches it."""
