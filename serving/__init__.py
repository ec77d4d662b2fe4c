"""The model behind a port: requests in, probabilities out, by HTTP as SageMaker speaks it."""
