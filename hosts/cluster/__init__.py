"""How hosts find each other, and how they notice that one is lost."""
