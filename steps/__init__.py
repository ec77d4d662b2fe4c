"""The steps of the training job, one module each, where data and models meet."""
