//! Data structures that know nothing of a server.
