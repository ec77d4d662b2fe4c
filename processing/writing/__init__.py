"""Whatever the job writes: aside first, then renamed into place."""
