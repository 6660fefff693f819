//! The vocabulary in which a command declares itself, and what follows from a declaration alone.
