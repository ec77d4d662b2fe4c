"""The engine: losses, task weights, shared trees, the model file, checkpoints, evaluation."""
