"""The losses as pure functions of arrays, and the factory that picks one."""
